// From two keepalived.conf files to a running pair: what `config import` makes of a published set-up is set up and run as the user would,
// on two network namespaces with real servers. Only interface, addresses and the state folder are the test's.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Status } from '../../src/cli/status.ts';
import { type Hosts, startHosts, until } from './hosts.ts';

const VIP = '192.0.2.100';
const CASE = new URL('../cases/keepalived/check-scripts/', import.meta.url);

let hosts: Hosts;

beforeAll(async () => {
  hosts = await startHosts({ a: '192.0.2.11/24', b: '192.0.2.12/24' });
});
afterAll(() => hosts?.down());

test('the files of both hosts become a pair.yaml that is complete and valid', async () => {
  const folder = hosts.folder('a');
  for (const host of ['a', 'b']) {
    const typed = readFileSync(new URL(`${host}/keepalived.conf`, CASE), 'utf8');
    const text = typed.replaceAll('ens33', 'eth0').replaceAll('192.168.209.138', VIP);
    writeFileSync(join(folder, `${host}.conf`), text);
  }
  const argv = ['config', 'import', '--a', 'a.conf', '--b', 'b.conf', '--vip-prefix', '24'];
  const nodes = ['--node-a', 'a=192.0.2.11', '--node-b', 'b=192.0.2.12'];
  const imported = await hosts.twinkeep('a', [...argv, ...nodes, '-o', 'pair.yaml']);
  expect(imported.code, imported.stderr).toBe(0);
  const pair = readFileSync(hosts.pairFile('a'), 'utf8');
  // The word is not copied; its place is said, and an operator puts it there.
  expect(pair).not.toContain('1111');
  hosts.writePair(`${pair}stateDir: state\n`, ['a', 'b']);
  for (const host of ['a', 'b'])
    writeFileSync(join(hosts.folder(host), 'vrrp.password'), '1111\n', { mode: 0o600 });
  const checked = await hosts.twinkeep('a', ['config', 'check', 'pair.yaml']);
  expect(checked.code, checked.stderr).toBe(0);
});

test('setup and the agents make it a pair that holds the address and hands it over', async () => {
  const servers = await Promise.all([hosts.server('a', 'a', 3306), hosts.server('b', 'b', 3306)]);
  for (const server of servers) {
    const root = await server.root();
    await root.query('SET SESSION sql_log_bin = 0');
    await root.query("CREATE USER 'setup'@'192.0.2.%' IDENTIFIED BY 'first'");
    await root.query("GRANT ALL PRIVILEGES ON *.* TO 'setup'@'192.0.2.%' WITH GRANT OPTION");
  }
  writeFileSync(join(hosts.folder('a'), 'setup.password'), 'first\n', { mode: 0o600 });
  const by = ['--admin-user', 'setup', '--admin-password-file', 'setup.password'];
  const made = await hosts.twinkeep('a', ['setup', ...by, '--yes']);
  expect(made.code, made.stderr).toBe(0);
  hosts.copySecrets('a', 'b');
  const agents = { a: hosts.agent('a', 'a'), b: hosts.agent('b', 'b') };
  const isSo = async (writer: string, sync: string): Promise<boolean> => {
    const { code, stdout } = await hosts.twinkeep('b', ['status', '--json']);
    if (code !== 0) return false;
    const status = JSON.parse(stdout) as Status;
    return status.writer === writer && status.sync === sync;
  };
  const said = (): string => `${agents.a.text()}\n${agents.b.text()}`;
  await until('a is the writer of a pair', () => isSo('a', 'paired'), said, 60_000);
  expect(await hosts.addresses('a')).toContain(`${VIP}/24`);
  expect(await agents.a.stop()).toBe(0);
  await until('b is the writer', () => isSo('b', 'alone'), said);
  expect(await hosts.addresses('b')).toContain(`${VIP}/24`);
  expect(await hosts.addresses('a')).not.toContain(`${VIP}/24`);
});
