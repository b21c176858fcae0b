// Starts the load client, in the application host unless told otherwise, and follows what it says.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { OperatorError } from '../src/core/error.ts';
import { type ClientReport, parseAcks } from './acks.ts';
import { spawnIn } from './host.ts';
import { applicationPasswordFile } from './pair.ts';
import {
  addressOf,
  type HostName,
  hostDir,
  type LabOptions,
  type NodeName,
  projectRoot,
  writeVip,
} from './plan.ts';

export interface LoadOptions {
  /** The host that the load runs on, and so the side of a partition that it sees. */
  readonly on: HostName;
  /** The address that it writes to. */
  readonly to: string;
  readonly writers: number;
  /** Numbers of this load's writers start here, so that no two loads of a drill write the same row. */
  readonly firstWriter: number;
  readonly pauseMs: number;
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
  readonly reconnectMs: number;
}

export const defaultLoad: LoadOptions = {
  on: 'app',
  to: writeVip,
  writers: 8,
  firstWriter: 1,
  pauseMs: 20, // slower than a standby catches up, or it never would
  connectTimeoutMs: 100,
  statementTimeoutMs: 250,
  reconnectMs: 5,
};

/**
 * Clients on a database host itself, which write to its own address and not to the VIP: whatever is cut off from it, they
 * show what this server acknowledges. They go on when the host's network is cut, and end with its server.
 */
export function sideLoad(node: NodeName): LoadOptions {
  const firstWriter = node === 'a' ? 101 : 201;
  // A standby refuses every row: no hurry to be refused again.
  return { ...defaultLoad, on: node, to: addressOf[node], writers: 2, firstWriter, reconnectMs: 50 };
}

export interface Load {
  /** The client's latest word; it speaks every 100 ms. */
  latest(): ClientReport;
  onReport(listener: (report: ClientReport) => void): void;
  /** What is written down so far. */
  soFar(): ReturnType<typeof parseAcks>;
  /** Lets statements in flight end, then resolves with everything acknowledged and failed. */
  stop(): Promise<ReturnType<typeof parseAcks>>;
  /** Sequence numbers of this load start here; rows below belong to an earlier load of the same lab. */
  readonly firstSequence: number;
  readonly file: string;
}

export function startLoad(lab: LabOptions, load: LoadOptions = defaultLoad): Load {
  const firstSequence = Date.now() * 1000; // later loads of the same lab never meet earlier rows
  const file = join(hostDir(lab, load.on), `acks-${firstSequence}.log`);
  const option = (name: string, value: string | number) => [`--${name}`, String(value)];
  const child = spawnIn(
    lab,
    load.on,
    [
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      join(projectRoot, 'lab', 'client.ts'),
      ...option('host', load.to),
      ...option('password-file', applicationPasswordFile(lab)),
      ...option('acks', file),
      ...option('writers', load.writers),
      ...option('first-writer', load.firstWriter),
      ...option('first-sequence', firstSequence),
      ...option('pause-ms', load.pauseMs),
      ...option('connect-timeout-ms', load.connectTimeoutMs),
      ...option('statement-timeout-ms', load.statementTimeoutMs),
      ...option('reconnect-ms', load.reconnectMs),
    ],
    'pipe',
    load.on === 'app' ? 'all' : 'network', // on a database host no process of its own, which a drill might kill
  );
  let latest: ClientReport = { acks: 0, errors: {}, lastAckMs: 0, serverId: 0, stallMsMax: 0 };
  let listener: (report: ClientReport) => void = () => {};
  let stderr = '';
  child.stderr?.on('data', (text) => {
    stderr += String(text);
  });
  if (child.stdout !== null) {
    createInterface(child.stdout).on('line', (line) => {
      latest = JSON.parse(line) as ClientReport;
      listener(latest);
    });
  }
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  return {
    latest: () => latest,
    onReport: (next) => {
      listener = next;
    },
    soFar: () => (existsSync(file) ? parseAcks(readFileSync(file, 'utf8')) : { acks: [], failures: [] }),
    stop: async () => {
      child.stdin?.end(); // the client takes this as its sign to stop; nsenter would not pass a signal on
      await ended;
      if (stderr !== '') throw new Error(`the load client failed:\n${stderr}`);
      if (!existsSync(file)) {
        throw new OperatorError(
          'load-gone',
          `The load client left no record in ${file}; the lab was taken down meanwhile, or its client never started.`,
          'Run it again, with a lab of its own: --name NAME',
        );
      }
      return parseAcks(readFileSync(file, 'utf8'));
    },
    firstSequence,
    file,
  };
}
