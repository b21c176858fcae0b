// The users' own files (test/cases/keepalived) made ready for the two hosts of a stage: interface and addresses become the stage's, scripts at
// their own paths become stand-ins whose exit code the test controls, and long intervals become short. Nothing else is changed.

import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HostName } from './network.ts';
import type { Stage } from './stage.ts';

const CASES = fileURLToPath(new URL('../cases/keepalived/', import.meta.url));

export type DocumentName = 'gtid-pair' | 'one-vip' | 'read-write-vips' | 'check-scripts';

/** As the user typed it, but for the interface and the addresses: these are the host's here. */
export function typed(name: DocumentName, host: HostName): string {
  const addresses: readonly (readonly [string, string])[] = [
    ['172.30.23.200', '10.9.0.100'],
    ['172.30.23.210', '10.9.0.110'],
    ['192.168.11.100', '10.9.0.100'],
    // The typing error between the two hosts stays one.
    ['192.168.91.100', '10.9.0.101'],
    ['192.168.91.22', '10.9.0.2'],
    ['192.168.91.23', '10.9.0.1'],
    ['192.168.209.138', '10.9.0.100'],
    ['192.168.209.132', '10.9.0.1'],
    ['192.168.209.137', '10.9.0.2'],
    ['ens33', 'eth0'],
  ];
  const text = readFileSync(join(CASES, name, host, 'keepalived.conf'), 'utf8');
  return addresses.reduce((so, [from, to]) => so.replaceAll(from, to), text);
}

/**
 * What a test plays: the blanks that only look like some are blanks (the C daemon takes them for keywords), a check every 10 s or 60 s
 * is one every second, and so is an advert every 5 s.
 */
export function played(name: DocumentName, host: HostName): string {
  return typed(name, host)
    .replaceAll('\u00a0', ' ')
    .replace(/interval (10|60)\b/, 'interval 1')
    .replace(/advert_int 5\b/, 'advert_int 1');
}

/** The paths that the documents name. */
const SCRIPTS = ['checkMySQL.py', 'bin/mysql_check.sh', 'bin/mysql_down.sh'];

export interface StandIns {
  /** Shell text for a daemon's start: /etc/keepalived is this folder, for it alone. */
  readonly before: string;
  /** From now on the check fails, as if the server were gone. */
  serverStops(): void;
  serverStarts(): void;
  /** What the scripts were called with, a line each. */
  calls(): string[];
}

/** `condition`: shell text that the check needs too, e.g. a ping of the gateway. */
export function standIns(stage: Stage, host: HostName, condition = 'true'): StandIns {
  const folder = join(stage.folder, `etc-${host}`);
  const down = join(folder, 'server-is-down');
  const calls = join(folder, 'calls');
  for (const script of SCRIPTS) {
    const path = join(folder, script);
    mkdirSync(dirname(path), { recursive: true });
    const body = `#!/bin/sh\necho "$0 $*" >> ${calls}\ntest ! -e ${down} && ${condition}\n`;
    writeFileSync(path, body);
    chmodSync(path, 0o755);
  }
  writeFileSync(calls, '');
  return {
    before: `mkdir -p /etc/keepalived && mount --bind ${folder} /etc/keepalived`,
    serverStops: () => writeFileSync(down, ''),
    serverStarts: () => rmSync(down),
    calls: () => readFileSync(calls, 'utf8').trim().split('\n'),
  };
}

/** The host loses its power: every process, its addresses and its link. */
export async function powerOff(stage: Stage, host: HostName): Promise<void> {
  await stage.network.cut(host);
  await stage.crash(host);
  await stage.network.ip(host, 'addr flush dev eth0');
}

/** It is back, without its daemon. */
export async function powerOn(stage: Stage, host: HostName): Promise<void> {
  await stage.network.ip(host, `addr add 10.9.0.${host === 'a' ? 1 : 2}/24 dev eth0`);
  await stage.network.heal(host);
}
