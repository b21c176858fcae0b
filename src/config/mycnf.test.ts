import { expect, test } from 'vitest';
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
  const text = renderMyCnf(pair('mysql: { extraPort: 3307 }'), 'b', 'mariadb');
  const lines = text.split('\n');
  const names = lines
    .filter((line) => / = /.test(line) && !line.startsWith('#'))
    .map((line) => line.split(' ')[0]);
  expect(new Set(names).size).toBe(names.length);
  for (const [i, line] of lines.entries()) {
    if (/^[a-z_]+ = /.test(line)) expect(lines[i - 1], line).toMatch(/^# (?!---)\S/);
  }
  expect(names).toContain('extra_port');
  expect(text).not.toMatch(/skip_errors/);
});

test('a node that the pair has not is refused with the names of those it has', () => {
  expect(() => renderMyCnf(pair(), 'c', 'mariadb')).toThrow(/no node c/);
});
