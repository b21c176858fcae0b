// Real etcd members for tests: on loopback, with data in a folder of their own, ended by pid whatever the test does.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freezeProcess } from '../support/freeze.ts';

const STARTUP_MS_MAX = 30_000;

export interface EtcdMember {
  readonly url: string;
  readonly dir: string;
  start(): Promise<void>;
  /** SIGKILL: a crash. Resolves when the process has ended. */
  kill(): Promise<void>;
  freeze(): void;
  thaw(): void;
  /** Throws away what it held; only while it is down. */
  wipe(): void;
}

export interface EtcdCluster {
  readonly members: readonly EtcdMember[];
  readonly endpoints: readonly string[];
  /** Starts every member and waits until each can be asked. */
  start(): Promise<void>;
  /** Ends everything and removes its folder. */
  end(): Promise<void>;
}

/** Free loopback ports; taken by nobody until the caller binds them. */
async function freePorts(count: number): Promise<number[]> {
  const probes = Array.from({ length: count }, () => createServer());
  const ports = probes.map(
    (probe) =>
      new Promise<number>((resolve, reject) => {
        probe.once('error', reject);
        probe.listen(0, '127.0.0.1', () => resolve((probe.address() as { port: number }).port));
      }),
  );
  const found = await Promise.all(ports);
  await Promise.all(probes.map((probe) => new Promise((resolve) => probe.close(resolve))));
  return found;
}

export interface EtcdOptions {
  /** Serves https with these files. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  /** Clients must show a certificate that this one signed. */
  readonly clientCaFile?: string;
}

export async function etcdCluster(size: number, options: EtcdOptions = {}): Promise<EtcdCluster> {
  const dir = mkdtempSync(join(tmpdir(), 'tk-etcd-'));
  const scheme = options.tls === undefined ? 'http' : 'https';
  const ports = await freePorts(2 * size);
  const places = Array.from({ length: size }, (_, i) => ({
    name: `m${i}`,
    url: `${scheme}://127.0.0.1:${ports[i]}`,
    peerUrl: `http://127.0.0.1:${ports[size + i]}`,
  }));
  const initial = places.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',');
  const members = places.map(({ name, url, peerUrl }) =>
    openMember(url, join(dir, name), [
      ...['--name', name, '--data-dir', join(dir, name), '--logger', 'zap', '--log-level', 'error'],
      ...['--listen-client-urls', url, '--advertise-client-urls', url],
      ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
      ...['--initial-cluster', initial, '--initial-cluster-token', dir],
      ...(options.tls === undefined
        ? []
        : ['--cert-file', options.tls.certFile, '--key-file', options.tls.keyFile]),
      ...(options.clientCaFile === undefined
        ? []
        : ['--client-cert-auth', '--trusted-ca-file', options.clientCaFile]),
    ]),
  );
  return {
    members,
    endpoints: members.map((member) => member.url),
    async start() {
      await Promise.all(members.map((member) => member.start()));
    },
    async end() {
      await Promise.all(members.map((member) => member.kill()));
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function openMember(url: string, dir: string, args: readonly string[]): EtcdMember {
  let child: ChildProcess | null = null;
  return {
    url,
    dir,
    async start() {
      child = spawn('etcd', args, { stdio: 'ignore' });
      const endMs = performance.now() + STARTUP_MS_MAX;
      while (!(await listens(url))) {
        if (child.exitCode !== null || performance.now() > endMs)
          throw new Error(`etcd did not start at ${url}`);
        await sleep(20);
      }
    },
    async kill() {
      if (child === null || child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child?.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    },
    freeze: () => {
      if (child?.pid !== undefined) freezeProcess(child.pid);
    },
    thaw: () => void child?.kill('SIGCONT'),
    wipe: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** The client port is open once the member has joined its cluster. */
async function listens(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return await new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
