// The statements by which an account takes two passwords, and then one, by family and version.
import { expect, test } from 'vitest';
import type { ServerKind } from '../../core/family.ts';
import { eitherWorks, onlyNew } from './rotate.ts';

const account = { name: "'repl'@'10.0.0.%'", plugin: 'mysql_native_password', retains: false };
const passwords = { old: "o'ld", fresh: 'new\\' };
const kind = (family: ServerKind['family'], version: number): ServerKind => ({ family, version });

test('MariaDB takes either by an OR of the plugin that the account has', () => {
  const mariadb = kind('mariadb', 101_119);
  expect(eitherWorks(mariadb, { ...account, plugin: 'ed25519' }, passwords, false)).toEqual([
    "ALTER USER 'repl'@'10.0.0.%' IDENTIFIED VIA ed25519 USING PASSWORD('o\\'ld') OR ed25519 USING PASSWORD('new\\\\')",
  ]);
  expect(onlyNew(mariadb, account, passwords.fresh)).toEqual([
    "ALTER USER 'repl'@'10.0.0.%' IDENTIFIED VIA mysql_native_password USING PASSWORD('new\\\\')",
  ]);
});

test('MySQL 8.0.14 and newer retains the old one, once: taken up again, the new one would push the old one out', () => {
  const mysql = kind('mysql', 90_704);
  expect(eitherWorks(mysql, account, passwords, true)).toHaveLength(1);
  expect(eitherWorks(mysql, account, passwords, false)[0]).toMatch(/RETAIN CURRENT PASSWORD$/);
  expect(eitherWorks(mysql, { ...account, retains: true }, passwords, true)).toEqual([]);
  expect(onlyNew(mysql, { ...account, retains: true }, passwords.fresh)).toEqual([
    "ALTER USER 'repl'@'10.0.0.%' DISCARD OLD PASSWORD",
  ]);
  expect(onlyNew(mysql, account, passwords.fresh)).toEqual([]);
});

test('older ones take one password at a time, each by its own statement', () => {
  const mysql57 = kind('mysql', 50_744);
  const mysql56 = kind('mysql56', 50_624);
  for (const each of [mysql57, mysql56])
    expect(eitherWorks(each, account, passwords, false)).toEqual(onlyNew(each, account, passwords.fresh));
  expect(onlyNew(mysql57, account, 'x')).toEqual(["ALTER USER 'repl'@'10.0.0.%' IDENTIFIED BY 'x'"]);
  expect(onlyNew(mysql56, account, 'x')).toEqual(["SET PASSWORD FOR 'repl'@'10.0.0.%' = PASSWORD('x')"]);
});
