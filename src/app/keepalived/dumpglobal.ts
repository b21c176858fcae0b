// The global part of keepalived.data: the settings of global_defs that this program has, in the C daemon's lines and order.

import { hostname } from 'node:os';
import type { KeepalivedConfig } from '../../config/keepalived/types.ts';
import { account, last } from '../../config/keepalived/values.ts';
import type { DumpLine } from '../../core/keepalived/dump.ts';
import { globalValues } from './surfaceglobals.ts';

const truth = (value: boolean): string => (value ? 'true' : 'false');
const unset = (value: boolean | undefined): string => (value === undefined ? 'unset' : value ? 'on' : 'off');

export function globalLines(config: KeepalivedConfig): DumpLine[] {
  const { global, reading } = config;
  const typed = globalValues(config);
  const { mail } = global;
  const number = (value: number | undefined, fallback: number) => String(value ?? fallback);
  const user = account(last(typed.script_user));
  const delay = last(typed.vrrp_garp_master_delay);
  const repeat = last(typed.vrrp_garp_master_repeat);
  const fifos: DumpLine[] = (
    [
      ['Global notify fifo', global.notifyFifo],
      ['VRRP notify fifo', global.vrrpNotifyFifo],
      ['LVS notify fifo', global.lvsNotifyFifo],
    ] as const
  ).filter(([, path]) => path !== null);
  return [
    ['Network namespace', last(reading.values.net_namespace) ?? '(default)'],
    ...(reading.values.instance === undefined
      ? []
      : [['Instance name', last(reading.values.instance) ?? ''] as const]),
    ['Router ID', global.routerId ?? hostname()],
    ...(mail.server === null
      ? []
      : ([
          ['Smtp server', mail.server.host],
          ['Smtp server port', String(mail.server.port)],
        ] as const)),
    ['Smtp HELO name', mail.helo ?? hostname()],
    ['Smtp server connection timeout', String(mail.timeoutMs / 1000)],
    ['Email notification from', mail.from ?? `keepalived@${hostname()}`],
    ...(mail.to.length === 0 ? [] : ([['Email notification to:', null]] as const)),
    ...mail.to.map((to): DumpLine => [`  ${to}`, null]),
    ['Default smtp_alert', unset(last(typed.smtp_alert))],
    ['Default smtp_alert_vrrp', unset(last(typed.smtp_alert_vrrp))],
    ['Default smtp_alert_checker', unset(last(typed.smtp_alert_checker))],
    ['Checkers log all failures', truth(last(typed.checker_log_all_failures) ?? false)],
    [
      typed.reload_check_config === undefined ? 'No test config before reload' : 'Test config before reload',
      null,
    ],
    ['Dynamic interfaces', truth(typed.dynamic_interfaces !== undefined)],
    ...fifos,
    ['FIFO write vrrp states on reload', truth(typed.fifo_write_vrrp_states_on_reload !== undefined)],
    ['VRRP notify priority changes', truth(last(typed.vrrp_notify_priority_changes) ?? false)],
    ['VRRP IPv4 mcast group', last(typed.vrrp_mcast_group4) ?? '224.0.0.18'],
    ['VRRP IPv6 mcast group', last(typed.vrrp_mcast_group6) ?? 'ff02::12'],
    ['Gratuitous ARP delay', number(delay, 5)],
    ['Gratuitous ARP repeat', number(repeat, 5)],
    ['Gratuitous ARP refresh timer', number(last(typed.vrrp_garp_master_refresh), 0)],
    ['Gratuitous ARP refresh repeat', number(last(typed.vrrp_garp_master_refresh_repeat), 1)],
    ['Gratuitous ARP lower priority delay', number(last(typed.vrrp_garp_lower_prio_delay) ?? delay, 5)],
    ['Gratuitous ARP lower priority repeat', number(last(typed.vrrp_garp_lower_prio_repeat) ?? repeat, 5)],
    ['Num adverts before down', number(last(typed.vrrp_down_timer_adverts), 3)],
    [
      'Send advert after receive lower priority advert',
      truth(!(last(typed.vrrp_lower_prio_no_advert) ?? global.strict)),
    ],
    [
      'Send advert after receive higher priority advert',
      truth(last(typed.vrrp_higher_prio_send_advert) ?? false),
    ],
    ['Gratuitous ARP interval', ((last(typed.vrrp_garp_interval) ?? 0) / 1000).toFixed(6)],
    ['Gratuitous NA interval', ((last(typed.vrrp_gna_interval) ?? 0) / 1000).toFixed(6)],
    ['VRRP default protocol version', String(global.vrrpVersion)],
    ['VRRP check unicast_src', truth(typed.vrrp_check_unicast_src !== undefined)],
    ['VRRP skip check advert addresses', truth(typed.vrrp_skip_check_adv_addr !== undefined)],
    ['VRRP strict mode', truth(global.strict)],
    ['VRRP realtime priority', String(global.realtimePriority ?? 0)],
    [`Script security ${global.scriptSecurity ? 'enabled' : 'disabled'}`, null],
    ...(user === null
      ? []
      : [['Default script user', user.group === null ? user.user : `${user.user} ${user.group}`] as const]),
    ['rs_init_notifies', typed.rs_init_notifies === undefined ? '0' : '1'],
    ['no_checker_emails', typed.no_checker_emails === undefined ? '0' : '1'],
  ];
}
