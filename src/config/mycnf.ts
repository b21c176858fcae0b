// renderMyCnf: the server settings that the pair's safety rests on, as a my.cnf fragment, each with its reason.
// Printed by `config render my.cnf`; set-up compares servers with it; the lab starts its servers with it. Pure.

import { OperatorError } from '../core/error.ts';
import { familyName, type ServerFamily, type ServerKind, usualServer } from '../core/family.ts';
import { mariadbExtraPort, mariadbGroups } from './mycnf-mariadb.ts';
import { mysqlExtraPort, mysqlGroups } from './mycnf-mysql.ts';
import { mysql56Groups } from './mycnf-mysql56.ts';
import { replicaGroups, replicaIdentity, replicaStart, withoutWaiting } from './mycnf-replica.ts';
import { type Group, type Setting, set } from './mycnf-setting.ts';
import type { PairConfig } from './types.ts';

/** Stable and different between the nodes, and between pairs in one network, whose VRRP ids differ. */
export function serverId(config: PairConfig, nodeName: string): number {
  return config.vrrp.id * 10 + nodeOrder(config, nodeName);
}

function nodeOrder(config: PairConfig, nodeName: string): number {
  const hosts = [...config.nodes, ...config.replicas];
  const index = hosts.findIndex((host) => host.name === nodeName);
  if (index >= 0) return index + 1;
  const names = hosts.map((host) => host.name).join(', ');
  throw new OperatorError(
    'unknown-node',
    `pair ${config.pair} has no node ${nodeName}`,
    `its hosts are ${names}: choose one with --node`,
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
  ];
}

const safeStart = (family: ServerFamily): Setting[] => [
  set(
    family === 'mysql' ? 'super_read_only' : 'read_only',
    'ON',
    family === 'mysql'
      ? "The server starts closed, to administrators as well. The agent opens it when the pair's record says that this node is the writer."
      : "The server starts closed. The agent opens it when the pair's record says that this node is the writer.",
  ),
  set('event_scheduler', 'OFF', 'Scheduled events run at the writer only. The agent turns it on there.'),
];

/** What is particular to a family. */
interface Family {
  /** Where Debian's package of it reads a fragment last, and the group that it reads there. */
  readonly path: string;
  readonly section: string;
  readonly extraPort: (config: PairConfig, nodeName: string, server: ServerKind) => Setting[];
  readonly groups: (config: PairConfig, server: ServerKind) => Group[];
}

const FAMILIES: Readonly<Record<ServerFamily, Family>> = {
  mariadb: {
    path: '/etc/mysql/mariadb.conf.d/99-twinkeep.cnf',
    section: 'mariadbd',
    extraPort: mariadbExtraPort,
    groups: mariadbGroups,
  },
  mysql: {
    path: '/etc/mysql/mysql.conf.d/99-twinkeep.cnf',
    section: 'mysqld',
    extraPort: mysqlExtraPort,
    groups: mysqlGroups,
  },
  mysql56: {
    path: '/etc/mysql/conf.d/99-twinkeep.cnf',
    section: 'mysqld',
    extraPort: () => [],
    groups: mysql56Groups,
  },
};

/** Throws OperatorError when the pair has no such node, or asks of the server what its family cannot do. */
export function settingsFor(config: PairConfig, nodeName: string, server: ServerKind): Group[] {
  const family = FAMILIES[server.family];
  const replica = config.replicas.find((each) => each.name === nodeName);
  if (replica !== undefined) {
    const identified = replicaIdentity(config, replica, serverId(config, nodeName));
    const extra = family.extraPort(config, nodeName, server);
    return [
      { title: 'identity', settings: [...identified, ...extra] },
      { title: 'safe start', settings: replicaStart(safeStart(server.family)) },
      ...replicaGroups(family.groups(withoutWaiting(config), server)),
    ];
  }
  return [
    {
      title: 'identity',
      settings: [...identity(config, nodeName), ...family.extraPort(config, nodeName, server)],
    },
    { title: 'safe start', settings: safeStart(server.family) },
    ...family.groups(config, server),
  ];
}

function render({ title, settings }: Group): string {
  return [`# --- ${title}`, ...settings.flatMap((s) => [`# ${s.because}`, `${s.name} = ${s.value}`])].join(
    '\n',
  );
}

/** Names that the logs of a server in use have had so far; null: those of a new one. */
export interface LogNames {
  readonly binary: string | null;
  readonly relay: string | null;
}

const NEW_NAMES: LogNames = { binary: null, relay: null };

const KEPT =
  'The name that it has had so far: with another one the log starts empty, and what the other node had not fetched is lost to it.';

function named(groups: readonly Group[], names: LogNames): Group[] {
  const kept: Readonly<Record<string, string | null>> = { log_bin: names.binary, relay_log: names.relay };
  return groups.map((group) => ({
    ...group,
    settings: group.settings.map((each) => {
      const name = kept[each.name] ?? null;
      return name === null ? each : set(each.name, name, KEPT);
    }),
  }));
}

/** As settingsFor, as text. */
export function renderMyCnf(
  config: PairConfig,
  nodeName: string,
  family: ServerFamily,
  server: ServerKind = usualServer[family],
  names: LogNames = NEW_NAMES,
): string {
  const { path, section } = FAMILIES[family];
  const option = family === 'mariadb' ? '' : ` --server ${family}`;
  return `# Settings of the ${familyName[family]} server on node ${nodeName} of pair ${config.pair}.
# Made by: twinkeep config render my.cnf --node ${nodeName}${option}
# Put it where the server reads it last, on Debian as ${path}.
# A server that replicates already keeps the names of its logs: --log-bin NAME --relay-log NAME.
[${section}]
${named(settingsFor(config, nodeName, server), names)
  .map(render)
  .join('\n\n')}
`;
}
