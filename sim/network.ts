// The network between the two nodes, the witness, the gateway and the clients: every path can be cut in each direction.
// Datagrams are lost, doubled, late and out of order. Connections (TCP) keep their order, deliver late or break, and are
// noticed as broken at different times at their ends.

import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';

export type Place = 'a' | 'b' | 'witness' | 'gateway' | 'clients';
export type Path = 'vrrp' | 'peer' | 'sql' | 'witness' | 'gateway' | 'clients';

export interface Weather {
  /** Of datagrams. */
  loss: number;
  duplicates: number;
  delayMsMin: number;
  delayMsMax: number;
  /** Replication alone takes so much longer, at most: a busy link, a large transaction on its way. */
  replicationMsMax: number;
}

/** One end of a connection. */
export interface End<M> {
  /** In order; nothing after the connection has ended at this end. */
  onMessage(message: M): void;
  onClosed(because: string): void;
}

export interface Connection<M> {
  readonly id: number;
  send(from: Place, message: M): void;
  /** This end is gone; the other learns of it by and by. */
  close(from: Place): void;
  /** This end is gone and said nothing: it answers with a reset, once it can. */
  abandon(from: Place): void;
  attach(place: Place, end: End<M>): void;
}

export interface Network {
  readonly weather: Weather;
  cut(path: Path | 'all', from: Place | 'any', to: Place | 'any'): void;
  mend(path: Path | 'all', from: Place | 'any', to: Place | 'any'): void;
  mendAll(): void;
  /** A host without power or cable is reached by nobody. */
  attached(place: Place, is: boolean): void;
  open(path: Path, from: Place, to: Place): boolean;
  both(path: Path, x: Place, y: Place): boolean;
  datagram(path: Path, from: Place, to: Place, deliver: () => void): void;
  /** A message that TCP carries on its own: late, or never. Tries again while the path is cut, for some seconds. */
  post(path: Path, from: Place, to: Place, deliver: () => void): void;
  connect<M>(path: Path, x: Place, y: Place): Connection<M>;
}

/** How long TCP goes on trying, at most, before a connection is given up. */
const GIVE_UP_MS_MAX = 12_000;
/** A message on its own is carried for this long while its path is cut. */
const POST_MS_MAX = 4000;

export function newNetwork(timeline: Timeline, random: Random): Network {
  const cuts = new Set<string>();
  const away = new Set<Place>();
  const weather: Weather = { loss: 0, duplicates: 0, delayMsMin: 0.1, delayMsMax: 2, replicationMsMax: 0 };
  let ids = 0;
  const key = (path: string, from: string, to: string): string => `${path}:${from}>${to}`;

  function open(path: Path, from: Place, to: Place): boolean {
    if (away.size > 0 && (away.has(from) || away.has(to))) return false;
    if (cuts.size === 0) return true;
    return !(
      cuts.has(key(path, from, to)) ||
      cuts.has(key(path, from, 'any')) ||
      cuts.has(key(path, 'any', to)) ||
      cuts.has(key('all', from, to)) ||
      cuts.has(key('all', from, 'any')) ||
      cuts.has(key('all', 'any', to))
    );
  }
  const delay = (): number => random.skewed(weather.delayMsMin, weather.delayMsMax);

  function datagram(path: Path, from: Place, to: Place, deliver: () => void): void {
    if (!open(path, from, to) || random.chance(weather.loss)) return;
    const arrive = (): void => {
      if (open(path, from, to)) deliver();
    };
    timeline.at(delay(), arrive);
    if (random.chance(weather.duplicates)) timeline.at(delay() * 3, arrive);
  }

  function post(path: Path, from: Place, to: Place, deliver: () => void): void {
    const untilMs = timeline.nowMs() + random.between(0, POST_MS_MAX);
    let pauseMs = random.between(30, 200);
    const attempt = (): void => {
      if (open(path, from, to)) {
        deliver();
        return;
      }
      if (timeline.nowMs() >= untilMs) return;
      timeline.at(pauseMs, attempt);
      pauseMs *= 2;
    };
    timeline.at(delay(), attempt);
  }

  function connect<M>(path: Path, x: Place, y: Place): Connection<M> {
    const id = ++ids;
    interface Side {
      end: End<M> | null;
      closed: boolean;
      freeAtMs: number;
      busy: boolean;
      readonly queue: (M | null)[];
      /** Arrived before anybody was there to take it. */
      readonly early: M[];
    }
    const newSide = (): Side => ({
      end: null,
      closed: false,
      freeAtMs: 0,
      busy: false,
      queue: [],
      early: [],
    });
    const sides: Partial<Record<Place, Side>> = { [x]: newSide(), [y]: newSide() };
    const side = (place: Place): Side => sides[place] as Side;
    const other = (place: Place): Place => (place === x ? y : x);

    function end(place: Place, because: string): void {
      const mine = side(place);
      if (mine.closed) return;
      mine.closed = true;
      mine.end?.onClosed(because);
    }

    /** Carries what waits for `to`, one message at a time; `null` is the end of the stream. */
    function carry(to: Place): void {
      const target = side(to);
      if (target.busy || target.queue.length === 0) return;
      target.busy = true;
      const sinceMs = timeline.nowMs();
      let pauseMs = random.between(40, 250);
      const attempt = (): void => {
        if (open(path, other(to), to)) {
          target.busy = false;
          const message = target.queue.shift() as M | null;
          if (!target.closed) {
            if (message === null) end(to, 'the other end closed the connection');
            else if (target.end === null) target.early.push(message);
            else target.end.onMessage(message);
          } else if (message !== null) {
            // Sent to an end that is gone: it answers with a reset.
            post(path, to, other(to), () => end(other(to), 'connection reset'));
          }
          carry(to);
          return;
        }
        if (timeline.nowMs() - sinceMs > GIVE_UP_MS_MAX * random.between(0.2, 1)) {
          target.busy = false;
          target.queue.length = 0;
          end(other(to), 'no acknowledgement of what was sent');
          return;
        }
        timeline.at(pauseMs, attempt);
        pauseMs = Math.min(1500, pauseMs * 2);
      };
      const extra = path === 'sql' ? random.between(0, weather.replicationMsMax) : 0;
      const arriveMs = Math.max(target.freeAtMs, sinceMs + delay() + extra);
      target.freeAtMs = arriveMs;
      timeline.at(arriveMs - sinceMs, attempt);
    }

    return {
      id,
      attach(place, attached) {
        const mine = side(place);
        mine.end = attached;
        for (const message of mine.early.splice(0)) attached.onMessage(message);
      },
      send(from, message) {
        if (side(from).closed) return;
        const to = other(from);
        side(to).queue.push(message);
        carry(to);
      },
      abandon(from) {
        side(from).closed = true;
      },
      close(from) {
        const mine = side(from);
        if (mine.closed) return;
        mine.closed = true;
        const to = other(from);
        side(to).queue.push(null);
        carry(to);
      },
    };
  }

  return {
    weather,
    cut: (path, from, to) => void cuts.add(key(path, from, to)),
    mend: (path, from, to) => void cuts.delete(key(path, from, to)),
    mendAll: () => cuts.clear(),
    attached: (place, is) => void (is ? away.delete(place) : away.add(place)),
    open,
    both: (path, p, q) => open(path, p, q) && open(path, q, p),
    datagram,
    post,
    connect,
  };
}
