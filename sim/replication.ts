// Replication between the two servers: the world's side of the receivers. Connections that break, transactions and
// acknowledgements on their way, an applier that takes its time.

import type { SimDatabase } from './database.ts';
import type { Connection, Network } from './network.ts';
import type { Random } from './random.ts';
import type { Dump, Transaction } from './server.ts';
import type { Timeline } from './timeline.ts';

type Frame =
  | { readonly kind: 'events'; readonly transactions: readonly Transaction[] }
  | { readonly kind: 'heartbeat' }
  | { readonly kind: 'acknowledged'; readonly upTo: string };

export interface Receiver {
  /** Something may have changed at either server: send what is new, drop what is over. */
  touched(): void;
  /** How long the applier takes for a transaction, at most. */
  applyMsMax: number;
  /** Every second: heartbeats, silence, another attempt to connect. */
  beat(): void;
}

const NET_TIMEOUT_MS = 4000;

interface Link {
  readonly pipe: Connection<Frame>;
  readonly number: number;
  readonly name: string;
  sentUpTo: string;
  heardMs: number;
  overAtSource: boolean;
}

export function newReceiver(
  replica: SimDatabase,
  source: SimDatabase,
  timeline: Timeline,
  network: Network,
  random: Random,
  changed: () => void,
): Receiver {
  let link: Link | null = null;
  let connecting = false;
  let applying = false;
  let names = 0;

  function close(over: Link, becauseOfReplica: boolean): void {
    if (link === over) link = null;
    over.pipe.close(replica.name);
    if (becauseOfReplica && replica.process.alive && replica.model.connection() === over.number)
      replica.model.disconnected();
  }

  function send(): void {
    const current = link;
    if (current === null || current.overAtSource || !source.process.alive || source.process.frozen) return;
    if (source.model.positions().binlog === current.sentUpTo) return;
    const dump = source.model.dumpFrom(current.sentUpTo);
    if (dump.ok) transmit(current, dump);
  }

  function transmit(current: Link, dump: Extract<Dump, { ok: true }>): void {
    current.sentUpTo = dump.upTo;
    if (dump.transactions.length === 0) return;
    current.pipe.send(source.name, { kind: 'events', transactions: dump.transactions });
  }

  function onFrame(current: Link, frame: Frame): void {
    current.heardMs = timeline.nowMs();
    if (frame.kind === 'heartbeat') replica.model.heartbeat();
    if (frame.kind !== 'events' || replica.model.connection() !== current.number) return;
    const acknowledged = replica.model.receive(frame.transactions);
    if (acknowledged !== null) current.pipe.send(replica.name, { kind: 'acknowledged', upTo: acknowledged });
    apply();
  }

  function apply(): void {
    if (applying || !replica.process.alive) return;
    if (replica.model.relayLog().received.length === 0) return;
    applying = true;
    const { incarnation } = replica.process;
    timeline.at(random.skewed(0.1, receiver.applyMsMax), () => {
      applying = false;
      if (replica.process.incarnation !== incarnation) return;
      replica.process.run(() => {
        const applied = receiver.applyMsMax > 20 ? replica.model.applyOne() : replica.model.applyAll();
        if (applied === 'applied' || applied === 'idle') apply();
        changed();
      });
    });
  }

  function establish(): void {
    connecting = false;
    const request = replica.process.alive ? replica.model.request() : null;
    if (request === null || replica.process.frozen) return;
    if (!network.both('sql', replica.name, source.name)) return;
    if (!source.process.alive || source.process.frozen) return;
    const dump = source.model.dumpFrom(request.position);
    if (!dump.ok) {
      replica.model.refusedBySource(dump.because);
      return;
    }
    replica.model.connected();
    const made: Link = {
      pipe: network.connect<Frame>('sql', 'a', 'b'),
      number: replica.model.connection() ?? request.connection,
      name: `${replica.name}${++names}`,
      sentUpTo: request.position,
      heardMs: timeline.nowMs(),
      overAtSource: false,
    };
    link = made;
    attach(made, request.acknowledges);
    transmit(made, dump);
    apply();
  }

  function attach(made: Link, acknowledges: boolean): void {
    const { incarnation: mine } = replica.process;
    const { incarnation: theirs } = source.process;
    source.model.replicaConnected(made.name, acknowledges);
    made.pipe.attach(replica.name, {
      onMessage: (frame) => {
        if (replica.process.incarnation === mine) replica.process.run(() => onFrame(made, frame));
      },
      onClosed: () => {
        if (replica.process.incarnation === mine) replica.process.run(() => close(made, true));
      },
    });
    made.pipe.attach(source.name, {
      onMessage: (frame) => {
        if (source.process.incarnation !== theirs || frame.kind !== 'acknowledged') return;
        source.process.run(() => {
          if (made.overAtSource) return;
          source.model.acknowledged(frame.upTo);
          changed();
        });
      },
      onClosed: () => {
        made.overAtSource = true;
        if (source.process.incarnation !== theirs) return;
        source.process.run(() => source.model.replicaGone(made.name));
      },
    });
    watchEnds(made, mine, theirs);
  }

  /** A process that ends closes its sockets; a host without power does not. */
  function watchEnds(made: Link, mine: number, theirs: number): void {
    lookAtEnds = () => {
      if (link !== made) return;
      if (source.process.incarnation !== theirs) {
        made.overAtSource = true;
        made.pipe.close(source.name);
      }
      if (replica.process.incarnation !== mine) close(made, false);
    };
  }
  let lookAtEnds: () => void = () => undefined;

  const receiver: Receiver = {
    applyMsMax: 5,
    touched() {
      lookAtEnds();
      if (link !== null && replica.process.alive && replica.model.connection() !== link.number)
        close(link, false);
      if (link === null && !connecting && replica.process.alive && replica.model.request() !== null) {
        connecting = true;
        timeline.at(random.skewed(1, 60), establish);
      }
      send();
      apply();
    },
    beat() {
      const current = link;
      if (current !== null && replica.process.alive && !replica.process.frozen) {
        if (timeline.nowMs() - current.heardMs > NET_TIMEOUT_MS) close(current, true);
      }
      if (current !== null && !current.overAtSource && source.process.alive && !source.process.frozen)
        current.pipe.send(source.name, { kind: 'heartbeat' });
      receiver.touched();
    },
  };
  return receiver;
}
