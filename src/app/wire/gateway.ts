// Whether this host still reaches its gateway (failover.gateway), asked by ARP: now and then, and at once when the
// writer falls silent, because then it decides who is the one that is cut off.

import { decodeArp, encodeArpRequest } from '../../core/arp/arp.ts';
import { type ArpSocket, openArpSocket } from '../../io/linux/arpsocket.ts';
import { bootMs } from '../../io/linux/libc.ts';
import type { WireSettings } from './protocol.ts';

const ASK_EVERY_MS = 1000;
const ASK_AGAIN_MS = 20;
/** So many questions without an answer, and the gateway counts as silent. */
const QUESTIONS_MAX = 5;

export interface GatewayWatch {
  state(): 'unknown' | 'answers' | 'silent';
  /** Forget the last answer: ask until one comes, or five questions went unanswered. */
  askNow(): void;
  fds(): readonly number[];
  receive(): void;
  tick(): void;
  dueMs(): number;
}

type Say = (level: 'info' | 'warn' | 'error', code: string, because: string) => void;

const NOT_WATCHED: GatewayWatch = {
  state: () => 'unknown',
  askNow() {},
  fds: () => [],
  receive() {},
  tick() {},
  dueMs: () => Number.POSITIVE_INFINITY,
};

export function openGatewayWatch(settings: WireSettings, mac: Uint8Array, say: Say): GatewayWatch {
  const { gateway } = settings;
  if (gateway === null) return NOT_WATCHED;
  if (gateway.includes(':')) {
    say(
      'warn',
      'gateway-ipv6',
      `the gateway ${gateway} is not watched: this version asks gateways by ARP (IPv4) only`,
    );
    return NOT_WATCHED;
  }
  let state: 'unknown' | 'answers' | 'silent' = 'unknown';
  let unanswered = 0;
  let dueMs = bootMs();
  // Kept open: closing a packet socket waits for the kernel (12 ms seen), and the loop must not.
  const socket: ArpSocket = openArpSocket({
    interfaceName: settings.interfaceName,
    receives: true,
    repliesFrom: gateway,
  });

  const settle = (next: 'answers' | 'silent'): void => {
    if (next === 'silent' && state !== 'silent') {
      say(
        'warn',
        'gateway-silent',
        `the gateway ${gateway} does not answer ARP: this host may be the one that is cut off`,
      );
    }
    state = next;
    dueMs = bootMs() + ASK_EVERY_MS;
  };

  return {
    state: () => state,
    askNow() {
      state = 'unknown';
      unanswered = 0;
      dueMs = bootMs();
    },
    fds: () => [socket.fd],
    receive() {
      for (let frame = socket.receive(); frame !== null; frame = socket.receive()) {
        const decoded = decodeArp(frame);
        if (!decoded.ok || decoded.operation !== 'reply' || decoded.senderIp !== gateway) continue;
        unanswered = 0;
        settle('answers');
      }
    },
    tick() {
      const now = bootMs();
      if (now < dueMs) return;
      if (unanswered >= QUESTIONS_MAX) {
        unanswered = 0;
        settle('silent');
        return;
      }
      socket.send(encodeArpRequest(mac, settings.ownAddress, gateway));
      unanswered++;
      dueMs = now + ASK_AGAIN_MS;
    },
    dueMs: () => dueMs,
  };
}
