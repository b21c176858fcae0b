// The link between the two processes of a node: the agent listens on a Unix socket in the node's state folder, the
// manager connects. A manager outlives its agent for a moment and connects to the next one: nothing is disturbed.

import { rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { OperatorError } from '../../core/error.ts';
import type { WireView } from '../../core/pair/event.ts';
import type { Grant } from '../../core/readvip/state.ts';
import type { Verdict } from '../../core/viptruth/state.ts';
import { encodeLine, lineDecoder } from '../jsonlines.ts';

/** What the segment says of one VIP: core/viptruth. */
export interface VipTruthView {
  readonly vip: string;
  readonly verdict: Verdict;
  readonly because: string;
  /** Since when the verdict stands: CLOCK_BOOTTIME, comparable within this host. */
  readonly atMs: number;
}

interface VipHeld {
  readonly address: string;
  readonly prefix: number;
  readonly held: boolean;
}

/** The read VIPs on this host. */
export interface ReadsOnWire {
  readonly vrrpState: string;
  readonly vrrpBecause: string;
  readonly vips: readonly VipHeld[];
  /** The peer's adverts for them are heard, in each address family. */
  readonly peerHeard: boolean;
}

/** What the agent shows of its VRRP and addresses, for status and metrics. */
export interface WireDetail {
  readonly vrrpState: string;
  readonly vrrpBecause: string;
  /** The write VIPs. */
  readonly vips: readonly VipHeld[];
  /** Null: none are configured. */
  readonly reads: ReadsOnWire | null;
  readonly advertsSent: number;
  readonly advertsReceived: number;
  readonly dropped: Readonly<Record<string, number>>;
  /** One entry a VIP: does only the rightful holder answer for it. */
  readonly vipTruth: readonly VipTruthView[];
}

export type AgentMessage =
  | { readonly kind: 'hello'; readonly pid: number }
  | { readonly kind: 'wire'; readonly wire: WireView; readonly detail: WireDetail }
  /** The agent's pulse: it runs. */
  | { readonly kind: 'pulse' }
  | { readonly kind: 'done'; readonly id: number }
  | { readonly kind: 'failed'; readonly id: number; readonly because: string }
  | {
      readonly kind: 'say';
      readonly level: 'info' | 'warn' | 'error';
      readonly code: string;
      readonly because: string;
    }
  | { readonly kind: 'stop'; readonly because: string };

export type ManagerMessage =
  | { readonly kind: 'hello'; readonly pid: number }
  /** The manager's pulse: it runs. */
  | { readonly kind: 'pulse' }
  /** Hold the write VIP for this epoch. An epoch below the last claimed one is refused. */
  | { readonly kind: 'claim'; readonly id: number; readonly epoch: number }
  /** Cut the clients off and release the VIP. */
  | { readonly kind: 'yield'; readonly id: number; readonly because: string }
  /** How gladly this node may hold the read VIPs, and until when; renewed all the time. */
  | { readonly kind: 'reads'; readonly grant: Grant }
  /** The manager has done what was asked and ends. */
  | { readonly kind: 'bye'; readonly because: string };

/** A Unix socket's path must fit into sun_path (unix(7)). Bytes. */
const SUN_PATH_BYTES_MAX = 107;

export function agentSocketPath(folder: string): string {
  const path = join(folder, 'agent.sock');
  if (Buffer.byteLength(path) > SUN_PATH_BYTES_MAX) {
    throw new OperatorError(
      'state-folder',
      `the path ${path} is too long for a Unix socket (${SUN_PATH_BYTES_MAX} bytes)`,
      'set a shorter stateDir in pair.yaml',
    );
  }
  return path;
}

export interface Link<Out> {
  send(message: Out): void;
  close(): void;
}

interface LinkListener<In> {
  onMessage(message: In): void;
  onClosed(because: string): void;
}

/** Both ends are ours and of one version: a message that does not parse ends the link, nothing is guessed. */
function attach<In, Out>(socket: Socket, listener: LinkListener<In>): Link<Out> {
  const decoder = lineDecoder();
  let because = 'it closed the link';
  socket.on('data', (chunk: Buffer) => {
    const values = decoder.push(chunk);
    if (values === null) {
      because = 'it sent something that is no message';
      socket.destroy();
      return;
    }
    for (const value of values) listener.onMessage(value as In);
  });
  socket.on('error', (error) => {
    because = error.message;
  });
  socket.once('close', () => listener.onClosed(because));
  return {
    send(message) {
      if (socket.writable) socket.write(encodeLine(message));
    },
    close() {
      socket.end();
    },
  };
}

export interface AgentEnd {
  onManager(link: Link<ManagerMessageReply>): LinkListener<ManagerMessage>;
}
type ManagerMessageReply = AgentMessage;

/** The agent's end. The lock of the state folder is held, so a socket file that is there is a dead agent's. */
export async function listenForManager(path: string, end: AgentEnd): Promise<Server> {
  rmSync(path, { force: true });
  const server = createServer((socket) => {
    const listener: { current: LinkListener<ManagerMessage> | null } = { current: null };
    const link = attach<ManagerMessage, AgentMessage>(socket, {
      onMessage: (message) => listener.current?.onMessage(message),
      onClosed: (because) => listener.current?.onClosed(because),
    });
    listener.current = end.onManager(link);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return server;
}

const RECONNECT_MS = 10;

/** The manager's end: connects, and connects again whenever the agent is gone, until closed. */
export function connectToAgent(
  path: string,
  end: { onOpen(link: Link<ManagerMessage>): void } & LinkListener<AgentMessage>,
): { close(): void } {
  let closed = false;
  let socket: Socket | null = null;
  const dial = (): void => {
    if (closed) return;
    let open = false;
    const attempt = connect(path);
    socket = attempt;
    const link = attach<AgentMessage, ManagerMessage>(attempt, {
      onMessage: (message) => end.onMessage(message),
      onClosed: (because) => {
        if (open) end.onClosed(because);
        if (!closed) setTimeout(dial, RECONNECT_MS);
      },
    });
    attempt.once('connect', () => {
      open = true;
      end.onOpen(link);
    });
  };
  dial();
  return {
    close() {
      closed = true;
      socket?.end();
    },
  };
}
