// On two real servers under agents: what the doctor finds of faults made on purpose, passwords changed under load, an applier's
// error explained by its row, and a relay log that was damaged.

import {
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { outerSocket, type RootSession, rootSession } from '../../lab/database.ts';
import { checkData } from '../../lab/drill/check.ts';
import { managerProcess, onNetwork } from '../../lab/host.ts';
import { labDown, labUp } from '../../lab/lab.ts';
import { defaultLoad, startLoad } from '../../lab/load.ts';
import { launcher, twinkeep } from '../../lab/pair.ts';
import { addressOf, hostDir, type LabOptions, type NodeName, nodeNames, pairFile } from '../../lab/plan.ts';
import { run, until } from '../../lab/process.ts';
import type { Finding } from '../../src/core/doctor/finding.ts';

const given = { name: `doc-${process.pid}` };
let lab: LabOptions;
const PAIRED_MS_MAX = 60_000;

beforeAll(async () => {
  lab = await labUp(given, () => {});
  await a.query('CREATE DATABASE shop');
  await a.query(
    'CREATE TABLE shop.t (id INT PRIMARY KEY, name VARCHAR(30), price DECIMAL(8,2), UNIQUE KEY named (name))',
  );
  await a.query("INSERT INTO shop.t VALUES (1, 'pear', 1.5), (5, 'apple', 2), (7, 'fig', 3)");
});
afterAll(() => labDown(given));

/** A session of its own for each: the agents may close sessions whenever a role moves. */
async function inSession<T>(node: NodeName, work: (session: RootSession) => Promise<T>): Promise<T> {
  const session = await rootSession(lab, node);
  try {
    return await work(session);
  } finally {
    session.close();
  }
}
const at = <T = Record<string, unknown>>(node: NodeName, sql: string): Promise<T[]> =>
  inSession(node, (session) => session.query<T>(sql));
const a = { query: <T = Record<string, unknown>>(sql: string) => at<T>('a', sql) };
const b = { query: <T = Record<string, unknown>>(sql: string) => at<T>('b', sql) };
/** On one server only: not through the binary log. */
const alone = (node: NodeName, sql: string): Promise<unknown> =>
  inSession(node, async (session) => {
    await session.query('SET SESSION sql_log_bin = 0');
    await session.query(sql);
  });

const sockets = () => [
  '--admin-socket',
  `a=${outerSocket(lab, 'a')}`,
  '--admin-socket',
  `b=${outerSocket(lab, 'b')}`,
];

async function verb<T>(...args: string[]): Promise<{ code: number; answer: T }> {
  const { code, stdout, stderr } = await twinkeep(lab, [...args, '--json']);
  if (stdout === '' || code === null) throw new Error(`${args.join(' ')} ended with ${code}: ${stderr}`);
  return { code, answer: JSON.parse(stdout) as T };
}
const examine = () => verb<{ findings: Finding[]; errors: number }>('doctor', ...sockets());
const codesOf = (findings: readonly Finding[], about: string): string[] =>
  findings.filter((each) => each.about === about).map((each) => each.code);

interface Why {
  readonly node: { readonly ineligible: readonly { code: string; because: string; lift: string }[] };
  readonly warnings: readonly { readonly code: string; readonly because: string; readonly lift: string }[];
}
const whyB = async () => (await verb<Why>('why', 'b')).answer;
/** What b said against itself whenever it did not name its applier, for as long as is given. */
async function timesWell(forMs: number): Promise<unknown> {
  const program = `
    const { readFileSync } = await import('node:fs');
    const headers = { authorization: 'Bearer ' + readFileSync(${JSON.stringify(join(lab.dir, 'api.token'))}, 'utf8').trim() };
    const said = [];
    for (const untilMs = Date.now() + ${forMs}; Date.now() < untilMs; ) {
      const view = await (await fetch('http://${addressOf.b}:8700/api/v1/pair', { headers })).json();
      const codes = view.nodes.find((node) => node.self).ineligible.map((each) => each.code);
      if (!codes.includes('applier-stopped')) said.push(codes);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    console.log(JSON.stringify(said));`;
  return JSON.parse(
    await onNetwork(lab, 'app', [process.execPath, '--input-type=module', '--eval', program]),
  );
}
const appliersReason = async () =>
  (await whyB()).node.ineligible.find((each) => each.code === 'applier-stopped') ?? null;

async function paired(): Promise<void> {
  const holds = await until(async () => {
    const { answer } = await verb<{ sync: string; nodes: { role: string }[] }>('status');
    return answer.sync === 'paired' && answer.nodes.some((node) => node.role === 'following');
  }, PAIRED_MS_MAX);
  if (!holds) throw new Error((await twinkeep(lab, ['why'])).stdout);
}

test('a pair as set up has no errors, and the doctor says so with exit code 0', async () => {
  const { code, answer } = await examine();
  expect(answer.findings.filter((each) => each.severity === 'error')).toEqual([]);
  expect(code).toBe(0);
  expect(codesOf(answer.findings, 'pair')).toEqual(['no-witness']);
});

test('faults made on purpose are each found, with a mend, and exit code 1', async () => {
  const [before] = await b.query<{ mode: string }>('SELECT @@GLOBAL.sql_mode AS mode');
  onTestFinished(async () => {
    await alone('b', "DROP USER IF EXISTS ''@'localhost', open@localhost, reporting@localhost");
    await b.query('SET GLOBAL sync_binlog = 1');
    await a.query('SET GLOBAL binlog_format = ROW');
    await a.query('SET GLOBAL foreign_key_checks = ON');
    await b.query(`SET GLOBAL sql_mode = '${before?.mode}'`);
    await alone('a', "GRANT PROCESS ON *.* TO 'twinkeep'@'localhost'");
    await a.query('DROP TABLE IF EXISTS shop.keyless, shop.aria');
  });
  await a.query('CREATE TABLE shop.keyless (x INT)');
  await a.query('CREATE TABLE shop.aria (id INT PRIMARY KEY) ENGINE = Aria');
  await alone('b', "CREATE USER ''@'localhost' IDENTIFIED BY 'x'");
  await alone('b', 'CREATE USER open@localhost');
  await alone('b', "CREATE USER reporting@localhost IDENTIFIED BY 'x'");
  await alone('b', 'GRANT READ_ONLY ADMIN ON *.* TO reporting@localhost');
  await b.query('SET GLOBAL sync_binlog = 0');
  await b.query("SET GLOBAL sql_mode = 'ANSI'");
  await a.query('SET GLOBAL binlog_format = MIXED');
  await a.query('SET GLOBAL foreign_key_checks = OFF');
  await alone('a', "REVOKE PROCESS ON *.* FROM 'twinkeep'@'localhost'");
  const { code, answer } = await examine();
  expect(code).toBe(1);
  const { findings } = answer;
  expect(codesOf(findings, 'b')).toEqual(
    expect.arrayContaining([
      'anonymous-accounts',
      'accounts-without-password',
      'accounts-write-read-only',
      'sync-binlog',
      'tables-without-key',
      'tables-not-transactional',
    ]),
  );
  expect(codesOf(findings, 'a')).toEqual(
    expect.arrayContaining(['binlog-format', 'checks-off', 'grant-missing', 'tables-without-key']),
  );
  expect(codesOf(findings, 'pair')).toContain('differs-sql-mode');
  const grant = findings.find((each) => each.code === 'grant-missing');
  expect(grant?.mend).toBe("GRANT PROCESS ON *.* TO 'twinkeep'@'localhost';");
  expect(findings.find((each) => each.code === 'tables-without-key')?.what).toContain('shop.keyless');
  for (const { mend, why } of findings) expect(mend === '' || why === '').toBe(false);
});

test('without its agent, an account or a configuration the doctor still answers, and says what it could not see', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'doc-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'pair.yaml');
  writeFileSync(file, readFileSync(pairFile(lab), 'utf8').replaceAll('192.0.2.1', '198.51.100.1'));
  const { code, stdout } = await run(launcher, ['doctor', '--config', file, '--json', '--node', 'a']);
  expect(code).toBe(1);
  const { findings, unseen } = JSON.parse(stdout) as { findings: Finding[]; unseen: string[] };
  expect(codesOf(findings, 'a')).toEqual(expect.arrayContaining(['server-silent', 'agent-silent']));
  expect(unseen.join()).toContain('run `twinkeep doctor --node a` there');
});

test('a privilege that is taken away is an event and a warning with its GRANT statement, until it is granted again', async () => {
  onTestFinished(
    async () => void (await alone('a', "GRANT SLAVE MONITOR ON *.* TO 'twinkeep'@'192.0.2.12'")),
  );
  await alone('a', "REVOKE SLAVE MONITOR ON *.* FROM 'twinkeep'@'192.0.2.12'");
  // The agent of b checks it when it logs in at a again.
  const sessions = await a.query<{ id: number }>(
    "SELECT id FROM information_schema.processlist WHERE user = 'twinkeep' AND host LIKE '192.0.2.12:%'",
  );
  const manager = managerProcess(lab, 'b');
  expect(manager).not.toBeNull();
  expect(sessions.length).toBeGreaterThan(0);
  if (manager !== null) process.kill(manager.pid, 'SIGKILL');
  const warned = await until(async () => {
    const { answer } = await verb<Why>('status');
    return answer.warnings.some(
      (each) =>
        each.code === 'grant-missing' &&
        each.lift.includes("GRANT SLAVE MONITOR ON *.* TO 'twinkeep'@'192.0.2.12';"),
    );
  }, 30_000);
  expect(warned).toBe(true);
  await alone('a', "GRANT SLAVE MONITOR ON *.* TO 'twinkeep'@'192.0.2.12'");
  const gone = await until(async () => {
    const { answer } = await verb<Why>('status');
    return answer.warnings.every((each) => each.code !== 'grant-missing');
  }, 40_000);
  expect(gone).toBe(true);
  await paired();
});

test('passwords are changed under load without an error of a client, and no row is lost', async () => {
  await paired();
  const passwordsOf = () =>
    ['admin.password', 'repl.password'].map((name) => readFileSync(join(lab.dir, name), 'utf8'));
  const before = passwordsOf();
  const load = startLoad(lab, { ...defaultLoad, statementTimeoutMs: 8_000, connectTimeoutMs: 8_000 });
  expect(await until(() => load.latest().acks > 100, 20_000)).toBe(true);
  const { code, answer } = await verb<{ changed: boolean }>('rotate', 'all', ...sockets());
  const acknowledged = load.latest().acks;
  expect(await until(() => load.latest().acks > acknowledged + 100, 20_000)).toBe(true);
  const { acks, failures } = await load.stop();
  expect({ code, changed: answer.changed }).toEqual({ code: 0, changed: true });
  expect(failures).toEqual([]);
  const data = await checkData(lab, acks, load.firstSequence);
  expect({ lost: data.lost, differing: data.differing }).toEqual({ lost: [], differing: [] });
  expect(passwordsOf().some((each) => before.includes(each))).toBe(false);
  await paired();
  const { code: well } = await examine();
  expect(well).toBe(0);
  // Only the new one is taken, by the server that holds the account for the address it is asked from.
  const option = join(lab.dir, 'old.cnf');
  writeFileSync(option, `[client]\nuser=twinkeep\npassword=${before[0]?.trim()}\n`, { mode: 0o600 });
  const old = await run('mariadb', [
    `--defaults-extra-file=${option}`,
    '-S',
    outerSocket(lab, 'a'),
    '-e',
    'DO 1',
  ]);
  expect(old.stderr).toContain('Access denied');
});

test('rotate that was broken off goes on where it was: the pending password is used, and then gone', async () => {
  const pending = join(lab.dir, 'repl.password.new');
  writeFileSync(pending, 'A-Password-That-Was-Begun-With-1\n', { mode: 0o600 });
  const { code } = await verb('rotate', 'replication', ...sockets());
  expect(code).toBe(0);
  expect(readFileSync(join(lab.dir, 'repl.password'), 'utf8')).toBe('A-Password-That-Was-Begun-With-1\n');
  expect(existsSync(pending)).toBe(false);
  // The file is new, the accounts are not narrowed yet: broken off one step before the end.
  writeFileSync(pending, 'A-Password-That-Was-Begun-With-1\n', { mode: 0o600 });
  expect((await verb('rotate', 'replication', ...sockets())).code).toBe(0);
  expect(existsSync(pending)).toBe(false);
  await paired();
});

test('rotate refuses without an administrator, and without an agent, and changes nothing', async () => {
  const without = await verb<{ error: { code: string } }>('rotate', 'admin');
  expect(without).toMatchObject({ code: 1, answer: { error: { code: 'admin-missing' } } });
  const dry = await verb<{ changed: boolean; steps: string[] }>('rotate', '--dry-run', ...sockets());
  expect(dry.answer.changed).toBe(false);
  expect(dry.answer.steps.length).toBeGreaterThan(5);
  expect(readdirSync(lab.dir).filter((name) => name.endsWith('.new'))).toEqual([]);
});

test('`why` names table, key and both values of the row at which the applier stopped, and all goes on when it is put right', async () => {
  await paired();
  for (const node of nodeNames)
    for (const host of ['localhost', '192.0.2.11', '192.0.2.12'])
      await alone(node, `GRANT SELECT ON shop.* TO 'twinkeep'@'${host}'`);
  await alone('b', 'DELETE FROM shop.t WHERE id = 1');
  await a.query('UPDATE shop.t SET price = 1.75 WHERE id = 1');
  const named = await until(async () => (await appliersReason())?.because.includes('1.75') === true, 30_000);
  expect(named).toBe(true);
  const reason = await appliersReason();
  expect(reason?.because).toContain('an UPDATE of shop.t, row id = 1, finds no such row on b');
  expect(reason?.because).toContain(
    'it changes (id 1, name pear, price 1.50) to (id 1, name pear, price 1.75)',
  );
  expect(reason?.because).toContain('b holds no such row, a holds (id 1, name pear, price 1.75)');
  const statement = /SET SESSION sql_log_bin = 0; (INSERT .*?); the applier/.exec(reason?.lift ?? '')?.[1];
  expect(statement).toBe("INSERT INTO `shop`.`t` (`id`, `name`, `price`) VALUES (1, 'pear', 1.50)");
  // It is tried again meanwhile, and never looks well.
  expect(await timesWell(15_000)).toEqual([]);
  const refused = await twinkeep(lab, ['switchover', '--to', 'b']);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('row id = 1');
  await alone('b', statement ?? '');
  await paired();
  expect(await b.query('SELECT price FROM shop.t WHERE id = 1')).toEqual([{ price: '1.75' }]);
});

test('a row that is there already is named with both sides, also by another unique key', async () => {
  await alone('b', "INSERT INTO shop.t VALUES (9, 'stray', 9.99)");
  await a.query("INSERT INTO shop.t VALUES (9, 'plum', 4)");
  await until(async () => (await appliersReason())?.because.includes('stray') === true, 30_000);
  const reason = await appliersReason();
  expect(reason?.because).toContain('an INSERT into shop.t, row id = 9, meets a row with that key');
  expect(reason?.because).toContain(
    'b holds (id 9, name stray, price 9.99), a holds (id 9, name plum, price 4.00)',
  );
  expect(reason?.lift).toContain('DELETE FROM `shop`.`t` WHERE `id` = 9');
  await alone('b', 'DELETE FROM shop.t WHERE id = 9');
  await paired();
  expect(await b.query('SELECT name FROM shop.t WHERE id = 9')).toEqual([{ name: 'plum' }]);
});

test('a relay log that was damaged is fetched again, under the record that the writer goes on alone, and no row is missing', async () => {
  await paired();
  await a.query('CREATE TABLE shop.big (id INT PRIMARY KEY, payload MEDIUMTEXT)');
  // A lock holds the applier up, and more waits than it reads ahead: the rest can be damaged.
  const lock = await rootSession(lab, 'b');
  onTestFinished(() => lock.close());
  await lock.query('BEGIN');
  await lock.query('SELECT * FROM shop.t WHERE id = 5 FOR UPDATE');
  await a.query('UPDATE shop.t SET price = 2.5 WHERE id = 5');
  for (let id = 1; id <= 40; id += 1)
    await a.query(`INSERT INTO shop.big VALUES (${id}, REPEAT('x', 20000))`);
  const data = join(hostDir(lab, 'b'), 'data');
  const newest = readdirSync(data)
    .filter((name) => /^twinkeep-relay\.\d+$/.test(name))
    .sort()
    .at(-1);
  const path = join(data, newest ?? '');
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(1500, 0xab), 0, 1500, statSync(path).size - 100_000);
  await lock.query('ROLLBACK');
  const rows = async (session: typeof a) =>
    Number((await session.query<{ n: number }>('SELECT COUNT(*) AS n FROM shop.big'))[0]?.n);
  const healed = await until(async () => (await rows(b)) === 40, 60_000);
  expect({ healed, a: await rows(a), b: await rows(b) }).toEqual({ healed: true, a: 40, b: 40 });
  expect(readFileSync(join(hostDir(lab, 'b'), 'server.log'), 'utf8')).toContain('Relay log read failure');
  await paired();
});
