// One vrrp_instance with the defaults and coercions of the C daemon (vrrp_complete_instance there). Used by config.ts.
import type { AddressEntry } from './entries.ts';
import type { Report } from './findings.ts';
import { type NetworkContext, readRoutes, readRules, readVmac } from './network.ts';
import type { GLOBAL_DEFS } from './schema/global.ts';
import type { VRRP_INSTANCE } from './schema/vrrp.ts';
import type { Placed, Reading } from './spec.ts';
import { applyStrict, strictState } from './strict.ts';
import type { Authentication, Garp, GlobalConfig, InstanceConfig } from './types.ts';
import { last, notifyOf, trackedOf } from './values.ts';

type Values = Reading<typeof VRRP_INSTANCE>['values'];
type Globals = Reading<typeof GLOBAL_DEFS>['values'];

interface Context {
  readonly global: GlobalConfig;
  readonly globals: Globals;
  readonly mailByDefault: boolean;
  readonly network: NetworkContext;
}

const PASSWORD_MAX = 8;
const V3_ADVERT_MAX_MS = 40_950;
const OWNER = 255;

export function readInstance(
  reading: Reading<typeof VRRP_INSTANCE>,
  context: Context,
  report: Report,
): InstanceConfig {
  const { values: v, at } = reading;
  const { global, globals, network } = context;
  const name = reading.args[0]?.text ?? '';
  const placeOf = (keyword: string) =>
    (v as Record<string, readonly Placed<unknown>[]>)[keyword]?.at(-1)?.at ?? at;
  const addresses = sameFamily(name, v, report);
  const family = addresses[0]?.value.address.includes(':') ? 6 : 4;
  const version = family === 6 || (last(v.version) ?? global.vrrpVersion) === 3 ? 3 : 2;
  const strict = last(v.strict_mode) ?? global.strict;
  const typedState = last(v.state) ?? 'BACKUP';
  // As the C daemon: MASTER alone means the owner of the address.
  const priority = last(v.priority) ?? (typedState === 'MASTER' && v.priority === undefined ? OWNER : 100);
  const state = strict ? strictState(name, v, { state: typedState, priority }, report) : typedState;
  if (family === 6 && last(v.version) === 2)
    report(
      'error',
      placeOf('version'),
      'version-family',
      'VRRP version 2 knows IPv4 only; version 3 is taken for these addresses',
      'write version 3',
    );
  const preempt = v.nopreempt === undefined || (v.preempt?.at(-1)?.at.line ?? 0) > placeOf('nopreempt').line;
  const unicast = (v.unicast_peer ?? []).some((each) => each.value.length > 0);
  const virtualRouterId = last(v.virtual_router_id) ?? null;
  const instance: InstanceConfig = {
    name,
    at,
    state,
    interface: last(v.interface) ?? last(globals.default_interface) ?? null,
    virtualRouterId,
    priority,
    version,
    family,
    advertIntervalMs: advertInterval(last(v.advert_int) ?? 1000, version, placeOf('advert_int'), report),
    preempt: preempt || state === 'MASTER',
    preemptDelayMs: preempt && state === 'BACKUP' ? (last(v.preempt_delay) ?? 0) : 0,
    authentication: strict ? { type: 'none' } : authentication(v, version, report),
    accept: priority === OWNER || v.no_accept === undefined || v.accept !== undefined,
    addresses,
    excluded: (v.virtual_ipaddress_excluded ?? []).flatMap((each) => each.value),
    routes: readRoutes(v.virtual_routes, false, network, report),
    rules: readRules(v.virtual_rules, false, network, report),
    vmac: readVmac(v, { name, virtualRouterId, family, unicast, strict }, network, report),
    sourceAddress: last(v.unicast_src_ip) ?? last(v.mcast_src_ip) ?? null,
    multicastGroup:
      last(v.mcast_dst_ip) ??
      last(family === 4 ? globals.vrrp_mcast_group4 : globals.vrrp_mcast_group6) ??
      null,
    unicastPeers: (v.unicast_peer ?? []).flatMap((each) => each.value),
    trackSource: v.track_src_ip !== undefined,
    lacksPeer: v.unicast_fault_no_peer !== undefined && !unicast,
    oldUnicastChecksum: unicast && v.old_unicast_checksum?.at(-1)?.value.length === 0,
    unicastTtl: last(v.unicast_ttl) ?? 255,
    v3ChecksumAsV2: last(v.v3_checksum_as_v2) ?? false,
    ownerIgnoreAdverts: last(v.owner_ignore_adverts) ?? globals.vrrp_owner_ignore_adverts !== undefined,
    promoteSecondaries: v.promote_secondaries !== undefined,
    checkUnicastSource:
      v.check_unicast_src !== undefined ||
      globals.vrrp_check_unicast_src !== undefined ||
      (v.unicast_peer ?? []).some((each) =>
        each.value.some(({ value }) => value.minTtl !== null || value.maxTtl !== null),
      ),
    tracked: trackedOf(v),
    trackPrimary: v.dont_track_primary === undefined,
    notify: notifyOf(v),
    notifyMasterRxLowerPriority: last(v.notify_master_rx_lower_pri) ?? null,
    mail: last(v.smtp_alert) ?? context.mailByDefault,
    garp: garp(v, globals),
    downTimerAdverts: last(v.down_timer_adverts) ?? last(globals.vrrp_down_timer_adverts) ?? 3,
    lowerPriorityNoAdvert: last(v.lower_prio_no_advert) ?? last(globals.vrrp_lower_prio_no_advert) ?? false,
    higherPrioritySendAdvert:
      last(v.higher_prio_send_advert) ?? last(globals.vrrp_higher_prio_send_advert) ?? false,
    skipCheckAdvertAddress: last(v.skip_check_adv_addr) ?? globals.vrrp_skip_check_adv_addr !== undefined,
    strict,
    placeOf,
  };
  return strict ? applyStrict(instance, v, report) : instance;
}

/** The first address decides; one of the other family cannot be advertised with it. */
function sameFamily(name: string, v: Values, report: Report): readonly Placed<AddressEntry>[] {
  const all = (v.virtual_ipaddress ?? []).flatMap((each) => each.value);
  const six = all[0]?.value.address.includes(':');
  return all.filter((entry) => {
    if (entry.value.address.includes(':') === six) return true;
    const message = `${entry.value.address} is of the other family than the first address of ${name}, and is left out`;
    report(
      'error',
      entry.at,
      'address-family',
      message,
      'put it into virtual_ipaddress_excluded, or into an instance of its own',
    );
    return false;
  });
}

function advertInterval(
  typedMs: number,
  version: 2 | 3,
  place: Placed<unknown>['at'],
  report: Report,
): number {
  if (version === 2) {
    if (typedMs % 1000 === 0) return typedMs;
    const roundedMs = Math.max(1000, Math.round(typedMs / 1000) * 1000);
    report(
      'error',
      place,
      'advert-fraction',
      `VRRP version 2 counts whole seconds: ${typedMs / 1000} s becomes ${roundedMs / 1000} s`,
      'add version 3 on both hosts, or write whole seconds',
    );
    return roundedMs;
  }
  if (typedMs > V3_ADVERT_MAX_MS) {
    report(
      'error',
      place,
      'value',
      `VRRP version 3 knows intervals up to 40.95 s, which is taken instead of ${typedMs / 1000} s`,
      'write a shorter interval',
    );
    return V3_ADVERT_MAX_MS;
  }
  const roundedMs = Math.max(10, Math.round(typedMs / 10) * 10);
  if (roundedMs !== typedMs)
    report(
      'error',
      place,
      'advert-fraction',
      `VRRP version 3 counts in 10 ms: ${typedMs / 1000} s becomes ${roundedMs / 1000} s`,
      'write two decimals at most',
    );
  return roundedMs;
}

function authentication(v: Values, version: 2 | 3, report: Report): Authentication {
  const block = last(v.authentication);
  if (block === undefined) return { type: 'none' };
  const type = last(block.values.auth_type);
  const typed = block.values.auth_pass?.at(-1);
  if (version === 3) {
    report(
      'error',
      block.at,
      'authentication-version',
      'VRRP version 3 has no authentication (RFC 9568); the block is ignored',
      'remove it, or use version 2',
    );
    return { type: 'none' };
  }
  if (type === undefined) return { type: 'none' };
  if (typed === undefined) {
    report(
      'error',
      block.at,
      'auth-pass-missing',
      'no auth_pass is given, so there is no authentication',
      'add auth_pass with up to 8 characters',
    );
    return { type: 'none' };
  }
  if (typed.value.length > PASSWORD_MAX) {
    const message = `a VRRP password has at most ${PASSWORD_MAX} characters; the rest of this one is cut off`;
    report(
      'error',
      typed.at,
      'auth-pass-long',
      message,
      `write ${PASSWORD_MAX} characters or fewer, the same on both hosts`,
    );
  }
  return { type: type === 'AH' ? 'ah' : 'pass', password: typed.value.slice(0, PASSWORD_MAX) };
}

function garp(v: Values, g: Globals): Garp {
  const least = last(g.vrrp_min_garp) === true;
  const masterDelayS = last(v.garp_master_delay) ?? last(g.vrrp_garp_master_delay) ?? (least ? 0 : 5);
  const masterRepeat = last(v.garp_master_repeat) ?? last(g.vrrp_garp_master_repeat) ?? (least ? 1 : 5);
  // The lower-priority values follow the global ones, not the instance's own: that is what the C daemon does.
  const lowerDelayS =
    last(v.garp_lower_prio_delay) ??
    last(g.vrrp_garp_lower_prio_delay) ??
    last(g.vrrp_garp_master_delay) ??
    (least ? 0 : 5);
  return {
    masterDelayMs: masterDelayS * 1000,
    masterRepeat,
    refreshMs: (last(v.garp_master_refresh) ?? last(g.vrrp_garp_master_refresh) ?? 0) * 1000,
    refreshRepeat:
      last(v.garp_master_refresh_repeat) ?? last(g.vrrp_garp_master_refresh_repeat) ?? (least ? 0 : 1),
    lowerPrioDelayMs: lowerDelayS * 1000,
    intervalMs: last(g.vrrp_garp_interval) ?? last(g.vrrp_gna_interval) ?? 0,
    lowerPrioRepeat:
      last(v.garp_lower_prio_repeat) ??
      last(g.vrrp_garp_lower_prio_repeat) ??
      last(g.vrrp_garp_master_repeat) ??
      (least ? 1 : 5),
  };
}
