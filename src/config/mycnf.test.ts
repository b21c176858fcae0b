import { expect, test } from 'vitest';
import { type ServerKind, usualServer } from '../core/family.ts';
import { renderMyCnf, serverId } from './mycnf.ts';
import { parsePair } from './pair.ts';
import type { PairConfig } from './types.ts';

function pair(extra = ''): PairConfig {
  const parsed = parsePair(
    `pair: shop
nodes:
  a: { address: 192.0.2.11, interface: eth0 }
  b: { address: 192.0.2.12, interface: eth0 }
vips: { write: [192.0.2.100/24] }
${extra}`,
    'pair.yaml',
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.findings));
  return parsed.config;
}

const settings = (text: string) =>
  new Map([...text.matchAll(/^([a-z_]+) = (.*)$/gm)].map((match) => [match[1] ?? '', match[2] ?? '']));

test('the two nodes differ in what must differ, and in nothing else', () => {
  const [a, b] = [
    settings(renderMyCnf(pair(), 'a', 'mariadb')),
    settings(renderMyCnf(pair(), 'b', 'mariadb')),
  ];
  const different = [...a.keys()].filter((name) => a.get(name) !== b.get(name));
  expect(different.sort()).toEqual(['auto_increment_offset', 'report_host', 'server_id']);
  expect([...a.keys()]).toEqual([...b.keys()]);
});

test('the server id is stable, and differs between pairs with different VRRP ids', () => {
  const ids = [pair(), pair('vrrp: { id: 52 }')].flatMap((each) =>
    ['a', 'b'].map((node) => serverId(each, node)),
  );
  expect(ids).toEqual([511, 512, 521, 522]);
});

test('a server starts closed: read-only, no channel, no event, no commit without an acknowledgement', () => {
  const a = settings(renderMyCnf(pair(), 'a', 'mariadb'));
  expect(Object.fromEntries(a)).toMatchObject({
    read_only: 'ON',
    skip_slave_start: 'ON',
    event_scheduler: 'OFF',
    rpl_semi_sync_master_enabled: 'ON',
    rpl_semi_sync_master_wait_no_slave: 'ON',
    rpl_semi_sync_master_wait_point: 'AFTER_SYNC',
    init_rpl_role: 'SLAVE',
    relay_log_recovery: 'OFF',
  });
});

test('recovery never rolls back what was acknowledged: with SLAVE the commit is flushed, without it MASTER keeps it', () => {
  const lossless = settings(renderMyCnf(pair(), 'a', 'mariadb'));
  expect([lossless.get('init_rpl_role'), lossless.get('innodb_flush_log_at_trx_commit')]).toEqual([
    'SLAVE',
    '3',
  ]);
  const relaxed = settings(renderMyCnf(pair('mysql: { durability: async }'), 'a', 'mariadb'));
  expect([relaxed.get('init_rpl_role'), relaxed.get('innodb_flush_log_at_trx_commit')]).toEqual([
    'MASTER',
    '1',
  ]);
  expect(relaxed.get('rpl_semi_sync_master_enabled')).toBe('OFF');
});

test('no setting stands twice, each has a reason above it, and errors are never skipped', () => {
  for (const family of ['mariadb', 'mysql'] as const)
    eachLineHasAReason(renderMyCnf(pair('mysql: { extraPort: 3307 }'), 'b', family));
  expect(settings(renderMyCnf(pair('mysql: { extraPort: 3307 }'), 'b', 'mariadb')).get('extra_port')).toBe(
    '3307',
  );
});

function eachLineHasAReason(text: string): void {
  const lines = text.split('\n');
  const names = lines
    .filter((line) => / = /.test(line) && !line.startsWith('#'))
    .map((line) => line.split(' ')[0]);
  expect(new Set(names).size).toBe(names.length);
  for (const [i, line] of lines.entries()) {
    if (/^[a-z_]+ = /.test(line)) expect(lines[i - 1], line).toMatch(/^# (?!---)\S/);
  }
  expect(text).not.toMatch(/skip_errors/);
}

test('a node that the pair has not is refused with the names of those it has', () => {
  expect(() => renderMyCnf(pair(), 'c', 'mariadb')).toThrow(/no node c/);
});

const mysqlOf = (version: number, extra = ''): Map<string, string> =>
  settings(renderMyCnf(pair(extra), 'a', 'mysql', { family: 'mysql', version }));

/** In MySQL's own words of 8.0.26 and newer. */
const NEW_WORDS = {
  super_read_only: 'ON',
  event_scheduler: 'OFF',
  gtid_mode: 'ON',
  enforce_gtid_consistency: 'ON',
  log_replica_updates: 'ON',
  skip_replica_start: 'ON',
  relay_log_recovery: 'OFF',
  sync_relay_log: '1',
  replica_parallel_workers: '4',
  replica_preserve_commit_order: 'ON',
  rpl_semi_sync_source_enabled: 'ON',
  rpl_semi_sync_source_timeout: '18446744073709551615',
  rpl_semi_sync_source_wait_point: 'AFTER_SYNC',
  rpl_semi_sync_source_wait_no_replica: 'ON',
  rpl_semi_sync_replica_enabled: 'ON',
  plugin_load_add: '"semisync_source.so;semisync_replica.so;mysql_clone.so"',
};

const OLD_WORDS = {
  super_read_only: 'ON',
  log_slave_updates: 'ON',
  skip_slave_start: 'ON',
  slave_preserve_commit_order: 'ON',
  slave_parallel_type: 'LOGICAL_CLOCK',
  rpl_semi_sync_master_enabled: 'ON',
  rpl_semi_sync_master_wait_no_slave: 'ON',
  rpl_semi_sync_slave_enabled: 'ON',
};

test('MySQL starts closed to administrators as well, in the words of 8.0.26, 8.4 and 9.x alike', () => {
  for (const version of [80_026, 80_036, 80_400, 90_704])
    expect(Object.fromEntries(mysqlOf(version))).toMatchObject(NEW_WORDS);
  expect(mysqlOf(80_026).get('replica_parallel_type')).toBe('LOGICAL_CLOCK');
  expect(mysqlOf(80_400).has('replica_parallel_type')).toBe(false);
});

test('no word that a version took away or does not know yet is written for it', () => {
  for (const version of [80_026, 80_400, 90_704])
    expect([...mysqlOf(version).keys()].filter((name) => /master|slave|read_only$/.test(name))).toEqual([
      'super_read_only',
    ]);
  for (const version of [50_744, 80_020]) {
    expect(Object.fromEntries(mysqlOf(version))).toMatchObject(OLD_WORDS);
    expect([...mysqlOf(version).keys()].filter((name) => /replica|source/.test(name))).toEqual([]);
  }
  const old = mysqlOf(50_744, 'mysql: { extraPort: 3307 }');
  expect(old.get('plugin_load_add')).toBe('"semisync_master.so;semisync_slave.so"');
  expect([old.get('expire_logs_days'), old.get('relay_log_info_repository'), old.has('admin_port')]).toEqual([
    '7',
    'TABLE',
    false,
  ]);
  expect(mysqlOf(80_020, 'mysql: { extraPort: 3307 }').get('admin_port')).toBe('3307');
});

test('MySQL 5.6 is rendered for durability: async only, and says why', () => {
  expect(() => renderMyCnf(pair(), 'a', 'mysql56')).toThrow(/there is no AFTER_SYNC/);
  const rendered = settings(renderMyCnf(pair('mysql: { durability: async }'), 'a', 'mysql56'));
  expect(rendered.get('read_only')).toBe('ON');
  expect([...rendered.keys()].filter((name) => /super|semi_sync|plugin/.test(name))).toEqual([]);
});

test('what every family shares is set for every family', () => {
  const kinds: readonly ServerKind[] = Object.values(usualServer);
  for (const kind of kinds) {
    const rendered = settings(renderMyCnf(pair('mysql: { durability: async }'), 'b', kind.family, kind));
    expect(Object.fromEntries(rendered), kind.family).toMatchObject({
      server_id: '512',
      binlog_format: 'ROW',
      sync_binlog: '1',
      relay_log_recovery: 'OFF',
      sync_relay_log: '1',
      auto_increment_offset: '2',
    });
  }
});

test('a server in use keeps the names of its logs', () => {
  const names = { binary: 'mysql-bin', relay: 'host-relay-bin' };
  const text = renderMyCnf(pair(), 'a', 'mariadb', undefined, names);
  expect(settings(text).get('log_bin')).toBe('mysql-bin');
  expect(settings(text).get('relay_log')).toBe('host-relay-bin');
  expect(settings(renderMyCnf(pair(), 'a', 'mariadb')).get('log_bin')).toBe('twinkeep-bin');
});
