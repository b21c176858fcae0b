// What the tests of trackers and notifications share: a folder a test, real scripts in it, a configuration from text, and the parts that
// are tested with their ends written down.

import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect } from 'vitest';
import { type Notifier, startNotifier } from '../../src/app/keepalived/notify.ts';
import { startTrackers, type Trackers } from '../../src/app/keepalived/trackers.ts';
import type { Contribution, WireReport } from '../../src/app/keepalived/wire/protocol.ts';
import { parseKeepalivedConf } from '../../src/config/keepalived/parse.ts';
import type { KeepalivedConfig } from '../../src/config/keepalived/types.ts';

const WAIT_MS_MAX = 20_000;

export async function until(what: string, met: () => boolean): Promise<void> {
  const endMs = performance.now() + WAIT_MS_MAX;
  while (!met()) {
    if (performance.now() > endMs) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The lines of a file that are not empty; none when it isn't there. */
export const lines = (path: string): string[] =>
  existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];

export const GLOBALS = 'router_id R1\n script_user root\n enable_script_security';

export const instance = (name: string, vrid: number, body: string): string =>
  `vrrp_instance ${name} {\n interface eth0\n virtual_router_id ${vrid}\n virtual_ipaddress {\n 10.9.0.${vrid}/24\n }\n ${body}\n}\n`;

export function configOf(body: string, globals = GLOBALS): KeepalivedConfig {
  const text = `global_defs {\n ${globals}\n}\n${body}`;
  return parseKeepalivedConf(text, 'test.conf', () => []).config;
}

type State = 'INIT' | 'BACKUP' | 'MASTER' | 'FAULT';
export const goes = (name: string, from: State, to: State, priority = 100): WireReport => ({
  kind: 'transition',
  instance: name,
  from,
  to,
  priority,
  because: 'the test says so',
});

export interface Tracking {
  readonly said: string[];
  readonly trackers: Trackers;
  /** What the tracker said last. */
  last(tracker: string): readonly Contribution[] | undefined;
  forget(): void;
}

export interface Bench {
  path(name: string): string;
  script(name: string, body: string): string;
  track(body: string): Tracking;
  notify(body: string, globals?: string): { readonly notifier: Notifier; readonly said: string[] };
}

/** To be called once in a test file. What a test starts is stopped after it. */
export function makeBench(prefix: string): Bench {
  const root = mkdtempSync(join(tmpdir(), prefix));
  // mkdtemp keeps others out; some scripts run as nobody.
  chmodSync(root, 0o755);
  const running: { stop(): Promise<void> }[] = [];
  let folder = '';
  let turn = 0;
  beforeEach(() => {
    folder = join(root, String(++turn));
    mkdirSync(folder);
  });
  afterEach(async () => {
    for (const each of running.splice(0)) await each.stop();
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  const path = (name: string) => join(folder, name);
  return {
    path,
    script(name, body) {
      writeFileSync(path(name), `#!/bin/sh\n${body}\n`);
      chmodSync(path(name), 0o755);
      return path(name);
    },
    track(body) {
      const said: string[] = [];
      const orders: { tracker: string; contributions: readonly Contribution[] }[] = [];
      const send: Parameters<typeof startTrackers>[1] = (order) => {
        expect(order.kind).toBe('tracked');
        if (order.kind === 'tracked') orders.push(order);
      };
      const log = (_level: string, text: string) => said.push(text);
      const trackers = startTrackers(configOf(body), send, { log, run() {}, fifo() {}, mail() {} });
      running.push(trackers);
      return {
        said,
        trackers,
        last: (tracker) => orders.findLast((order) => order.tracker === tracker)?.contributions,
        forget: () => orders.splice(0),
      };
    },
    notify(body, globals = GLOBALS) {
      const said: string[] = [];
      const log = (_level: string, text: string) => said.push(text);
      const notifier = startNotifier(configOf(body, globals), { log, hostName: 'host1' });
      running.push(notifier);
      return { notifier, said };
    },
  };
}
