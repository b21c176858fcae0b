// The mysql, reads and failover sections of the imported pair: what the check scripts, the virtual_server blocks and the my.cnf files
// say of the servers. Used by import.ts.
import { formatDuration } from '../duration.ts';
import { at, type Roles } from './instances.ts';
import { positioningOf, setting } from './mycnf.ts';
import type { CheckMeaning } from './scripts.ts';
import type { Host, ImportOptions, Say } from './types.ts';
import { type Item, note, section, value } from './yaml.ts';

const LAG_MAX_S = 3600;
const READ_LAG_MIN_S = 2;
const MYSQL_PORT = 3306;

interface Found {
  readonly text: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** The same value wherever it stands, or a disagreement. The first place counts: my.cnf says what the server does. */
function agreed(found: readonly Found[], what: string, say: Say): Found | null {
  const [first] = found;
  const other = found.find((f) => f.text !== first?.text);
  if (first !== undefined && other !== undefined)
    say(
      'error',
      other,
      `import-${what}`,
      `the ${what} is ${other.text} here and ${first.text} in ${at(first)}`,
      `a pair has one ${what} for both servers; ${first.text} is taken`,
    );
  return first ?? null;
}

function ports(host: Host): Found[] {
  const inFile = setting(host.settings, 'port');
  const found: Found[] = inFile === undefined ? [] : [{ ...inFile, text: inFile.value }];
  for (const c of host.checks)
    if (c.kind === 'mysql' && c.port !== null) found.push({ ...c.command.script.at, text: String(c.port) });
  for (const v of host.conf.config.virtualServers)
    for (const r of v.realServers) if (r.port !== null) found.push({ ...r.at, text: String(r.port) });
  return found;
}

function sockets(host: Host): Found[] {
  const inFile = setting(host.settings, 'socket');
  if (inFile?.value.startsWith('/')) return [{ ...inFile, text: inFile.value }];
  return host.checks.flatMap((c) =>
    c.socket?.startsWith('/') ? [{ ...c.command.script.at, text: c.socket }] : [],
  );
}

function accounts(checks: readonly CheckMeaning[]): string[] {
  const users = [...new Set(checks.flatMap((c) => (c.kind === 'mysql' && c.user !== null ? [c.user] : [])))];
  const password = checks.some((c) => c.kind === 'mysql' && c.hasPassword);
  const as = users.length > 0 ? `The checks logged in as ${users.join(', ')}. ` : '';
  const secret = password
    ? ' The password that stands in them or on their command line is not copied; change it, since every account of the host could see it.'
    : '';
  return [
    `${as}The agent has an account of its own, which \`twinkeep setup\` makes with the rights that it needs and no more; its password stands in admin.password.${secret}`,
  ];
}

function serverIds(a: Host, b: Host): string {
  const ids = [a, b].flatMap((h) => {
    const id = setting(h.settings, 'server_id');
    return id === undefined ? [] : [`${id.value} (${at(id)})`];
  });
  return ids.length === 0 ? '' : ` It gives them server ids of its own in place of ${ids.join(' and ')}.`;
}

/** Seen on 10.11: with another log_bin the binary log starts empty, and what the other server had not fetched is in it no more. */
function logNames(a: Host, b: Host): string {
  const names = [a, b].flatMap((h) =>
    ['log_bin', 'relay_log'].flatMap((name) => {
      const s = setting(h.settings, name);
      return s === undefined || s.value === 'ON' ? [] : [`${name} = ${s.value} (${at(s)})`];
    }),
  );
  if (!a.settings.known && !b.settings.known) return '';
  const which =
    names.length === 0
      ? 'log_bin and relay_log as SHOW MASTER STATUS and SHOW SLAVE STATUS have them'
      : names.join(', ');
  return ` Keep the names of the logs behind those settings: ${which}. A server that starts with other names forgets what the other one has not fetched yet.`;
}

export function mysqlSection(a: Host, b: Host, say: Say): Item | null {
  const port = agreed([...ports(a), ...ports(b)], 'port', say);
  const socket = agreed([...sockets(a), ...sockets(b)], 'socket', say);
  const positioning = positioningOf(a.settings, b.settings);
  const checks = [...a.checks, ...b.checks];
  const items: (Item | null)[] = [
    port === null || Number.isNaN(Number(port.text))
      ? value('port', MYSQL_PORT, 'No file names a port: the usual one.')
      : value('port', Number(port.text), `From ${at(port)}.`),
    socket === null
      ? note(
          'No file names a socket. `socket: /run/mysqld/mysqld.sock` would let the agent reach its server without the network, and see at once that it died.',
        )
      : value(
          'socket',
          socket.text,
          `From ${at(socket)}. Its closing tells the agent at once that the server died.`,
        ),
    section(
      'replication',
      positioning === null
        ? [
            value(
              'positioning',
              'gtid',
              'No my.cnf was given, so this is a guess. Servers without GTIDs (MySQL with gtid_mode = OFF) need `binlog`; --mycnf-a FILE --mycnf-b FILE decides it.',
            ),
          ]
        : [value('positioning', positioning.positioning, positioning.because)],
      'The account that the channels use now can stay: `user: NAME` here, and its password in repl.password.',
    ),
    section('admin', [value('user', 'twinkeep', ...accounts(checks))]),
    value(
      'durability',
      'lossless',
      'New: a commit is acknowledged only after the other host holds it. keepalived moves an address whatever was replicated, so a failover could lose the last commits; `async` keeps it that way (and MySQL 5.6 knows nothing else).',
    ),
  ];
  return section(
    'mysql',
    items.filter((i) => i !== null),
    `How the servers themselves must be set: \`twinkeep config render my.cnf --node ${a.name}\` (and --node ${b.name}).${serverIds(a, b)}${logNames(a, b)}`,
  );
}

export function readsSection(
  roles: Roles,
  nameOf: (side: 'a' | 'b') => string,
  lag: Lag | null,
): Item | null {
  const [twin] = roles.read;
  if (twin === undefined) return null;
  const preferred = twin.a.priority > twin.b.priority ? 'a' : 'b';
  const higher = preferred === 'a' ? twin.a : twin.b;
  const items: (Item | null)[] = [
    value(
      'prefer',
      nameOf(preferred),
      `${twin.a.name} prefers this host (priority ${higher.priority}, ${at(higher.placeOf('priority'))}), whatever its role; that stays. \`standby\` would keep reads away from the writer after a failover as well.`,
    ),
    twin.a.virtualRouterId === null
      ? null
      : value('vrrpId', twin.a.virtualRouterId, `From ${at(twin.a.placeOf('virtual_router_id'))}.`),
    lag !== null && lag.seconds >= READ_LAG_MIN_S
      ? value('maxLag', formatDuration(lag.seconds * 1000), `The limit of lag in ${lag.where}.`)
      : null,
  ];
  return section(
    'reads',
    items.filter((i) => i !== null),
    'keepalived led reads to a host however old its data were; here a standby that falls too far behind gives the read VIPs up.',
  );
}

export interface Lag {
  readonly seconds: number;
  readonly where: string;
}

/** The limit of lag in a check; with several the strictest. */
export function lagOf(a: Host, b: Host): Lag | null {
  const limits = [...a.checks, ...b.checks]
    .filter((c) => c.lagLimitS !== null && c.lagLimitS > 0 && c.lagLimitS <= LAG_MAX_S)
    .sort((x, y) => (x.lagLimitS ?? 0) - (y.lagLimitS ?? 0));
  const [first] = limits;
  return first === undefined
    ? null
    : { seconds: first.lagLimitS ?? 0, where: first.file ?? at(first.command.script.at) };
}

export function failoverSection(a: Host, b: Host, options: ImportOptions, lag: Lag | null): Item | null {
  const pinged = [...a.checks, ...b.checks].find((c) => c.gateway !== null);
  const items: (Item | null)[] = [
    options.gateway !== null
      ? value(
          'gateway',
          options.gateway,
          'As said with --gateway. A node that cannot reach it does not promote itself.',
        )
      : pinged?.gateway != null
        ? value(
            'gateway',
            pinged.gateway,
            `${pinged.command.owner} pings it (${pinged.file ?? at(pinged.command.script.at)}). A node that cannot reach it does not promote itself.`,
          )
        : note(
            'No file names a gateway. `gateway: ADDRESS` (--gateway) is worth adding: a node that cannot reach it has lost its network, and does not promote itself.',
          ),
    lag === null
      ? null
      : value(
          'maxDrain',
          formatDuration(lag.seconds * 1000),
          `The limit of lag in ${lag.where}: so much received but unapplied work still lets the standby take over. It applies all of it first.`,
        ),
    value(
      'partition',
      'availability',
      'As keepalived does it: hosts that lose sight of each other both go on. `consistency` lets the writer wait instead; a witness decides it (docs/CONFIG.md).',
    ),
  ];
  return section(
    'failover',
    items.filter((i) => i !== null),
  );
}
