// Clients: sessions that write unique payloads to whoever answers at the VIP, and remember what they were told OK for. They
// hang while their commit waits, and come back when they are cut off.

import type { Network } from './network.ts';
import type { NodeName, SimNode } from './node.ts';
import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';

export interface Clients {
  start(): void;
  /** Reads what became of commits that waited. */
  collect(node: SimNode): void;
  /** Every client connection of this host is reset. */
  cut(name: NodeName): void;
  /** Gratuitous ARP was heard. */
  announced(name: NodeName): void;
}

interface Session {
  readonly id: string;
  readonly node: SimNode;
  readonly incarnation: number;
  /** No answer reaches the client any more. */
  cut: boolean;
}

const PATIENCE_MS = 3000;

export function newClients(
  count: number,
  nodes: readonly SimNode[],
  timeline: Timeline,
  network: Network,
  random: Random,
  onAcknowledged: (node: SimNode, payload: string) => void,
  touched: () => void,
): Clients {
  const sessions = new Map<string, Session>();
  const waiting = new Map<string, { readonly payload: string; readonly answered: () => void }>();
  let arp: NodeName = 'a';
  let numbers = 0;

  function holder(): SimNode | null {
    const there = nodes.filter(
      (node) => node.vip.held && node.host.on && network.both('clients', 'clients', node.name),
    );
    const known = there.find((node) => node.name === arp);
    if (there.length === 0) return null;
    // Where two hold it, whoever answered last wins in each host's own table.
    return known !== undefined && random.chance(0.8) ? known : random.pick(there);
  }

  function run(client: number, session: Session | null): void {
    const again = (next: Session | null, fromMs: number, toMs: number): void =>
      timeline.at(random.between(fromMs, toMs), () => run(client, next));
    if (session === null || session.cut) {
      const node = holder();
      if (node === null || !node.database.process.alive) {
        again(null, 50, 300);
        return;
      }
      const opened: Session = {
        id: `c${client}.${++numbers}`,
        node,
        incarnation: node.database.process.incarnation,
        cut: false,
      };
      sessions.set(opened.id, opened);
      again(opened, 1, 10);
      return;
    }
    write(session, `w${client}.${++numbers}`, again);
  }

  function write(
    session: Session,
    payload: string,
    again: (next: Session | null, fromMs: number, toMs: number) => void,
  ): void {
    const { node } = session;
    let settled = false;
    const settle = (next: Session | null, fromMs: number, toMs: number): void => {
      if (settled) return;
      settled = true;
      if (next === null) {
        session.cut = true;
        sessions.delete(session.id);
      }
      again(next, fromMs, toMs);
    };
    timeline.at(PATIENCE_MS, () => settle(null, 1, 50));
    network.post('clients', 'clients', node.name, () => {
      const { database } = node;
      if (session.cut || !node.vip.held || database.process.incarnation !== session.incarnation) {
        settle(null, 5, 200);
        return;
      }
      database.process.run(() => {
        if (session.cut) return;
        waiting.set(session.id, { payload, answered: () => settle(session, 30, 400) });
        const written = database.model.write(session.id, payload);
        if (written === 'ok') answered(session);
        else if (written !== 'waiting') {
          waiting.delete(session.id);
          settle(null, 50, 300);
        }
        touched();
      });
    });
  }

  function answered(session: Session): void {
    const pending = waiting.get(session.id);
    waiting.delete(session.id);
    if (pending === undefined || session.cut) return;
    onAcknowledged(session.node, pending.payload);
    pending.answered();
  }

  return {
    start() {
      for (let client = 1; client <= count; client++) timeline.at(client, () => run(client, null));
    },
    collect(node) {
      for (const released of node.database.model.takeReleased()) {
        const session = sessions.get(released.session);
        if (session === undefined) continue;
        if (released.outcome === 'ok') answered(session);
        else {
          waiting.delete(session.id);
          session.cut = true;
        }
      }
    },
    cut(name) {
      for (const session of sessions.values()) {
        if (session.node.name !== name) continue;
        session.cut = true;
        sessions.delete(session.id);
      }
    },
    announced(name) {
      arp = name;
    },
  };
}
