// Rules between the times of pair.yaml: what VRRP can count, and windows that must fit into each other so that no two
// writers arise and a standby may still act. Run by rules.ts after every key was read by itself.
import { formatDuration } from './duration.ts';
import type { Rule } from './rule.ts';
import { resolveTimes } from './times.ts';

const advertInterval: Rule = ({ vrrp }, report) => {
  const ms = vrrp.advertInterval;
  if (ms === undefined || ms === null) return;
  if (vrrp.version === 2 && ms % 1_000 !== 0) {
    report(
      'vrrp.advertInterval',
      'advert-interval',
      `VRRP version 2 counts whole seconds, 1s to 255s; found ${formatDuration(ms)}`,
      'write `1s`, or set `vrrp.version: 3`, which counts in steps of 10ms',
    );
  } else if (vrrp.version === 3 && (ms % 10 !== 0 || ms > 40_950)) {
    const near = Math.min(40_950, Math.max(10, Math.round(ms / 10) * 10));
    report(
      'vrrp.advertInterval',
      'advert-interval',
      `VRRP version 3 counts in steps of 10ms, 10ms to 40950ms; found ${formatDuration(ms)}`,
      `write \`${formatDuration(near)}\``,
    );
  }
};

const standbyMayAct: Rule = (values, report) => {
  const { promoteWithinMs, aloneAfterMs } = resolveTimes(values);
  if (promoteWithinMs === undefined || aloneAfterMs === undefined) return;
  const least = Math.ceil(promoteWithinMs * 1.25);
  if (aloneAfterMs >= least) return;
  report(
    ['failover.aloneAfter', 'failover.promoteWithin', 'vrrp.advertInterval'],
    'window-margin',
    `aloneAfter (${formatDuration(aloneAfterMs)}) is not a quarter longer than promoteWithin (${formatDuration(promoteWithinMs)}): a writer that goes on alone while its standby may still promote makes two writers, and the two hosts' clocks need a margin`,
    `set aloneAfter to ${formatDuration(least)} or more, or promoteWithin to ${formatDuration(Math.floor(aloneAfterMs / 1.25))} or less`,
  );
};

/** The age of the last contact at the moment a writer dies: two beats of the managers (250 ms) and an answer. */
const CONTACT_AGE_MS = 600;

const standbyNoticesInTime: Rule = (values, report) => {
  const { promoteWithinMs, advertIntervalMs } = resolveTimes(values);
  if (promoteWithinMs === undefined) return;
  const { heartbeatInterval } = values.mysql;
  if (heartbeatInterval !== undefined && heartbeatInterval >= promoteWithinMs) {
    report(
      'mysql.heartbeatInterval',
      'window-margin',
      `a heartbeat every ${formatDuration(heartbeatInterval)} is no sign of life within promoteWithin (${formatDuration(promoteWithinMs)})`,
      'set heartbeatInterval to a quarter of promoteWithin or less',
    );
  }
  // Master_Down_Interval is three adverts and a skew of less than one (RFC 9568, section 6.1).
  if (advertIntervalMs === undefined) return;
  const leastMs = 4 * advertIntervalMs + CONTACT_AGE_MS;
  if (promoteWithinMs >= leastMs) return;
  const down = formatDuration(leastMs);
  report(
    ['failover.promoteWithin', 'vrrp.advertInterval'],
    'window-too-short',
    `a standby notices a dead writer up to ${down} after their last contact (four adverts of ${formatDuration(advertIntervalMs)}, and the managers' own beat), and may promote only within ${formatDuration(promoteWithinMs)}: it would never take over`,
    `set promoteWithin to ${down} or more`,
  );
};

const vipLease: Rule = ({ vrrp, failover }, report) => {
  if (vrrp.vipLease === undefined) return;
  const lease = formatDuration(vrrp.vipLease);
  if (vrrp.vipLease % 1_000 !== 0) {
    report(
      'vrrp.vipLease',
      'vip-lease',
      `the kernel counts the lifetime of an address in whole seconds; found ${lease}`,
      `write \`${Math.ceil(vrrp.vipLease / 1_000)}s\``,
    );
  }
  if (failover.agentGrace === undefined || failover.agentGrace < vrrp.vipLease) return;
  report(
    'failover.agentGrace',
    'agent-grace',
    `agentGrace (${formatDuration(failover.agentGrace)}) is not shorter than vrrp.vipLease (${lease}): the VIPs would be gone before the manager acts`,
    'shorten agentGrace, usually to `1s`',
  );
};

export const TIME_RULES: readonly Rule[] = [advertInterval, standbyMayAct, standbyNoticesInTime, vipLease];
