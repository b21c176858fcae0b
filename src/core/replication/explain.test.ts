// Errors as the servers word them (MariaDB 10.11.19, MySQL 5.6, 8.0 and 9.7), taken apart and explained.
import { describe, expect, test } from 'vitest';
import { type Evidence, explain } from './explain.ts';
import { readFailure } from './failure.ts';

const names = { self: 'b', peer: 'a' };
const MISSING =
  "Could not execute Update_rows_v1 event on table shop.t; Can't find record in 't', Error_code: 1032; handler error HA_ERR_KEY_NOT_FOUND; the event's master log twinkeep-bin.000001, end_log_pos 21013 (error 1032)";
const EXISTS =
  "Could not execute Write_rows_v1 event on table shop.t; Duplicate entry '9' for key 'PRIMARY', Error_code: 1062; handler error HA_ERR_FOUND_DUPP_KEY; the event's master log mysql-bin.000003, end_log_pos 725 (error 1062)";
const WORKER =
  "Worker 1 failed executing transaction '3e11fa47-71ca-11e1-9e33-c80aa9429562:7' at source log binlog.000003, end_log_pos 420; Could not execute Delete_rows event on table shop.t; Can't find record in 't', Error_code: 1032; handler error HA_ERR_KEY_NOT_FOUND; the event's source log binlog.000003, end_log_pos 420 (error 1032)";
const STATEMENT =
  "Error 'Duplicate entry '5' for key 'PRIMARY'' on query. Default database: 'shop'. Query: 'insert into t values (5)' (error 1062)";

describe('a failure taken apart', () => {
  test('table, kind, place and key of a row event', () => {
    expect(readFailure(MISSING)).toMatchObject({
      number: 1032,
      table: 'shop.t',
      kind: 'update',
      place: { file: 'twinkeep-bin.000001', end: 21_013 },
      duplicate: null,
    });
    expect(readFailure(EXISTS)).toMatchObject({ kind: 'insert', duplicate: { entry: '9', key: 'PRIMARY' } });
  });

  test("MySQL's worker: its own number and its transaction", () => {
    expect(readFailure(WORKER)).toMatchObject({
      number: 1032,
      kind: 'delete',
      table: 'shop.t',
      gtid: '3e11fa47-71ca-11e1-9e33-c80aa9429562:7',
      place: { file: 'binlog.000003', end: 420 },
    });
  });

  test('a statement names its table by the schema it ran in', () => {
    expect(readFailure(STATEMENT)).toMatchObject({ number: 1062, table: 'shop.t', place: null });
    expect(
      readFailure(
        "Error 'Table 'shop.gone' doesn't exist' on query. Default database: 'x'. Query: 'x' (error 1146)",
      ).table,
    ).toBe('shop.gone');
  });

  test('any text is taken, and nothing is made up', () => {
    for (const text of ['', '(error )', 'x'.repeat(10_000), "Duplicate entry ' for key '", 'end_log_pos'])
      expect(readFailure(text)).toMatchObject({ number: 0, table: null, kind: null, place: null });
  });
});

const before = { id: '1', name: "O'Hara", price: '1.50' };
const evidence: Evidence = {
  event: { kind: 'update', table: 'shop.t', before, after: { ...before, price: '1.75' } },
  key: ['id'],
  here: 'absent',
  there: { ...before, price: '1.75' },
  unread: null,
};

describe('an explanation', () => {
  test('a row that is missing: table, key, both sides, and the statement that puts it back', () => {
    const { code, because, lift, row } = explain(MISSING, names, evidence);
    expect({ code, row }).toEqual({ code: 'row-missing', row: 'id = 1' });
    expect(because).toContain(
      "finds no such row on b: it changes (id 1, name O'Hara, price 1.50) to (id 1, name O'Hara, price 1.75)",
    );
    expect(because).toContain('b holds no such row, a holds (id 1');
    expect(because).toContain(`The server says: ${MISSING}`);
    expect(lift).toContain("INSERT INTO `shop`.`t` (`id`, `name`, `price`) VALUES (1, 'O''Hara', 1.50)");
  });

  test('under super_read_only the statement lifts it for itself', () => {
    const { lift } = explain(MISSING, { ...names, superReadOnly: true }, evidence);
    expect(lift).toMatch(
      /SET GLOBAL super_read_only = OFF; SET SESSION sql_log_bin = 0; INSERT .*; SET GLOBAL super_read_only = ON; the applier/,
    );
  });

  test('a row that differs, in a table without a key, is set back', () => {
    const here = { ...before, price: '9.00' };
    const { lift } = explain(MISSING, names, { ...evidence, key: [], here });
    expect(lift).toContain(
      "UPDATE `shop`.`t` SET `id` = 1, `name` = 'O''Hara', `price` = 1.50 WHERE `id` = 1 AND `name` = 'O''Hara' AND `price` = 9.00",
    );
  });

  test('a row that is there already, by another unique key', () => {
    const text = EXISTS.replace("'9' for key 'PRIMARY'", "'plum' for key 'named'");
    const row = { id: '9', name: 'plum', price: null };
    const { code, lift, because } = explain(text, names, {
      ...evidence,
      event: { kind: 'insert', table: 'shop.t', before: null, after: row },
      here: 'absent',
      there: row,
    });
    expect(code).toBe('row-exists');
    expect(because).toContain('price NULL');
    expect(lift).toContain("DELETE FROM `shop`.`t` WHERE `named` = 'plum'");
  });

  test('without evidence, what the server says is still explained, and what would show more is named', () => {
    expect(explain(EXISTS, names, null)).toMatchObject({
      code: 'row-exists',
      table: 'shop.t',
      row: 'PRIMARY = 9',
    });
    const unread = 'GRANT SELECT would show it';
    const blind: Evidence = { event: null, key: [], here: 'unseen', there: 'unseen', unread };
    expect(explain(MISSING, names, blind).lift).toContain(unread);
  });

  test('columns without names make no statement that could be typed', () => {
    const event = { kind: 'update', table: 'shop.t', before: { '@1': '1' }, after: { '@1': '2' } } as const;
    const { lift } = explain(MISSING, names, {
      ...evidence,
      event,
      key: [],
      here: 'unseen',
      there: 'unseen',
    });
    expect(lift).not.toContain('@1');
  });

  test('long rows are cut in the sentence; a statement is whole or not given', () => {
    const wide = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`c${i}`, 'x'.repeat(500)]));
    const { because, lift } = explain(MISSING, names, {
      ...evidence,
      event: { kind: 'update', table: 'shop.t', before: wide, after: wide },
      key: ['c0'],
    });
    expect(because.length).toBeLessThan(4096);
    expect(lift.length).toBeLessThan(4096);
    expect(lift).not.toContain('INSERT');
  });

  test('by its number where there is no row: each has a code of its own and something to do', () => {
    const said: Record<string, string> = {
      "error connecting to master 'repl@a:3306' - retry-time: 1 (error 2003)": 'source-unreachable',
      'Access denied for user (error 1045)': 'replication-account-refused',
      "Got fatal error 1236 from master when reading data from binary log: 'Could not find first log file name in binary log index file' (error 1236)":
        'log-purged',
      "Got fatal error 1236 from master: 'Error: connecting slave requested to start from GTID 0-1-9, which is not in the master's binlog' (error 1236)":
        'errant',
      "Got fatal error 1236 from source: 'Client requested source to start replication from position > file size' (error 13114)":
        'log-cut',
      'Fatal error: The slave I/O thread stops because master and slave have equal MySQL server ids (error 1593)':
        'equal-server-ids',
      'Fatal error: master and slave have equal MySQL server UUIDs (error 13117)': 'equal-server-uuids',
      'Relay log read failure: Could not parse relay log event entry. (error 1594)': 'relay-log-unreadable',
      'Relay log read failure (error 13121)': 'relay-log-unreadable',
      'Lock wait timeout exceeded (error 1205)': 'row-locked',
      'Deadlock found (error 1213)': 'row-locked',
      "Table 'shop.x' doesn't exist (error 1146)": 'schema-differs',
      "Unknown column 'x' in 'field list' (error 1054)": 'schema-differs',
      "Column 2 of table 'shop.t' cannot be converted from type 'int' to type 'varchar' (error 1677)":
        'schema-differs',
      "Table './shop/t' is marked as crashed (error 145)": 'table-crashed',
      'An attempt was made to binlog GTID 0-1-1 which would create an out-of-order sequence number (error 1950)':
        'errant',
      'Disk full (error 1021)': 'disk-full',
      'Something nobody has seen (error 4999)': 'replication-error',
    };
    for (const [text, code] of Object.entries(said)) {
      const told = explain(text, names, null);
      expect([text, told.code]).toEqual([text, code]);
      expect(told.lift.length).toBeGreaterThan(10);
      expect(told.because).toContain(text);
      expect(told.lift).not.toMatch(/skip_counter|slave_skip/i);
    }
  });
});
