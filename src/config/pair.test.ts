import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parsePair } from './pair.ts';
import { showPair } from './show.ts';
import type { Finding, PairConfig } from './types.ts';

const NODES = `nodes:
  a: { address: 192.0.2.11, interface: eth0 }
  b: { address: 192.0.2.12, interface: eth0 }
`;
const SHORTEST = `pair: shop
${NODES}vips: { write: [192.0.2.100/24] }
`;

function valid(text: string): { config: PairConfig; warnings: readonly Finding[] } {
  const parsed = parsePair(text, 'pair.yaml');
  if (!parsed.ok)
    throw new Error(parsed.findings.map((f) => `${f.line}:${f.column} ${f.message}`).join('\n'));
  return parsed;
}

function findings(text: string): readonly Finding[] {
  const parsed = parsePair(text, 'pair.yaml');
  return parsed.ok ? [] : parsed.findings;
}

/** The only finding of the shortest file with a further line. */
function only(line: string): Finding {
  const all = findings(SHORTEST + line);
  expect(all.map((f) => f.message)).toHaveLength(1);
  const [first] = all;
  if (first === undefined) throw new Error('no finding');
  return first;
}

test('pair, nodes and one write VIP are a valid file, and every default is filled in', () => {
  const { config, warnings } = valid(SHORTEST);
  expect(warnings).toEqual([]);
  expect(config).toMatchObject({
    pair: 'shop',
    nodes: [
      { name: 'a', address: '192.0.2.11', interface: 'eth0', priority: 100 },
      { name: 'b', priority: 90 },
    ],
    vips: { write: [{ address: '192.0.2.100', family: 4, prefix: 24 }], read: [], single: [] },
    mysql: {
      port: 3306,
      socket: null,
      extraPort: null,
      replication: { user: 'repl', passwordFile: 'repl.password', positioning: 'gtid' },
      admin: { user: 'twinkeep', passwordFile: 'admin.password' },
      durability: 'lossless',
      probe: { intervalMs: 200, deadlineMs: 500 },
      heartbeatIntervalMs: 500,
    },
    vrrp: {
      id: 51,
      version: 3,
      advertIntervalMs: 100,
      preempt: false,
      peers: 'multicast',
      authentication: { type: 'none' },
      vipLeaseS: 2,
    },
    failover: {
      partition: 'availability',
      promoteWithinMs: 2_000,
      aloneAfterMs: 3_000,
      gateway: null,
      maxDrainMs: 30_000,
      holdAfterFailoverMs: 60_000,
      agentGraceMs: 1000,
    },
    witness: null,
    proxy: null,
    notify: null,
    peer: { port: 8701 },
    api: { host: '0.0.0.0', port: 8700, tokenFile: 'api.token', openReads: false },
    secretFile: 'pair.key',
    stateDir: '/var/lib/twinkeep',
  });
});

const FULL = `pair: shop-2
nodes:
  db-1: { address: "2001:DB8::11", interface: bond0.100, priority: 200 }
  db-2: { address: "2001:db8:0::12", interface: eth0, priority: 254 }
vips:
  write: ["2001:db8::100/64", 192.0.2.7/32]
  read: "2001:db8::101/64"
  single: ["2001:db8::102/64"]
mysql:
  port: 3307
  socket: /run/mysqld/mysqld.sock
  extraPort: 3308
  replication: { user: r, passwordFile: secrets/r, positioning: binlog }
  admin: { user: t, passwordFile: /etc/t }
  durability: async
  probe: { interval: 50ms, deadline: 1s }
  heartbeatInterval: 200ms
vrrp: { id: 7, version: 3, advertInterval: 40.95s, preempt: true, peers: unicast, vipLease: 3s }
failover:
  partition: consistency
  promoteWithin: 5m
  aloneAfter: 400s
  gateway: 2001:db8::1
  maxDrain: 0s
  holdAfterFailover: 2m
  agentGrace: 100ms
witness: { etcd: ["https://[2001:db8::50]:2379/"], caFile: ca.pem, certFile: c.pem, keyFile: c.key, user: tk, passwordFile: etcd.password }
proxy: { port: 3306, workers: 4, causalReads: off }
notify:
  email: { to: [a@example.net, b@example.net], server: "mail.example.net:25" }
  webhook: https://hooks.example.net/x
  scripts: { writer: on-writer }
peer: { port: 9001 }
api: { listen: "[::]:9000", tokenFile: t, openReads: true }
secretFile: k
stateDir: state
reads: { prefer: db-2, maxLag: 10s, vrrpId: 9 }
`;

test('a file that uses every key is understood, and what is not served yet is a warning at its line', () => {
  const { config, warnings } = valid(FULL);
  expect(config.nodes.map((node) => node.address)).toEqual(['2001:db8::11', '2001:db8::12']);
  expect(config.vips.read).toEqual([{ address: '2001:db8::101', family: 6, prefix: 64 }]);
  expect(config.reads).toEqual({ prefer: 'db-2', maxLagMs: 10_000, vrrpId: 9 });
  expect(config.vrrp.advertIntervalMs).toBe(40_950);
  expect(config.api).toEqual({ host: '::', port: 9000, tokenFile: 't', openReads: true });
  expect(config.notify?.email?.server).toEqual({ host: 'mail.example.net', port: 25 });
  expect(config.proxy).toEqual({ port: 3306, workers: 4, causalReads: 'off' });
  const keys = warnings.map((w) => [w.line, w.message.split(' ')[0]]);
  expect(keys).toEqual([
    [8, 'vips.single'],
    [28, 'proxy'],
    [30, 'notify'],
  ]);
});

test.each([
  ['the shortest file', SHORTEST],
  ['the fullest file', FULL],
  [
    'version 2 with a password',
    `${SHORTEST}vrrp: { version: 2, authentication: { type: ah, passwordFile: v } }`,
  ],
])('%s: what `config show` prints is read back as the same configuration', (_, text) => {
  const { config } = valid(text);
  expect(valid(showPair(config)).config).toEqual(config);
});

test('with version 2 the windows follow from its slow adverts, so that a standby may still act', () => {
  const { config } = valid(`${SHORTEST}vrrp: { version: 2 }`);
  expect(config.vrrp.advertIntervalMs).toBe(1_000);
  expect(config.failover).toMatchObject({ promoteWithinMs: 5_000, aloneAfterMs: 7_500 });
});

test('all mistakes are found in one go, in the order of the file', () => {
  const all = findings(`pair: Shop
nodes:
  a: { address: 192.0.2.11, interface: eth0:1, priority: 100 }
  b: { address: 192.0.2.12, interfaze: eth0, priority: 300 }
vips:
  write: [192.0.2.100, 198.51.100.7/24]
mysql: { password: s3cret, port: "x" }
vrrp: { advertInterval: 100, preempt: yes }
failover: { aloneAfter: 2.2s }
slave_skip_errors: all
`);
  expect(all.map((f) => `${f.line}:${f.column} ${f.code}`)).toEqual([
    '1:7 wrong-value',
    '3:40 wrong-value',
    '4:29 unknown-key',
    '4:56 wrong-value',
    '6:11 wrong-value',
    '6:24 vip-outside-network',
    '7:10 secret-in-file',
    '7:34 wrong-value',
    '8:25 wrong-value',
    '8:39 wrong-value',
    '10:1 skip-errors-refused',
  ]);
  expect(JSON.stringify(all)).not.toContain('s3cret');
});

test.each([
  ['durablity: async', 1, 'unknown-key', 'mysql.durability'],
  ['vrrp: { advert: 1s }', 9, 'unknown-key', 'id, version'],
  ['vrrp: { ID: 5 }', 9, 'unknown-key', 'did you mean `id`'],
  ['vrrp: { id:5 }', 9, 'missing-space', '`id: 5`'],
  ['vrrp: { id: 0 }', 13, 'wrong-value', 'id: 51'],
  ['vrrp: { id: 256 }', 13, 'wrong-value', 'id: 51'],
  ['vrrp: { id: 5.5 }', 13, 'wrong-value', 'id: 51'],
  ['vrrp: { id: [5] }', 13, 'wrong-value', 'id: 51'],
  ['vrrp: { peers: multicats }', 16, 'wrong-value', '`multicast`'],
  ['vrrp: { preempt: off }', 18, 'wrong-value', '`false`'],
  ['vrrp: { advertInterval: 15ms }', 25, 'advert-interval', '`20ms`'],
  ['vrrp: { advertInterval: 45s }', 25, 'advert-interval', '`40950ms`'],
  ['vrrp: { version: 2, advertInterval: 1500ms }', 37, 'advert-interval', '`1s`'],
  ['vrrp: { vipLease: 1500ms }', 19, 'vip-lease', '`2s`'],
  ['vrrp: { authentication: { type: pass, passwordFile: x } }', 33, 'authentication-version', 'version: 2'],
  ['vrrp: { version: 2, authentication: { type: ah } }', 37, 'missing-key', 'passwordFile'],
  ['vrrp: 5', 7, 'wrong-value', 'advertInterval'],
  ['vrrp:', 6, 'wrong-value', 'remove the line'],
  ['failover: { promoteWithin: 3 }', 28, 'wrong-value', '`3s`'],
  ['failover: { promoteWithin: 3 sec }', 28, 'wrong-value', 'promoteWithin: 2s'],
  ['failover: { promoteWithin: 2s, aloneAfter: 2.4s }', 44, 'window-margin', '2500ms'],
  ['failover: { promoteWithin: 900ms }', 28, 'window-too-short', '1s'],
  ['failover: { agentGrace: 2s }', 25, 'agent-grace', '1s'],
  ['failover: { gateway: 192.0.2.100 }', 22, 'gateway-inside', 'router'],
  ['failover: { gateway: 192.0.2.12 }', 22, 'gateway-inside', 'router'],
  ['failover: { gateway: "2001:db8::1" }', 22, 'mixed-families', 'family'],
  ['mysql: { heartbeatInterval: 2s }', 29, 'window-margin', 'quarter'],
  ['mysql: { extraPort: 3306 }', 21, 'port-clash', 'own'],
  ['peer: { port: 8700 }', 15, 'port-clash', 'own'],
  ['mysql: { socket: run/x.sock }', 18, 'wrong-value', '/run/mysqld'],
  ['mysql: { replication: { slave-skip-errors: 1062 } }', 25, 'skip-errors-refused', 'remove'],
  ['extra: { deep: { slave_skip_errors: all } }', 18, 'skip-errors-refused', 'remove'],
  ['api: { token: abc }', 8, 'secret-in-file', 'tokenFile'],
  ['api: { listen: 8700 }', 16, 'wrong-value', '0.0.0.0:8700'],
  ['api: { listen: "localhost:8700" }', 16, 'wrong-value', '0.0.0.0:8700'],
  ['witness: { etcd: [] }', 18, 'wrong-value', 'http://'],
  ['witness: { }', 1, 'missing-key', 'etcd'],
  ['witness: { etcd: ["192.0.2.50"] }', 19, 'wrong-value', '`http://192.0.2.50:2379`'],
  ['witness: { etcd: "https://w.example.net" }', 18, 'wrong-value', '`https://w.example.net:2379`'],
  ['witness: { etcd: ["http://u:p@192.0.2.50:2379"] }', 19, 'wrong-value', 'witness.passwordFile'],
  ['witness: { etcd: ["http://192.0.2.50:2379/v3"] }', 19, 'wrong-value', '`http://192.0.2.50:2379`'],
  ['witness: { etcd: ["http://192.0.2.50:99999"] }', 19, 'witness-endpoint', '2379'],
  ['witness: { etcd: ["http://192.0.2.50:0"] }', 19, 'witness-endpoint', '2379'],
  ['witness: { etcd: ["http://127.0.0.1:2379"] }', 19, 'witness-endpoint', 'third place'],
  ['witness: { etcd: ["http://localhost:2379"] }', 19, 'witness-endpoint', 'third place'],
  ['witness: { etcd: ["http://192.0.2.100:2379"] }', 19, 'witness-endpoint', 'own address'],
  ['witness: { etcd: ["http://w:2379", "http://w2:2379"] }', 18, 'witness-size', 'third member'],
  [
    'witness: { etcd: ["http://w:2379", "http://w2:2379", "http://W:2379/"] }',
    54,
    'witness-endpoint',
    'remove',
  ],
  ['witness: { etcd: ["http://w:2379"], caFile: x }', 45, 'witness-tls', 'https'],
  ['witness: { etcd: ["https://w:2379"], certFile: x }', 48, 'missing-key', 'keyFile'],
  ['witness: { etcd: ["https://w:2379"], keyFile: x }', 47, 'missing-key', 'certFile'],
  ['witness: { etcd: ["https://w:2379"], user: x }', 44, 'missing-key', 'passwordFile'],
  ['witness: { etcd: ["https://w:2379"], passwordFile: x }', 52, 'missing-key', 'user'],
  ['witness: { etcd: ["https://w:2379"], password: x }', 38, 'secret-in-file', 'passwordFile'],
  ['pair: again', 1, 'duplicate-key', 'remove one'],
])('%s is refused at its column, with what would be right', (line, column, code, hint) => {
  const finding = only(line);
  expect(finding).toMatchObject({ file: 'pair.yaml', code });
  expect(finding.hint).toContain(hint);
  expect(finding.line).toBe(6);
  expect(finding.column).toBe(column);
});

test.each([
  ['["http://192.0.2.11:2379"]', [19], 'the database host a'],
  ['["http://192.0.2.11:2379", "http://192.0.2.11:2479", "http://w:2379"]', [19], 'the database host a'],
  ['["http://192.0.2.11:2379", "http://192.0.2.12:2379", "http://w:2379"]', [], ''],
  ['["http://192.0.2.50:2379"]', [], ''],
])('etcd at %s: a database host that could take the witness with it is a warning', (etcd, columns, says) => {
  const warnings = valid(`${SHORTEST}witness: { etcd: ${etcd} }`).warnings.filter(
    (w) => w.code === 'witness-place',
  );
  expect(warnings.map((w) => w.column)).toEqual(columns);
  for (const { message } of warnings) expect(message).toContain(says);
});

test('a password that would travel to etcd in clear is a warning', () => {
  const { warnings } = valid(`${SHORTEST}witness: { etcd: ["http://w:2379"], user: x, passwordFile: p }`);
  expect(warnings.map((w) => w.code)).toContain('witness-clear-text');
});

const withNodes = (a: string, b: string, vip = '192.0.2.100/24') =>
  `pair: shop\nnodes:\n  a: { interface: eth0, ${a} }\n  b: { interface: eth0, ${b} }\nvips: { write: [${vip}] }\n`;

test.each([
  ['address: 192.0.2.11', 'address: 192.0.2.11', 'equal-addresses'],
  ['address: 192.0.2.11', 'address: "2001:db8::1"', 'mixed-families'],
  ['address: 192.0.2.11, priority: 90', 'address: 192.0.2.12', 'equal-priorities'],
  ['address: 192.0.2.11', 'address: 192.0.2.12, priority: 100', 'equal-priorities'],
  ['address: 192.0.2.11', 'address: 192.0.2.12, priority: 255', 'wrong-value'],
  ['address: 192.0.2.11', 'address: 127.0.0.1', 'wrong-value'],
  ['address: 192.0.2.11', 'address: 224.0.0.18', 'wrong-value'],
  ['address: 192.0.2.11', 'address: 192.0.2.012', 'wrong-value'],
  ['address: 192.0.2.11', 'address: db2.example.net', 'wrong-value'],
])('nodes with %s and %s are refused: %s', (a, b, code) => {
  expect(findings(withNodes(a, b)).map((f) => f.code)).toContain(code);
});

test.each([
  ['192.0.2.100', 'wrong-value'],
  ['192.0.2.0/24', 'wrong-value'],
  ['192.0.2.255/24', 'wrong-value'],
  ['192.0.2.100/33', 'wrong-value'],
  ['192.0.2.100/0', 'wrong-value'],
  ['127.0.0.5/8', 'wrong-value'],
  ['192.0.3.100/24', 'vip-outside-network'],
  ['192.0.2.101/30', 'vip-outside-network'],
  ['192.0.2.12/24', 'vip-is-node'],
  ['192.0.2.100/24, 192.0.2.100/24', 'vip-twice'],
])('a write VIP of %s is refused: %s', (vip, code) => {
  const all = findings(withNodes('address: 192.0.2.11', 'address: 192.0.2.12', vip));
  expect(all.map((f) => f.code)).toEqual([code]);
});

test.each(['192.0.3.100/32', '192.0.2.100/25', '192.0.3.100/23', '"2001:db8::5/64"'])(
  'a write VIP of %s is fine',
  (vip) => {
    expect(findings(withNodes('address: 192.0.2.11', 'address: 192.0.2.12', vip))).toEqual([]);
  },
);

test('an IPv6 VIP with VRRP version 2 is refused', () => {
  const text = withNodes('address: 192.0.2.11', 'address: 192.0.2.12', '"2001:db8::5/64"');
  expect(findings(`${text}vrrp: { version: 2 }`).map((f) => f.code)).toEqual(['version-2-ipv6']);
});

test('the same VIP in two kinds, and a single VIP without a proxy, are refused', () => {
  const text = `pair: shop\n${NODES}vips: { write: [192.0.2.100/24], read: [192.0.2.100/24], single: [192.0.2.102/24] }`;
  expect(findings(text).map((f) => f.code)).toEqual(['vip-twice', 'single-needs-proxy']);
});

const READ_VIP = `pair: shop\n${NODES}vips: { write: [192.0.2.100/24], read: [192.0.2.101/24] }\n`;

test.each([
  ['reads: { prefer: c }', 'unknown-node'],
  ['reads: { vrrpId: 51 }', 'equal-vrrp-ids'],
  ['reads: { vrrpId: 256 }', 'wrong-value'],
  ['reads: { maxLag: 2s }', 'max-lag-margin'],
  ['reads: { maxLag: 2s }\nmysql: { heartbeatInterval: 300ms }', 'max-lag-margin'],
])('%s is refused: %s', (text, code) => {
  expect(findings(`${READ_VIP}${text}\n`).map((f) => f.code)).toEqual([code]);
});

test('the read VIPs are a virtual router of their own, next to the one of the write VIPs', () => {
  expect(valid(READ_VIP).config.reads).toEqual({ prefer: 'standby', maxLagMs: 5000, vrrpId: 52 });
  expect(valid(`${READ_VIP}vrrp: { id: 255 }`).config.reads.vrrpId).toBe(254);
});

test('three nodes, and one, are refused', () => {
  const third = '  c: { address: 192.0.2.13, interface: eth0 }\n';
  expect(findings(SHORTEST.replace('vips', `${third}vips`)).map((f) => f.code)).toEqual(['node-count']);
  expect(findings(SHORTEST.replace(/ {2}b.*\n/, '')).map((f) => f.code)).toEqual(['node-count']);
});

test('a misspelt compulsory key is reported once, not as missing too', () => {
  const all = findings(SHORTEST.replace('address: 192.0.2.12', 'adress: 192.0.2.12'));
  expect(all.map((f) => [f.code, f.hint])).toEqual([['unknown-key', 'did you mean `address`?']]);
});

test('an empty file and a file of the wrong kind each get one sentence', () => {
  expect(findings('')).toMatchObject([{ code: 'unreadable', message: 'the file is empty' }]);
  expect(findings('- a\n- b\n').map((f) => f.code)).toEqual(['wrong-value']);
  expect(findings('hello')).toHaveLength(1);
  expect(findings('x'.repeat(70_000))).toMatchObject([{ code: 'unreadable' }]);
  expect(findings('x'.repeat(3_000))).toMatchObject([{ code: 'unreadable' }]);
});

test('absurd nesting is refused with a sentence', () => {
  const deep = `a: ${`${'['.repeat(1_900)}\n`.repeat(20)}`;
  expect(findings(deep)[0]?.message).toContain('nested too deeply');
});

test('a tab in the indentation is one finding a line, and the other mistakes are still found in their columns', () => {
  const text = SHORTEST.replace('  a:', '\ta:')
    .replace('  b:', '\tb:')
    .replace('eth0 }\nvips', 'eth0, priority: 0 }\nvips');
  expect(findings(text).map((f) => `${f.line}:${f.column} ${f.code}`)).toEqual([
    '3:1 yaml-syntax',
    '4:1 yaml-syntax',
    '4:55 wrong-value',
  ]);
});

test('after a bracket that is never closed only what stands before it is judged', () => {
  const all = findings(`pair: Shop\nnodes: { a: { address: 192.0.2.11\nvips: { write: [192.0.2.100] }\n`);
  expect(all.map((f) => [f.line, f.code])).toEqual([
    [1, 'wrong-value'],
    [3, 'yaml-syntax'],
  ]);
});

test('an alias that leads nowhere is a finding', () => {
  expect(findings(`${SHORTEST}vrrp: { id: *x }`).map((f) => f.line)).toContain(6);
});

test('anchors and aliases work', () => {
  const text = SHORTEST.replace('interface: eth0', 'interface: &i eth0').replace(
    'interface: eth0',
    'interface: *i',
  );
  expect(valid(text).config.nodes[1]?.interface).toBe('eth0');
});

test('no text whatever makes the parser throw, and every finding lies in the file', () => {
  const fragment = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.constantFrom(
      ...FULL.split('\n'),
      '\n',
      '\t',
      '  ',
      ': ',
      '{',
      '}',
      '[',
      ']',
      '&a',
      '*a',
      '"',
      "'",
      '|',
      '---',
      '!!',
      '#',
      '%',
      '<<: *a',
    ),
  );
  fc.assert(
    fc.property(fc.array(fragment, { maxLength: 12 }), fc.constantFrom('', '\n'), (parts, glue) => {
      const text = parts.join(glue);
      const parsed = parsePair(text, 'pair.yaml');
      for (const finding of parsed.ok ? parsed.warnings : parsed.findings) {
        expect(finding.line).toBeGreaterThanOrEqual(1);
        expect(finding.line).toBeLessThanOrEqual(text.split('\n').length);
        expect(finding.column).toBeGreaterThanOrEqual(1);
      }
      if (!parsed.ok) expect(parsed.findings.length).toBeGreaterThan(0);
    }),
    { numRuns: 500 },
  );
});
