// The shape of pair.yaml, key by key, with defaults and meanings: the one table that the parser (section.ts) walks
// and that docs/CONFIG.md is printed from (reference.ts). What involves two keys at once is in rules.ts.
import { ARCHIVE } from './archive-schema.ts';
import { CLONE, SERVICE } from './clone-schema.ts';
import {
  autoOrWhole,
  choice,
  duration,
  filePath,
  hostPort,
  ip,
  matching,
  orNone,
  texts,
  truth,
  vips,
  whole,
} from './fields.ts';
import { READS } from './reads-schema.ts';
import { REPLICAS } from './replica-schema.ts';
import { type NamedSections, optional, type ReadShape, section } from './section.ts';
import { TLS } from './tls-schema.ts';
import { WITNESS } from './witness-schema.ts';

const port = (about: { meaning: string; fallback?: number; example: string }) => whole(1, 65_535, about);

const account = (meaning: string, user: string, passwordFile: string) =>
  section(meaning, {
    user: matching(/^[^\s'"`\\@\p{Cc}]{1,80}$/u, 'an account name without host, blanks and quotes', {
      meaning: 'The account, the same on both servers.',
      fallback: user,
      example: user,
    }),
    passwordFile: filePath({
      meaning: 'Holds its password, alone on one line.',
      fallback: passwordFile,
      example: `/etc/twinkeep/${passwordFile}`,
    }),
  });

const NODE = {
  address: ip({
    meaning: "The host's own address, by which the other node, VRRP and replication reach it. Never a VIP.",
    example: '192.0.2.11',
  }),
  // IFNAMSIZ is 16 with the closing NUL; the kernel refuses slashes, colons, blanks, `.` and `..` (dev_valid_name).
  interface: matching(
    /^(?!\.{1,2}$)[^\s/:\p{Cc}]{1,15}$/u,
    'the name of a network interface, up to 15 characters',
    { meaning: 'The interface that carries VRRP and the VIPs.', example: 'eth0' },
    (text) =>
      text.includes(':')
        ? 'name the interface itself, without an alias like `:1`; twinkeep needs no aliases'
        : null,
  ),
  priority: orNone(
    whole(1, 254, {
      meaning:
        'VRRP priority: the higher one becomes writer when both start fresh, and again after a failure if `vrrp.preempt` is true.',
      example: '100',
    }),
    '100 for the first node, 90 for the second',
  ),
};

const NODES: NamedSections<typeof NODE> = {
  kind: 'named',
  meaning: 'The two database hosts, each under a name of its own.',
  namePattern: /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/,
  nameForm: '1 to 32 small letters, digits and hyphens',
  example:
    'nodes: { a: { address: 192.0.2.11, interface: eth0 }, b: { address: 192.0.2.12, interface: eth0 } }',
  keys: NODE,
};

const MYSQL = section('The two servers. What is said here holds for both.', {
  port: port({ meaning: 'The port that the servers listen on.', fallback: 3306, example: '3306' }),
  socket: orNone(
    matching(/^\/[^\p{Cc}]{1,106}$/u, 'the absolute path of a Unix socket, up to 107 bytes', {
      meaning:
        'Unix socket of the local server. Its closing tells at once that the server died, and it works when the network does not.',
      example: '/run/mysqld/mysqld.sock',
    }),
    'none: the agent reaches its own server by TCP at 127.0.0.1',
  ),
  extraPort: orNone(
    port({
      meaning:
        "MariaDB's `extra_port`, MySQL's `admin_port`: lets the agent in when the server is out of connections.",
      example: '3307',
    }),
    'none',
  ),
  replication: section('How the two servers replicate from each other.', {
    ...account('', 'repl', 'repl.password').keys,
    positioning: choice(['gtid', 'binlog'], {
      meaning:
        'How a channel names its place in the binary log. `binlog`: servers without GTIDs (MySQL with gtid_mode = OFF) replicate by file and position; servers that have GTIDs keep the channel that they have, and a new one is made by GTID.',
      fallback: 'gtid',
      example: 'gtid',
    }),
  }),
  admin: account('The account that the agent itself uses.', 'twinkeep', 'admin.password'),
  verify: optional(
    'The account by which `twinkeep verify` reads every table. Without this section: the admin account, which would need SELECT on all of them.',
    account('', 'verify', 'verify.password').keys,
  ),
  durability: choice(['lossless', 'async'], {
    meaning:
      '`lossless`: a commit is acknowledged only after the other node holds it (semi-synchronous, AFTER_SYNC, no timeout). `async`: a failover may lose the last commits.',
    fallback: 'lossless',
    example: 'lossless',
  }),
  probe: section('How the agent asks whether its server is well.', {
    interval: duration(
      { min: '10ms', max: '1m', usualMs: 200 },
      {
        meaning:
          'Time between two probes. A server that closes its connections is noticed at once, without a probe.',
        fallback: 200,
        example: '200ms',
      },
    ),
    deadline: duration(
      { min: '20ms', max: '5m', usualMs: 500 },
      {
        meaning: 'A server that has not answered for this long counts as frozen.',
        fallback: 500,
        example: '500ms',
      },
    ),
  }),
  heartbeatInterval: duration(
    { min: '50ms', max: '1m', usualMs: 500 },
    {
      meaning:
        'Time between two rows that the writer commits to prove, through replication, that it lives and that commits pass.',
      fallback: 500,
      example: '500ms',
    },
  ),
  tls: section('How the servers are reached.', TLS),
  service: SERVICE,
});

const VRRP = section('The protocol by which the hosts agree on who holds the write VIP (RFC 9568).', {
  id: whole(1, 255, {
    meaning: 'Virtual router id. No other VRRP group in the same network may use it.',
    fallback: 51,
    example: '51',
  }),
  version: choice([2, 3], {
    meaning: 'Protocol version. 2 knows IPv4 and whole seconds only.',
    fallback: 3,
    example: '3',
  }),
  advertInterval: orNone(
    duration(
      { min: '10ms', max: '255s', usualMs: 100 },
      {
        meaning:
          'Time between two advertisements. Three missed ones, and a little more, make the standby take over. Version 3: 10ms to 40950ms in steps of 10ms; version 2: 1s to 255s in whole seconds.',
        example: '100ms',
      },
    ),
    '100ms; 1s with version 2',
  ),
  preempt: truth({
    meaning: 'Whether the node with the higher priority takes the write role back when it returns.',
    fallback: false,
    example: 'false',
  }),
  peers: choice(['multicast', 'unicast'], {
    meaning: 'How advertisements travel. `unicast` is for networks that drop multicast, as most clouds do.',
    fallback: 'multicast',
    example: 'multicast',
  }),
  authentication: section('Authentication of VRRP version 2 (RFC 2338). Version 3 has none.', {
    type: choice(['none', 'pass', 'ah'], {
      meaning: '`pass` sends the password in clear, `ah` signs each packet. Both nodes must agree.',
      fallback: 'none',
      example: 'none',
    }),
    passwordFile: orNone(
      filePath({
        meaning: 'Holds the password, alone on one line. VRRP uses its first eight bytes.',
        example: '/etc/twinkeep/vrrp.password',
      }),
      'none',
    ),
  }),
  vipLease: duration(
    { min: '1s', max: '1m', usualMs: 2_000 },
    {
      meaning:
        'How long the kernel keeps a VIP that its agent no longer renews, in whole seconds. A killed or frozen agent loses its VIPs after this.',
      fallback: 2_000,
      example: '2s',
    },
  ),
});

const FAILOVER = section('When the writer role may move without an operator.', {
  partition: choice(['availability', 'consistency'], {
    meaning:
      'What happens when the hosts lose sight of each other in every way and there is no witness. `availability`: the standby promotes and the writer goes on, so both may acknowledge until they meet again. `consistency`: the writer waits.',
    fallback: 'availability',
    example: 'availability',
  }),
  promoteWithin: orNone(
    duration(
      { min: '100ms', max: '10m', usualMs: 2_000 },
      {
        meaning:
          'A standby may decide to promote only this long after it last heard the writer; later it might lack commits.',
        example: '2s',
      },
    ),
    '2s, or five advertInterval where that is longer',
  ),
  aloneAfter: orNone(
    duration(
      { min: '200ms', max: '1h', usualMs: 3_000 },
      {
        meaning:
          'A writer that hears nothing of its standby goes on without it after this long. At least a quarter longer than promoteWithin.',
        example: '3s',
      },
    ),
    '3s, or one and a half promoteWithin where that is longer',
  ),
  gateway: orNone(
    ip({
      meaning:
        'An address that answers as long as this host is on the network, usually the router. A node that cannot reach it does not promote itself.',
      example: '192.0.2.1',
    }),
    'none: a node that lost its network cannot tell that from a dead peer',
  ),
  maxDrain: duration(
    { min: '0s', max: '1h', usualMs: 30_000 },
    {
      meaning:
        'How much received but unapplied work, in estimated time, still lets a standby take over by itself.',
      fallback: 30_000,
      example: '30s',
    },
  ),
  holdAfterFailover: duration(
    { min: '0s', max: '24h', usualMs: 60_000 },
    { meaning: 'No second automatic failover for this long after one.', fallback: 60_000, example: '60s' },
  ),
  agentGrace: duration(
    { min: '0ms', max: '1m', usualMs: 1000 },
    {
      meaning:
        'How long a manager waits for a killed or frozen agent before it hands over. Nothing is out meanwhile: the VIP stays until its lease ends. Shorter than vipLease.',
      fallback: 1_000,
      example: '1s',
    },
  ),
});

const NOTIFY = optional('Who is told about role changes and faults.', {
  email: optional('Mail.', {
    to: texts(/^[^\s@<>]+@[^\s@<>]+$/, 'a mail address', {
      meaning: 'Who gets the mail.',
      example: '[dba@example.net]',
    }),
    from: orNone(
      matching(/^[^\s@<>]+@[^\s@<>]+$/, 'a mail address', {
        meaning: 'The sender.',
        example: 'twinkeep@example.net',
      }),
      'twinkeep@ and the host name',
    ),
    server: hostPort(true, {
      meaning: 'The mail server, SMTP.',
      fallback: { host: '127.0.0.1', port: 25 },
      fallbackText: '127.0.0.1:25',
      example: '127.0.0.1:25',
    }),
  }),
  webhook: orNone(
    matching(/^https?:\/\/[^\s/]+\S*$/, 'an http or https URL', {
      meaning: 'Gets each event by POST, as JSON.',
      example: 'https://hooks.example.net/mysql',
    }),
    'none',
  ),
  scripts: optional('Programs run when the role of this node changes.', {
    writer: orNone(
      filePath({ meaning: 'Run after this node became writer.', example: '/etc/twinkeep/on-writer' }),
      'none',
    ),
    standby: orNone(
      filePath({ meaning: 'Run after this node became standby.', example: '/etc/twinkeep/on-standby' }),
      'none',
    ),
    fault: orNone(
      filePath({ meaning: 'Run after this node found itself unhealthy.', example: '/etc/twinkeep/on-fault' }),
      'none',
    ),
  }),
});

export const PAIR = {
  pair: matching(/^[a-z0-9-]{1,32}$/, '1 to 32 small letters, digits and hyphens', {
    meaning: 'The name of the pair, shown wherever its state is.',
    example: 'shop',
  }),
  nodes: NODES,
  replicas: REPLICAS,
  vips: section('The virtual IPs, each with the prefix length of the network that it lies in.', {
    write: vips({ meaning: 'Follow the writer.', example: '[192.0.2.100/24]' }, 1),
    read: vips({
      meaning: 'Prefer the standby, or the node that reads.prefer names.',
      fallback: [],
      fallbackText: 'none',
      example: '[192.0.2.101/24]',
    }),
    single: vips({
      meaning: 'Lead to the proxy, which sends reads and writes apart. Need a `proxy` section.',
      fallback: [],
      fallbackText: 'none',
      example: '[192.0.2.102/24]',
    }),
  }),
  reads: READS,
  mysql: MYSQL,
  vrrp: VRRP,
  failover: FAILOVER,
  witness: optional(
    'A third place that decides when the hosts lose sight of each other. Without this section: none.',
    WITNESS,
  ),
  archive: optional(
    "A third host that keeps a copy of the writer's binary log (`twinkeep archive`). Without this section: none.",
    ARCHIVE,
  ),
  proxy: optional('The single endpoint that splits reads and writes. Without this section: none.', {
    port: port({ meaning: 'The port on the single VIPs.', fallback: 3306, example: '3306' }),
    workers: autoOrWhole(1, 256, {
      meaning: 'Processes; `auto` is one a core.',
      fallback: 'auto',
      example: 'auto',
    }),
    causalReads: choice(['off', 'session'], {
      meaning: '`session`: a client reads its own writes, also from the standby.',
      fallback: 'session',
      example: 'session',
    }),
  }),
  notify: NOTIFY,
  peer: section('The channel between the two agents.', {
    port: port({ meaning: 'TCP port, on both nodes.', fallback: 8701, example: '8701' }),
  }),
  salvage: choice(['ask', 'discard', 'replay'], {
    meaning:
      'What becomes of transactions that a returning node has and the writer never had. They are saved and shown in any case. `ask`: an operator decides. `discard`: the node is rewound at once. `replay`: it is rewound, and what meets no conflict is replayed at the writer.',
    fallback: 'ask',
    example: 'ask',
  }),
  clone: CLONE,
  api: section('The API that the command line, the console and Prometheus use.', {
    listen: hostPort(false, {
      meaning: 'Address and port to listen on.',
      fallback: { host: '0.0.0.0', port: 8700 },
      fallbackText: '0.0.0.0:8700',
      example: '0.0.0.0:8700',
    }),
    tokenFile: filePath({
      meaning: 'Holds the bearer token, alone on one line.',
      fallback: 'api.token',
      example: '/etc/twinkeep/api.token',
    }),
    openReads: truth({ meaning: 'Whether reading needs no token.', fallback: false, example: 'false' }),
  }),
  secretFile: filePath({
    meaning: 'Holds the key that authenticates the peer channel; the same on both nodes.',
    fallback: 'pair.key',
    example: '/etc/twinkeep/pair.key',
  }),
  stateDir: filePath({
    meaning: 'Folder for what must survive a restart; each node uses `<pair>.<node>` in it.',
    fallback: '/var/lib/twinkeep',
    example: '/var/lib/twinkeep',
  }),
};

export type PairValues = ReadShape<typeof PAIR>;
