// Does the VIP lead to the writer? Asked by the manager of the standby as a client would ask: a fresh connection to the
// VIP every few seconds, from this host's own address. core/viptruth/lead.ts decides what the answer means.

import { connect } from 'node:net';
import mysql from 'mysql2/promise';
import type { NodeConfig, PairConfig } from '../config/types.ts';
import type { Role } from '../core/pair/message.ts';
import {
  type Found,
  judgeLead,
  type LeadSaying,
  type LeadState,
  type LeadVerdict,
  look,
  lookAway,
  newLead,
  type ServerIdentity,
  sameServer,
} from '../core/viptruth/lead.ts';
import { type Endpoint, loginOf, within } from '../io/database/connection.ts';
import { toDatabaseError } from '../io/database/errors.ts';
import type { Clock } from '../runtime/ports.ts';
import type { Level } from './log.ts';

export interface LeadTimes {
  readonly everyMs: number;
  readonly againMs: number;
  /** After the role or the epoch changed. */
  readonly settleMs: number;
  readonly deadlineMs: number;
}

const TIMES: LeadTimes = { everyMs: 5000, againMs: 1000, settleMs: 1500, deadlineMs: 1000 };
/** How soon a changed situation is noticed. */
const GLANCE_MS = 500;

export interface Situation {
  readonly role: Role;
  /** Of the record. */
  readonly epoch: number;
  /** The name of the node that the record says is the writer; null: there is none yet. */
  readonly writer: string | null;
}

export interface VipTruthOptions {
  readonly clock: Clock;
  readonly config: Pick<PairConfig, 'vips'> & {
    readonly mysql: Pick<PairConfig['mysql'], 'port'> & Partial<Pick<PairConfig['mysql'], 'tls'>>;
  };
  readonly self: Pick<NodeConfig, 'name' | 'address'>;
  readonly peer: Pick<NodeConfig, 'name' | 'address'>;
  readonly account: Pick<Endpoint, 'user' | 'password' | 'passwordNow'>;
  /** Holds the heartbeat table. */
  readonly schema: string;
  readonly situation: () => Situation;
  readonly say: (level: Level, code: string, because: string) => void;
  readonly times?: LeadTimes;
}

export interface VipLeadView {
  readonly vip: string;
  readonly verdict: LeadVerdict;
  readonly because: string;
  /** Since when: CLOCK_BOOTTIME, milliseconds. */
  readonly atMs: number;
}

export interface VipTruth {
  stop(): void;
  view(): readonly VipLeadView[];
}

/** Asks the server behind an address who it is, over a fresh connection from this host's own address. */
export async function findServer(
  options: Pick<VipTruthOptions, 'config' | 'self' | 'account' | 'schema'>,
  host: string,
  deadlineMs: number,
): Promise<Found> {
  const { config, self, account, schema } = options;
  const where = `${host}:${config.mysql.port}`;
  const { tls } = config.mysql;
  const sameFamily = host.includes(':') === self.address.includes(':');
  const socket = connect({
    host,
    port: config.mysql.port,
    ...(sameFamily ? { localAddress: self.address } : {}),
  });
  const ask = async (): Promise<Found> => {
    const connection = await mysql.createConnection({
      ...loginOf({ host, ...account }, tls == null || tls.mode === 'preferred' ? null : tls),
      stream: () => socket,
    });
    connection.on('error', () => undefined);
    const [rows] = await connection.query<mysql.RowDataPacket[]>(
      `SELECT @@server_id AS id, @@hostname AS hostname, @@port AS port,
        (SELECT epoch FROM \`${schema}\`.heartbeat WHERE node_server_id = @@server_id) AS epoch`,
    );
    const row: Partial<Record<string, unknown>> = rows[0] ?? {};
    const identity = {
      serverId: Number(row['id']),
      hostname: String(row['hostname']),
      port: Number(row['port']),
    };
    const epoch = row['epoch'] === null ? null : Number(row['epoch']);
    await connection.end();
    return { kind: 'server', identity, epoch };
  };
  try {
    const asked = ask();
    // What fails after the deadline has nobody left to tell.
    asked.catch(() => undefined);
    return await within(asked, deadlineMs, () => `${where}: no answer within ${deadlineMs} ms`);
  } catch (error) {
    const { code, message } = toDatabaseError(error, where);
    return { kind: code === 'too-many-connections' ? 'full' : 'failed', because: message };
  } finally {
    socket.destroy();
  }
}

/** Why nothing is asked from here in this situation; null: the peer is the writer, ask. */
function notAsking({ role, writer }: Situation, peer: string): string | null {
  if (role !== 'following') return `this node is ${role}: the VIP is looked at from the standby`;
  return writer === peer ? null : 'no other node is known to be the writer';
}

export function startVipTruth(options: VipTruthOptions): VipTruth {
  const { clock, config, peer, situation } = options;
  const times = options.times ?? TIMES;
  const leads = new Map<string, LeadState>();
  for (const { address } of config.vips.write) leads.set(address, newLead('not asked yet', clock.bootMs()));
  let stopped = false;
  let wake: () => void = () => {};
  let known = '';
  /** Found at the writer's own address; asked there again whenever the VIP leads elsewhere, or nowhere. */
  let writerIs: ServerIdentity | null = null;
  let dueMs = 0;

  const take = (vip: string, turn: { readonly state: LeadState; readonly say: LeadSaying | null }): void => {
    leads.set(vip, turn.state);
    if (turn.say !== null) options.say(turn.say.level, turn.say.code, turn.say.because);
  };
  const digest = ({ role, epoch, writer }: Situation): string => `${role} ${epoch} ${writer}`;

  /** Asks once; false: it was odd, and is to be asked again soon. */
  async function ask(vip: string, before: Situation): Promise<boolean> {
    const state = leads.get(vip) ?? newLead('', 0);
    const atVip = await findServer(options, vip, times.deadlineMs);
    const asBefore = writerIs !== null && atVip.kind === 'server' && sameServer(atVip.identity, writerIs);
    const direct = asBefore ? atVip : await findServer(options, peer.address, times.deadlineMs);
    writerIs = direct.kind === 'server' ? direct.identity : null;
    // A role that moved meanwhile makes the answer one about another situation.
    if (stopped || digest(situation()) !== digest(before)) return true;
    const seen = judgeLead({ vip, writer: options.peer.name, epoch: before.epoch, direct }, atVip);
    const turn = look(state, seen, clock.bootMs());
    take(vip, turn);
    return !turn.again;
  }

  async function glance(): Promise<void> {
    const now = situation();
    if (digest(now) !== known) {
      known = digest(now);
      writerIs = null;
      dueMs = clock.bootMs() + times.settleMs;
      const because = notAsking(now, peer.name);
      for (const [vip, state] of leads) {
        const moved = newLead('the roles have just moved', clock.bootMs());
        if (because === null) leads.set(vip, { ...moved, told: state.told });
        else take(vip, lookAway(state, because, clock.bootMs()));
      }
    }
    if (notAsking(now, peer.name) !== null || clock.bootMs() < dueMs) return;
    let plain = true;
    for (const vip of leads.keys()) plain = (await ask(vip, now)) && plain;
    dueMs = clock.bootMs() + (plain ? times.everyMs : times.againMs);
  }

  const run = async (): Promise<void> => {
    while (!stopped) {
      await glance();
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, GLANCE_MS);
      });
    }
  };
  void run();

  return {
    stop() {
      stopped = true;
      wake();
    },
    view: () =>
      [...leads].map(([vip, { verdict, because, sinceMs }]) => ({
        vip,
        verdict,
        because,
        atMs: Math.round(sinceMs),
      })),
  };
}
