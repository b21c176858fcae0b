// What differs in the my.cnf of a further replica from that of a node (mycnf.ts): it never becomes writer, and it never
// acknowledges. Works on the settings of a pair without semi-sync, whatever the family calls them.
import { type Group, type Setting, set } from './mycnf-setting.ts';
import type { PairConfig, ReplicaConfig } from './types.ts';

/** What the family's settings of a replica are made from: those of a pair that waits for no acknowledgement. */
export const withoutWaiting = (config: PairConfig): PairConfig => ({
  ...config,
  mysql: { ...config.mysql, durability: 'async' },
});

const SOURCE_SIDE = /^rpl_semi_sync_(master|source)_enabled$/;
const REPLICA_SIDE = /^rpl_semi_sync_(slave|replica)_enabled$/;

function reasoned(setting: Setting): Setting {
  const { name, value } = setting;
  if (SOURCE_SIDE.test(name)) return set(name, value, 'Nobody acknowledges what this server applies.');
  if (REPLICA_SIDE.test(name))
    return set(
      name,
      value,
      'Never ON. The writer takes any acknowledgement for the standby\'s: one from here would tell a client "done" while the standby, which may become writer, lacks the commit.',
    );
  if (name === 'init_rpl_role')
    return set(name, value, 'Crash recovery keeps what is in the binary log; all of it came from the pair.');
  if (name === 'innodb_flush_log_at_trx_commit')
    return set(name, value, 'What is applied is on this disk, so that a crash takes nothing back.');
  if (name === 'log_bin')
    return set(
      name,
      value,
      'Keeps whose transactions it has, by which they are held against those of the pair.',
    );
  if (/^log_(slave|replica)_updates$/.test(name))
    return set(
      name,
      value,
      'Its binary log then holds all that it has, also for a server that replicates from it.',
    );
  if (name === 'binlog_expire_logs_seconds' || name === 'expire_logs_days')
    return set(name, value, 'As long as on the nodes.');
  if (name === 'sync_binlog') return set(name, value, 'What is applied is in the log on this disk as well.');
  if (name === 'sync_relay_log')
    return set(name, value, 'What is received is on this disk: its source may be gone after a crash.');
  if (name === 'relay_log') return set(name, value, 'A fixed name survives a change of the host name.');
  if (name === 'gtid_domain_id') return set(name, value, 'As on the nodes: one writer, one history.');
  if (/^skip_(slave|replica)_start$/.test(name))
    return set(
      name,
      value,
      'The agent starts the channel: it knows who the source is now, and applies what the relay log holds before it starts it.',
    );
  return setting;
}

export function replicaGroups(groups: readonly Group[]): Group[] {
  return groups.map(({ title, settings }) => ({
    title: title === 'asynchronous' ? 'a replica acknowledges nothing' : title,
    settings: settings.map(reasoned),
  }));
}

export function replicaIdentity(config: PairConfig, replica: ReplicaConfig, serverId: number): Setting[] {
  return [
    set(
      'server_id',
      serverId,
      "Ten times the VRRP id, plus 3 for the first replica, 4 for the second. Two servers with one id drop each other's events.",
    ),
    set('port', config.mysql.port, 'As in pair.yaml.'),
    set('bind_address', '*', 'VIPs come and go while the server runs, so it listens on every address.'),
    set('report_host', replica.address, 'How this server shows up in SHOW SLAVE HOSTS of its source.'),
    set('report_port', config.mysql.port, 'As above.'),
  ];
}

/** What `read_only` and its like are for at a replica. */
export const replicaStart = (settings: readonly Setting[]): Setting[] =>
  settings.map(({ name, value }) =>
    set(
      name,
      value,
      name === 'event_scheduler'
        ? 'Scheduled events run at the writer only; what they do arrives here.'
        : 'Nobody writes here. The agent sees to it that it stays so.',
    ),
  );
