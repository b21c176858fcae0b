// The checkers' part as a whole, on a host without IPVS or with it: the log, the scripts, the FIFO lines and the mails of a virtual
// server whose real servers come and go on loopback.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  type Checkers,
  type CheckersOptions,
  startCheckers,
} from '../../src/app/keepalived/checkers/checkers.ts';
import { parseKeepalivedConf } from '../../src/config/keepalived/parse.ts';
import type { KeepalivedConfig } from '../../src/config/keepalived/types.ts';
import { type SmallServer, tcpServer } from './checkers-servers.ts';

const PATIENCE_MS = 20_000;
let folder: string;
let ports: readonly [number, number];
const running: Checkers[] = [];
const servers: SmallServer[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tk-checkers-'));
  const [a, b] = [await tcpServer(), await tcpServer()];
  ports = [a.port, b.port];
  await Promise.all([a.stop(), b.stop()]);
});
afterEach(async () => {
  await Promise.all([...running.splice(0).map((c) => c.stop()), ...servers.splice(0).map((s) => s.stop())]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function serve(index: 0 | 1): Promise<SmallServer> {
  const server = await tcpServer(undefined, ports[index]);
  servers.push(server);
  return server;
}

const GLOBAL = 'global_defs {\nenable_script_security\nscript_user root\n}\n';
const PACE = 'delay_loop 0.1\nwarmup 0\ndelay_before_retry 0.05\nprotocol TCP\nlb_algo rr\nlb_kind NAT\n';
const real = (index: 0 | 1, more = '', check = 'TCP_CHECK {\n}') =>
  `real_server 127.0.0.1 ${ports[index]} {\n${check}\n${more}\n}\n`;
const virtual = (more: string) => `virtual_server 10.0.0.9 3306 {\n${PACE}${more}\n}\n`;
const rs = (index: 0 | 1) => `[127.0.0.1]:tcp:${ports[index]}`;
const VS = '[10.0.0.9]:tcp:3306';

function read(text: string): KeepalivedConfig {
  const { config, findings } = parseKeepalivedConf(GLOBAL + text, 'x', () => []);
  expect(findings.filter((f) => f.severity !== 'warning')).toEqual([]);
  return config;
}

function start(text: string, more: Partial<CheckersOptions> = {}) {
  const said: string[] = [];
  const outlets = {
    log: (level: string, line: string) => void (level !== 'detail' && said.push(line)),
    run: (script: { readonly command: readonly string[] }, words: readonly string[]) =>
      void said.push(['RUN', ...script.command, ...words].join(' ')),
    fifo: (side: string, line: string) => void said.push(`FIFO ${side} ${line}`),
    mail: (subject: string, body: string) => void said.push(`MAIL ${subject} | ${body}`),
  };
  const checkers = startCheckers(read(text), outlets, {
    keepIpvsOnStop: false,
    detail: false,
    holdsAddress: () => true,
    ...more,
  });
  running.push(checkers);
  /** The lines since the last call, once one of them has come. */
  const until = async (line: string): Promise<string[]> => {
    const end = performance.now() + PATIENCE_MS;
    while (!said.includes(line)) {
      if (performance.now() > end) throw new Error(`"${line}" did not come:\n${said.join('\n')}`);
      await sleep(10);
    }
    const found = said.filter((text) => !text.startsWith('IPVS: this kernel'));
    said.splice(0);
    return found;
  };
  return { checkers, said, until };
}

describe('a virtual server', () => {
  test('without IPVS one warning says so, and everything else goes on', async () => {
    await serve(0);
    const { said, checkers, until } = start(virtual(real(0)) + virtual(real(0)).replace('3306', '3307'));
    const warnings = said.filter((line) => line.startsWith('IPVS:'));
    if (!checkers.view().ipvs) expect(warnings).toHaveLength(1);
    await until(`TCP connection to ${rs(0)} success.`);
  });

  test('loses a server, then its quorum, and gains both again', async () => {
    const a = await serve(0);
    const scripts = 'notify_up "/bin/true up"\nnotify_down "/bin/true down"';
    const { until, checkers } = start(
      virtual(`quorum_up "/bin/true gained"\nquorum_down "/bin/true lost"\nsmtp_alert\n${real(0, scripts)}`),
    );
    expect(await until(`TCP connection to ${rs(0)} success.`)).toEqual([
      `Gained quorum 1+0=1 <= 1 for VS ${VS}`,
      'RUN /bin/true gained',
      `FIFO lvs VS ${VS} UP`,
      `MAIL Virtualserver ${VS} - UP | => Starting with quorum up 1+0=1 <= 1 <=`,
      `Activating healthchecker for service ${rs(0)} for VS ${VS}`,
      `TCP connection to ${rs(0)} success.`,
    ]);
    await a.stop();
    expect(await until(`FIFO lvs VS ${VS} DOWN`)).toEqual([
      `TCP connection to ${rs(0)} failed.`,
      `TCP_CHECK on service ${rs(0)} failed after 1 retries.`,
      `Removing service ${rs(0)} from VS ${VS}`,
      'RUN /bin/true down',
      `FIFO lvs RS ${rs(0)} ${VS} DOWN`,
      `MAIL Realserver ${rs(0)} of virtual server ${VS} - DOWN | => TCP CHECK failed on service <=`,
      `Lost quorum 1-0=1 > 0 for VS ${VS}`,
      'RUN /bin/true lost',
      `FIFO lvs VS ${VS} DOWN`,
      `MAIL Virtualserver ${VS} - DOWN | => Lost quorum 1+0=1 <= 0 <=`,
    ]);
    expect(checkers.view().virtualServers[0]).toMatchObject({
      quorumUp: false,
      realServers: [{ alive: false, checkers: [{ up: false, because: 'ECONNREFUSED' }] }],
    });
    await serve(0);
    expect(await until(`FIFO lvs VS ${VS} UP`)).toEqual([
      `TCP connection to ${rs(0)} success.`,
      `Adding service ${rs(0)} to VS ${VS}`,
      'RUN /bin/true up',
      `FIFO lvs RS ${rs(0)} ${VS} UP`,
      `MAIL Realserver ${rs(0)} of virtual server ${VS} - UP | => TCP CHECK succeed on service <=`,
      `Gained quorum 1+0=1 <= 1 for VS ${VS}`,
      'RUN /bin/true gained',
      `FIFO lvs VS ${VS} UP`,
      `MAIL Virtualserver ${VS} - UP | => Gained quorum 1+0=1 <= 1 <=`,
    ]);
  });

  test('alpha starts without, omega tells at the end', async () => {
    const { until, checkers, said } = start(
      virtual(`alpha\nomega\n${real(0, 'notify_down "/bin/true down"')}`),
    );
    expect(await until(`FIFO lvs RS ${rs(0)} ${VS} DOWN`)).toContain('RUN /bin/true down');
    await serve(0);
    await until(`FIFO lvs VS ${VS} UP`);
    await checkers.stop();
    expect(said).toEqual([
      `Shutting down service ${rs(0)} from VS ${VS}`,
      'RUN /bin/true down',
      `FIFO lvs RS ${rs(0)} ${VS} DOWN`,
      `MAIL Realserver ${rs(0)} of virtual server ${VS} - DOWN | => Shutting down <=`,
      `FIFO lvs VS ${VS} DOWN`,
    ]);
  });

  test('a script sets the weight, and a file does', async () => {
    await serve(0);
    const file = join(folder, 'weight');
    writeFileSync(file, '5\n');
    const misc = `MISC_CHECK {\nmisc_path "/bin/sh -c 'exit 9'"\nmisc_dynamic\n}`;
    const tracked = 'FILE_CHECK {\ntrack_file w\n}';
    const { until, checkers } = start(
      `track_file w {\nfile ${file}\nweight 2\n}\n${virtual(real(0, 'weight 3', misc) + real(1, 'weight 1', tracked))}`,
    );
    await until(`Changing weight from 3 to 7 for active service ${rs(0)} of VS ${VS}`);
    const weights = () => checkers.view().virtualServers[0]?.realServers.map((s) => s.effectiveWeight);
    expect(weights()).toEqual([7, 11]);
    writeFileSync(file, '-9\n');
    await until(`Changing weight from 11 to 0 for active service ${rs(1)} of VS ${VS}`);
  });

  test('a track file of weight 0 takes the server out', async () => {
    const file = join(folder, 'fault');
    writeFileSync(file, '1\n');
    const { until, said } = start(
      `track_file w {\nfile ${file}\nweight 0\n}\n${virtual(real(0, '', 'FILE_CHECK {\ntrack_file w\n}') + real(1, '', ''))}`,
    );
    expect(said).toContain(`Removing service ${rs(0)} from VS ${VS}`);
    writeFileSync(file, '0\n');
    await until(`Adding service ${rs(0)} to VS ${VS}`);
  });

  test('rests while the host does not hold the address (ha_suspend)', async () => {
    await serve(0);
    let holds = false;
    const { until, checkers, said } = start(virtual(`ha_suspend\n${real(0)}`), { holdsAddress: () => holds });
    expect(checkers.view().virtualServers[0]).toMatchObject({ suspended: true });
    await sleep(300);
    expect(said.some((line) => line.startsWith('TCP connection'))).toBe(false);
    holds = true;
    checkers.instanceChanged('V', true);
    await until(`TCP connection to ${rs(0)} success.`);
    holds = false;
    checkers.instanceChanged('V', false);
    await until(`Suspending healthchecker for service ${rs(0)} for VS ${VS}`);
  });
});

describe('a reload', () => {
  test('keeps what is known, and tells what goes', async () => {
    await serve(0);
    const { until, checkers, said } = start(virtual(real(0, 'notify_down "/bin/true gone"') + real(1)));
    await until(`FIFO lvs RS ${rs(1)} ${VS} DOWN`);
    const looked = () =>
      checkers.view().virtualServers[0]?.realServers.every((r) => r.checkers.every((c) => c.hasRun));
    await expect.poll(looked, { timeout: PATIENCE_MS }).toBe(true);
    said.splice(0);
    checkers.reload(read(virtual(real(0, 'notify_down "/bin/true gone"') + real(1))));
    await sleep(500);
    expect(said.filter((line) => !line.startsWith('Activating'))).toEqual([]);
    expect(checkers.view().virtualServers[0]?.realServers.map((s) => s.alive)).toEqual([true, false]);
    checkers.reload(read(virtual(real(1))));
    expect(said).toContain(`service ${rs(0)} no longer exist`);
    expect(said).toContain('RUN /bin/true gone');
    expect(said).toContain(`Lost quorum 1-0=1 > 0 for VS ${VS}`);
    said.splice(0);
    checkers.reload(read(virtual(real(1)).replace('3306', '3307')));
    expect(said).toContain(`Removing Virtual Server ${VS}`);
    expect(checkers.view().virtualServers.map((v) => v.name)).toEqual(['[10.0.0.9]:tcp:3307']);
    checkers.reload(read(''));
    expect(checkers.view().virtualServers).toEqual([]);
  });
});
