// renderMyCnf: the server settings that the pair's safety rests on, as a my.cnf fragment, each with its reason.
// Printed by `config render my.cnf`; the lab starts its servers with it. Pure.
import { OperatorError } from '../core/error.ts';
import type { PairConfig } from './types.ts';

export type ServerFamily = 'mariadb';

/** ULONG_MAX: the largest that the variable takes, in ms. Seen to wait on 10.11.19 (seconds are computed before they can overflow). */
const SEMI_SYNC_TIMEOUT_MS_MAX = '18446744073709551615';

interface Setting {
  readonly name: string;
  readonly value: string;
  readonly because: string;
}

const set = (name: string, value: string | number, because: string): Setting => ({
  name,
  value: String(value),
  because,
});

/** Stable and different between the nodes, and between pairs in one network, whose VRRP ids differ. */
export function serverId(config: PairConfig, nodeName: string): number {
  return config.vrrp.id * 10 + nodeOrder(config, nodeName);
}

function nodeOrder(config: PairConfig, nodeName: string): number {
  const index = config.nodes.findIndex((node) => node.name === nodeName);
  if (index >= 0) return index + 1;
  const names = config.nodes.map((node) => node.name).join(' and ');
  throw new OperatorError(
    'unknown-node',
    `pair ${config.pair} has no node ${nodeName}`,
    `its nodes are ${names}: choose one with --node`,
  );
}

function identity(config: PairConfig, nodeName: string): Setting[] {
  const order = nodeOrder(config, nodeName);
  const node = config.nodes[order - 1];
  return [
    set(
      'server_id',
      serverId(config, nodeName),
      "Ten times the VRRP id, plus 1 for the first node, 2 for the second. Two servers with one id drop each other's events.",
    ),
    set('port', config.mysql.port, 'As in pair.yaml.'),
    set('bind_address', '*', 'VIPs come and go while the server runs, so it listens on every address.'),
    set('report_host', node?.address ?? '', 'How this server shows up in SHOW SLAVE HOSTS of the other.'),
    set('report_port', config.mysql.port, 'As above.'),
    set(
      'auto_increment_increment',
      2,
      'The two nodes give out different ids, so that transactions salvaged after a split can be replayed.',
    ),
    set('auto_increment_offset', order, "This node's half of them."),
    ...extraPort(config),
  ];
}

function extraPort(config: PairConfig): Setting[] {
  const { extraPort: port } = config.mysql;
  if (port === null) return [];
  return [
    set('extra_port', port, 'A way in for the agents when all connections are taken.'),
    set(
      'extra_max_connections',
      8,
      'Two agents with a few connections each; the default of 1 would let one lock out the other.',
    ),
  ];
}

const binaryLog = (): Setting[] => [
  set(
    'log_bin',
    'twinkeep-bin',
    'Both nodes keep a binary log, since either may become writer. A fixed name survives a change of the host name.',
  ),
  set(
    'binlog_format',
    'ROW',
    'Rows, not statements: the only format whose result is the same on both hosts whatever the statement.',
  ),
  set('binlog_row_image', 'FULL', 'Whole rows before and after, which salvage and flashback need.'),
  set(
    'log_slave_updates',
    'ON',
    'What arrives from the other node goes on to the replicas behind this one, and into the history compared at a rejoin.',
  ),
  set('gtid_domain_id', 0, 'One domain for both nodes: there is one writer, so there is one history.'),
  set(
    'gtid_strict_mode',
    'ON',
    'An out-of-order GTID, the mark of a second writer, stops replication instead of mixing two histories.',
  ),
  set('sync_binlog', 1, 'A commit is on this disk before it is acknowledged.'),
  set(
    'binlog_expire_logs_seconds',
    604_800,
    "A node that was away for up to a week can catch up from the other's binary log.",
  ),
];

const applier = (config: PairConfig): Setting[] => [
  set(
    'relay_log',
    'twinkeep-relay',
    'A fixed name survives a change of the host name; a lost relay log may hold acknowledged commits.',
  ),
  set(
    'skip_slave_start',
    'ON',
    'With both replication threads stopped, starting either throws the relay log away, with what is unapplied in it (seen on 10.11.19, also with relay_log_recovery=OFF). The agent applies what the relay log holds before it starts the channel.',
  ),
  set(
    'relay_log_recovery',
    'OFF',
    'ON throws the relay log away at a start and asks the other node for it again. The other node may be gone, and its acknowledged commits be nowhere else.',
  ),
  set(
    'sync_relay_log',
    1,
    'An acknowledgement to the writer means that the events are on this disk. The default is every 10000 events.',
  ),
  set(
    'slave_parallel_mode',
    'conservative',
    'Applies in parallel what the writer committed together, without roll-backs and retries, so that a drain takes a foreseeable time. A lossless writer commits in groups, or waits a round trip for each commit: both let the applier keep up.',
  ),
  set('slave_parallel_threads', 4, 'Enough for such groups.'),
  set(
    'slave_net_timeout',
    Math.max(2, Math.ceil(config.failover.aloneAfterMs / 1_000) + 1),
    'Seconds until a receiver gives a silent connection up, a little more than aloneAfter. The default is 60; heartbeats come at half of this.',
  ),
  set(
    'slave_exec_mode',
    'STRICT',
    'A row that differs stops the applier and is shown. Errors are never skipped.',
  ),
];

const lossless = (): Setting[] => [
  set(
    'innodb_flush_log_at_trx_commit',
    3,
    "InnoDB's log is on the disk at the prepare and at the commit. With 1 the commit itself is not, so that after a crash init_rpl_role=SLAVE rolls the last acknowledged commits back (seen on 10.11.19 with the server killed).",
  ),
  set(
    'rpl_semi_sync_master_enabled',
    'ON',
    'A server that starts without its agent acknowledges no write. Only the agent relaxes this.',
  ),
  set(
    'rpl_semi_sync_master_timeout',
    SEMI_SYNC_TIMEOUT_MS_MAX,
    "Endless, the largest value there is: going on without the other node is the agent's decision, never a timer's.",
  ),
  set(
    'rpl_semi_sync_master_wait_point',
    'AFTER_SYNC',
    'Wait before the commit shows: no client reads a row that a failover could take back.',
  ),
  set('rpl_semi_sync_master_wait_no_slave', 'ON', 'Wait also while no replica is connected.'),
  set(
    'rpl_semi_sync_slave_enabled',
    'ON',
    'This node acknowledges what it has received. The agent turns it off at the writer.',
  ),
  set(
    'rpl_semi_sync_slave_kill_conn_timeout',
    1,
    'Stopping the receiver connects to the writer once more, and a frozen one lets it wait for this many seconds. 0 sets no limit (still waiting after 20 s on 10.11.19).',
  ),
  set(
    'init_rpl_role',
    'SLAVE',
    'Crash recovery rolls back what no standby acknowledged, instead of committing it alone (MDEV-33465).',
  ),
];

const asynchronous = (): Setting[] => [
  set(
    'innodb_flush_log_at_trx_commit',
    1,
    "A commit is in InnoDB's log on this disk before it is acknowledged.",
  ),
  set('rpl_semi_sync_master_enabled', 'OFF', 'durability: async. A failover may lose the last commits.'),
  set('rpl_semi_sync_slave_enabled', 'OFF', 'As above.'),
  set(
    'init_rpl_role',
    'MASTER',
    'Crash recovery keeps every commit in the binary log; nobody waited for an acknowledgement.',
  ),
];

const safeStart = (): Setting[] => [
  set(
    'read_only',
    'ON',
    "The server starts closed. The agent opens it when the pair's record says that this node is the writer.",
  ),
  set('event_scheduler', 'OFF', 'Scheduled events run at the writer only. The agent turns it on there.'),
];

function render(title: string, settings: readonly Setting[]): string {
  return [`# --- ${title}`, ...settings.flatMap((s) => [`# ${s.because}`, `${s.name} = ${s.value}`])].join(
    '\n',
  );
}

/** Throws OperatorError when the pair has no such node. */
export function renderMyCnf(config: PairConfig, nodeName: string, family: ServerFamily): string {
  const groups = [
    render('identity', identity(config, nodeName)),
    render('safe start', safeStart()),
    render('binary log', binaryLog()),
    render('receiver and applier', applier(config)),
    config.mysql.durability === 'lossless'
      ? render('lossless: acknowledged by the other node', lossless())
      : render('asynchronous', asynchronous()),
  ];
  return `# Settings of the ${family === 'mariadb' ? 'MariaDB' : family} server on node ${nodeName} of pair ${config.pair}.
# Made by: twinkeep config render my.cnf --node ${nodeName}
# Put it where the server reads it last, on Debian as /etc/mysql/mariadb.conf.d/99-twinkeep.cnf.
[mariadbd]
${groups.join('\n\n')}
`;
}
