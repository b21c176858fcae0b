// The users' own my.cnf files (fixtures/ holds copies, comments and all), and what a my.cnf may look like.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Finding } from './finding.ts';
import { readOptionFile } from './optionfile.ts';
import { diagnoseFiles } from './rules-file.ts';

const wanted = { durability: 'lossless', positioning: 'gtid' } as const;
const users = (name: string) => ({
  name,
  file: readOptionFile(name, readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8')),
});
const examine = (text: string) =>
  diagnoseFiles([{ name: 'my.cnf', file: readOptionFile('my.cnf', text) }], wanted);
const at = (findings: readonly Finding[], code: string) =>
  findings.filter((each) => each.code === code).map((each) => each.place?.line ?? null);
const errors = (findings: readonly Finding[]) =>
  findings.filter((each) => each.severity === 'error').map((each) => `${each.code}:${each.place?.line}`);

describe("the users' files", () => {
  test('gtid-pair: log_slave_updates is off, at its line; what is not set at all is named', () => {
    for (const name of ['gtid-pair-a.cnf', 'gtid-pair-b.cnf']) {
      const findings = diagnoseFiles([users(name)], wanted);
      expect(errors(findings)).toEqual(['no-group:1', 'no-log-slave-updates:3']);
      const unset = ['no-binary-log', 'binlog-format', 'sync-binlog', 'semi-sync-off', 'starts-open'];
      for (const code of unset) expect(at(findings, code)).toEqual([null]);
      expect(at(findings, 'auto-increment')).toEqual([]);
    }
  });

  test('gtid-pair, both: ids and offsets differ as they should', () => {
    const findings = diagnoseFiles([users('gtid-pair-a.cnf'), users('gtid-pair-b.cnf')], wanted);
    expect(findings.filter((each) => each.about === 'pair')).toEqual([]);
    expect(at(findings, 'no-log-slave-updates')).toEqual([3, 3]);
  });

  test('position-pair: skipped errors and a filter whose list is one name', () => {
    const findings = diagnoseFiles([users('position-pair.cnf')], wanted);
    expect(errors(findings)).toEqual(['no-group:1', 'slave-skip-errors:7', 'binlog-filter:4']);
    expect(findings.find((each) => each.code === 'binlog-filter')?.what).toContain('taken for one name');
    expect(at(findings, 'no-binary-log')).toEqual([]);
    expect(at(findings, 'copied-file')).toEqual([3]);
  });

  test('position-pair, copied to the other host as it is: one id and one offset on both', () => {
    const both = diagnoseFiles([users('position-pair.cnf'), users('position-pair.cnf')], wanted);
    expect(at(both, 'equal-server-ids')).toEqual([3]);
    expect(at(both, 'equal-auto-increment-offsets')).toEqual([6]);
  });
});

describe('a my.cnf', () => {
  test('the last setting of a name counts, and its line is named', () => {
    expect(at(examine('[mysqld]\nsync_binlog=0\nsync-binlog = 1\n'), 'sync-binlog')).toEqual([]);
    expect(at(examine('[mysqld]\nsync_binlog=1\n\nloose-sync-binlog = 0\n'), 'sync-binlog')).toEqual([4]);
  });

  test("other programs' groups are not the server's", () => {
    const findings = examine(
      '[mysqldump]\nsync_binlog=0\n[mysqld_safe]\nlog_bin=0\n[mariadb-10.11]\nserver_id=3\n',
    );
    expect(findings.filter((each) => each.severity === 'error')).toEqual([]);
  });

  test('new names, prefixes, quotes and comments are read as the server reads them', () => {
    const text = `[mysqld]
log_replica_updates = OFF   # off
replica-skip-errors = "1062,1032"
skip-log-bin
disable-innodb-doublewrite
relay_log_recovery
binlog_do_db = shop # the shop
binlog_do_db = crm
default_time_zone = '+00:00'
`;
    const findings = examine(text);
    expect(at(findings, 'no-log-slave-updates')).toEqual([2]);
    expect(at(findings, 'slave-skip-errors')).toEqual([3]);
    expect(at(findings, 'no-binary-log')).toEqual([4]);
    expect(at(findings, 'doublewrite-off')).toEqual([5]);
    expect(at(findings, 'relay-log-recovery')).toEqual([6]);
    expect(at(findings, 'binlog-filter')).toEqual([7, 8]);
  });

  test('every setting that lets data drift apart or be lost is an error', () => {
    const wrong: Record<string, string> = {
      'slave_exec_mode = IDEMPOTENT': 'slave-exec-mode',
      'sql_slave_skip_counter = 3': 'skip-counter',
      'replicate_wild_ignore_table = shop.%': 'replication-filter',
      'replicate-do-db = shop': 'replication-filter',
      'binlog_format = statement': 'binlog-format',
      'innodb_flush_log_at_trx_commit = 2': 'flush-log-at-commit',
      'sync_relay_log = 10000': 'sync-relay-log',
      'rpl_semi_sync_source_timeout = 10000': 'semi-sync-timeout',
      'rpl_semi_sync_master_wait_point = AFTER_COMMIT': 'semi-sync-wait-point',
      'rpl_semi_sync_master_wait_no_slave = OFF': 'semi-sync-wait-no-replica',
      'read_only = 0': 'starts-open',
      'foreign_key_checks = 0': 'checks-off',
      'unique_checks = OFF': 'checks-off',
      'bind_address = 127.0.0.1': 'listens-locally',
      'skip-networking': 'listens-locally',
      'gtid_strict_mode = 0': 'gtid-strict-mode',
      'server_id = 0': 'no-server-id',
    };
    for (const [line, code] of Object.entries(wrong)) {
      const found = examine(`[mysqld]\n${line}\n`).find(
        (each) => each.code === code && each.place?.line === 2,
      );
      expect([line, found?.severity]).toEqual([line, 'error']);
    }
  });
});
