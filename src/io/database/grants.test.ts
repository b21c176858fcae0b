// The lists of privileges by family and version, against what servers say that an account has.
import { expect, test } from 'vitest';
import { grantsFor, missingGrants } from './grants.ts';

const MARIADB = [
  "GRANT PROCESS, SUPER, BINLOG MONITOR, CONNECTION ADMIN, READ_ONLY ADMIN, REPLICATION SLAVE ADMIN, REPLICATION MASTER ADMIN, REPLICA MONITOR ON *.* TO `twinkeep`@`localhost` IDENTIFIED BY PASSWORD '*F3'",
  'GRANT SELECT, INSERT, UPDATE ON `twinkeep`.* TO `twinkeep`@`localhost`',
];
const MYSQL = [
  'GRANT PROCESS, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `twinkeep`@`localhost`',
  'GRANT CONNECTION_ADMIN,REPLICATION_SLAVE_ADMIN,SERVICE_CONNECTION_ADMIN,SYSTEM_USER,SYSTEM_VARIABLES_ADMIN ON *.* TO `twinkeep`@`localhost`',
  'GRANT SELECT, INSERT, UPDATE ON `twinkeep`.* TO `twinkeep`@`localhost`',
  'GRANT SELECT ON `performance_schema`.* TO `twinkeep`@`localhost`',
];
const needed = (lines: readonly string[], family: 'mariadb' | 'mysql' | 'mysql56', version: number) =>
  missingGrants(lines, grantsFor({ family, version }, 'twinkeep').admin, "'twinkeep'@'localhost'").map(
    (each) => each.statement,
  );

test('an account as set-up makes it lacks nothing, though servers name and quote things otherwise', () => {
  expect(needed(MARIADB, 'mariadb', 101_119)).toEqual([]);
  expect(needed(MYSQL, 'mysql', 90_704)).toEqual([]);
  expect(
    needed(["GRANT ALL PRIVILEGES ON *.* TO 'root'@'localhost' WITH GRANT OPTION"], 'mysql', 50_744),
  ).toEqual([]);
});

test('each privilege that is missing is named with the statement that grants it', () => {
  expect(needed(MARIADB.slice(0, 1), 'mariadb', 101_119)).toEqual([
    "GRANT SELECT ON `twinkeep`.* TO 'twinkeep'@'localhost';",
    "GRANT INSERT ON `twinkeep`.* TO 'twinkeep'@'localhost';",
    "GRANT UPDATE ON `twinkeep`.* TO 'twinkeep'@'localhost';",
  ]);
  expect(needed(MYSQL.slice(1), 'mysql', 90_704)).toEqual([
    "GRANT PROCESS ON *.* TO 'twinkeep'@'localhost';",
    "GRANT REPLICATION CLIENT ON *.* TO 'twinkeep'@'localhost';",
    "GRANT REPLICATION SLAVE ON *.* TO 'twinkeep'@'localhost';",
  ]);
});

test('MySQL before 8.0 is asked for nothing that it does not have', () => {
  for (const [family, version] of [
    ['mysql', 50_744],
    ['mysql56', 50_624],
  ] as const) {
    const words = grantsFor({ family, version }, 'twinkeep')
      .admin.map((each) => each.privileges)
      .join();
    expect(words).toContain('SUPER');
    expect(words).not.toMatch(/_ADMIN|SYSTEM_USER/);
  }
});

test('what only one feature needs is never among what is needed, and names the feature', () => {
  for (const [family, version] of [
    ['mariadb', 101_119],
    ['mysql', 90_704],
    ['mysql56', 50_624],
  ] as const) {
    const { admin, optional } = grantsFor({ family, version }, 'twinkeep');
    expect(admin.filter((each) => each.on === '*.*' && /SELECT|INSERT|DELETE/.test(each.privileges))).toEqual(
      [],
    );
    expect(optional.map((each) => each.optionalFor).join()).toContain('twinkeep verify');
  }
});
