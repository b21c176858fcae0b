// Runs of two or three routers, as texts in transcripts/. After a wanted change: UPDATE_TRANSCRIPTS=1 npx vitest run
// --project unit src/core/vrrp, and read the diff.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { newWire, routerConfig, type Wire } from './transcript-wire.ts';

const FOLDER = new URL('./transcripts/', import.meta.url);
const NAMES: string[] = [];

/** A run that must read as its file does. */
function transcript(name: string, title: string, run: () => Wire): void {
  NAMES.push(`${name}.txt`);
  it(title, () => {
    const text = `${title}\n\n${run().transcript()}`;
    const file = new URL(`${name}.txt`, FOLDER);
    if (process.env['UPDATE_TRANSCRIPTS'] === '1') writeFileSync(file, text);
    expect(existsSync(file), `${name}.txt is missing: write it with UPDATE_TRANSCRIPTS=1`).toBe(true);
    expect(text).toBe(readFileSync(file, 'utf8'));
  });
}

const A = '192.0.2.11';
const B = '192.0.2.12';
const high = routerConfig({ ownAddress: A, priority: 150 });
const low = routerConfig({ ownAddress: B, priority: 100 });

/** Both started at 0; the one of the higher priority is master by now. */
function elected(a = high, b = low): Wire {
  const wire = newWire({ a, b });
  wire.tell('a', { kind: 'start' });
  wire.tell('b', { kind: 'start' });
  wire.until(1000);
  return wire;
}

describe("VRRP's own election", () => {
  transcript(
    'cold-start',
    'Two routers start together: the higher priority waits less and becomes master',
    () => elected(),
  );

  transcript('cold-start-v2', 'Version 2 counts its skew in seconds', () => {
    const wire = newWire({
      a: { ...high, version: 2, advertIntervalMs: 1000 },
      b: { ...low, version: 2, advertIntervalMs: 1000 },
    });
    wire.tell('a', { kind: 'start' });
    wire.tell('b', { kind: 'start' });
    wire.until(6000);
    return wire;
  });

  transcript(
    'silence',
    "The master's cable is pulled: the backup takes over; plugged again, one of them yields",
    () => {
      const wire = elected();
      wire.cable('a', 'pulled');
      wire.until(2000);
      wire.cable('a', 'plugged');
      wire.until(8000);
      return wire;
    },
  );

  transcript('goodbye', 'The master stops: priority 0 shortens the wait to the skew', () => {
    const wire = elected();
    wire.tell('a', { kind: 'stop' });
    wire.until(1500);
    return wire;
  });

  transcript('preempt', 'A higher priority that joins later preempts', () => {
    const wire = newWire({ a: high, b: low });
    wire.tell('b', { kind: 'start' });
    wire.until(1000);
    wire.tell('a', { kind: 'start' });
    wire.until(2000);
    return wire;
  });

  transcript('nopreempt', 'Without preemption a higher priority that joins later stays backup', () => {
    const wire = newWire({ a: { ...high, preempt: false }, b: low });
    wire.tell('b', { kind: 'start' });
    wire.until(1000);
    wire.tell('a', { kind: 'start' });
    wire.until(2000);
    return wire;
  });

  transcript(
    'preempt-delay',
    'A preempt delay suffers the lower master for that long, but not its silence',
    () => {
      const wire = newWire({ a: { ...high, preemptDelayMs: 2000 }, b: low });
      wire.tell('b', { kind: 'start' });
      wire.until(1000);
      wire.tell('a', { kind: 'start' });
      wire.until(4000);
      wire.note('once more, but the master dies during the delay');
      wire.tell('a', { kind: 'stop' });
      wire.until(5000);
      wire.tell('a', { kind: 'start' });
      wire.until(6000);
      wire.cable('b', 'pulled');
      wire.until(7000);
      return wire;
    },
  );

  transcript(
    'owner',
    'Priority 255 owns the addresses: master at once, and its priority never changes',
    () => {
      const wire = newWire({ a: { ...high, priority: 255 }, b: low });
      wire.tell('b', { kind: 'start' });
      wire.until(1000);
      wire.tell('a', { kind: 'start' });
      wire.tell('a', { kind: 'priority', value: 10 });
      wire.until(1500);
      return wire;
    },
  );

  transcript('tie', 'Equal priorities that are both master: the higher address stays', () => {
    const wire = newWire({ a: { ...high, priority: 100 }, b: low });
    wire.cable('a', 'pulled');
    wire.tell('a', { kind: 'start' });
    wire.tell('b', { kind: 'start' });
    wire.until(1000);
    wire.cable('a', 'plugged');
    wire.until(1500);
    return wire;
  });

  transcript('interval-learned', "A version 3 backup learns the master's interval, and waits by it", () => {
    const wire = elected({ ...high, advertIntervalMs: 500 }, low);
    wire.until(3000);
    wire.cable('a', 'pulled');
    wire.until(6000);
    return wire;
  });

  transcript('fault', 'Two faults, one after the other, and back when both are over', () => {
    const wire = elected();
    wire.tell('a', { kind: 'fault', reason: 'link eth0 is down' });
    wire.until(1100);
    wire.tell('a', { kind: 'fault', reason: 'script chk_mysql failed' });
    wire.until(2000);
    wire.tell('a', { kind: 'cleared', reason: 'link eth0 is down' });
    wire.until(2100);
    wire.tell('a', { kind: 'cleared', reason: 'script chk_mysql failed' });
    wire.until(3000);
    return wire;
  });

  transcript(
    'weight',
    'A lowered priority hands over after a master-down interval, and is refused at 0',
    () => {
      const wire = elected();
      wire.tell('a', { kind: 'priority', value: 90 });
      wire.until(2000);
      wire.tell('a', { kind: 'priority', value: 0 });
      wire.tell('a', { kind: 'priority', value: 150 });
      wire.until(3000);
      return wire;
    },
  );

  transcript('address-lost', 'An address deleted by hand is put back at once', () => {
    const wire = elected();
    wire.tell('a', { kind: 'addressLost', address: '192.0.2.100' });
    wire.tell('a', { kind: 'addressLost', address: '192.0.2.200' });
    wire.tell('b', { kind: 'addressLost', address: '192.0.2.100' });
    wire.until(1500);
    return wire;
  });

  transcript('stalled', 'A frozen master gives the addresses up before it does anything else', () => {
    const wire = elected();
    wire.cable('a', 'pulled');
    wire.until(3000);
    wire.tell('a', { kind: 'stalled', forMs: 2000 });
    wire.cable('a', 'plugged');
    wire.until(4000);
    return wire;
  });

  transcript('foreign', 'Another pair of routers uses our id: reported once, and not obeyed', () => {
    const stranger = routerConfig({ ownAddress: '192.0.2.99', priority: 200, addresses: ['192.0.2.222'] });
    const wire = newWire({ a: high, b: low, stranger });
    wire.tell('a', { kind: 'start' });
    wire.tell('b', { kind: 'start' });
    wire.tell('stranger', { kind: 'start' });
    wire.until(2000);
    return wire;
  });

  transcript('mismatch', 'A mistyped address of a known peer is reported, and the peer still obeyed', () => {
    const typo = { ...low, addresses: ['198.51.100.100'], knownPeers: [A] };
    const wire = elected({ ...high, knownPeers: [B] }, typo);
    wire.tell('b', { kind: 'configure', config: { ...low, knownPeers: [A] } });
    wire.until(2000);
    return wire;
  });

  transcript('reload', 'A reload touches only the addresses that changed, and moves no role', () => {
    const wire = elected();
    const addresses = ['192.0.2.100', '192.0.2.102'];
    wire.tell('a', { kind: 'configure', config: { ...high, addresses: ['192.0.2.100', '192.0.2.101'] } });
    wire.until(1500);
    wire.tell('a', { kind: 'configure', config: { ...high, addresses, advertIntervalMs: 50 } });
    wire.tell('a', { kind: 'configure', config: { ...high, vrid: 52 } });
    wire.until(2000);
    return wire;
  });
});

describe('the ordered election', () => {
  const ordered = { election: 'ordered', startup: { delayMs: 0, leftoverAddresses: 'keep' } } as const;
  const a = { ...high, ...ordered, knownPeers: [B] };
  const b = { ...low, ...ordered, knownPeers: [A] };

  function claimed(): Wire {
    const wire = newWire({ a, b });
    wire.tell('a', { kind: 'start' });
    wire.tell('b', { kind: 'start' });
    wire.until(50);
    wire.tell('a', { kind: 'claim', because: 'epoch 1 names a as writer' });
    wire.until(1000);
    return wire;
  }

  transcript(
    'ordered-silence',
    'Silence is reported once and promotes nobody; the return is reported too',
    () => {
      const wire = claimed();
      wire.cable('a', 'pulled');
      wire.until(2000);
      wire.cable('a', 'plugged');
      wire.until(2500);
      return wire;
    },
  );

  transcript('ordered-alone', 'A router that never hears a master says so', () => {
    const wire = newWire({ a });
    wire.tell('a', { kind: 'start' });
    wire.until(1000);
    return wire;
  });

  transcript(
    'ordered-switchover',
    'The role moves by yield and claim; the goodbye is reported at once',
    () => {
      const wire = claimed();
      wire.tell('a', { kind: 'yield', because: 'switchover to b, epoch 2' });
      wire.until(1001);
      wire.tell('b', { kind: 'claim', because: 'switchover to b, epoch 2' });
      wire.until(2000);
      return wire;
    },
  );

  transcript(
    'ordered-rivals',
    'Two masters by order report and answer each other, without a storm, until one yields',
    () => {
      const wire = claimed();
      wire.cable('a', 'pulled');
      wire.until(1500);
      wire.tell('b', { kind: 'claim', because: 'a is silent on every path, epoch 2' });
      wire.until(2000);
      wire.cable('a', 'plugged');
      wire.until(2210);
      wire.tell('a', { kind: 'yield', because: 'epoch 2 names b as writer' });
      wire.until(3000);
      return wire;
    },
  );

  transcript(
    'ordered-stalled',
    'A frozen master by order is backup when it thaws, and needs a new claim',
    () => {
      const wire = claimed();
      wire.tell('a', { kind: 'stalled', forMs: 4000 });
      wire.until(1500);
      wire.tell('a', { kind: 'claim', because: 'the record still names a, epoch 1' });
      wire.until(2000);
      return wire;
    },
  );

  transcript(
    'ordered-fault',
    'A fault takes the addresses away; once it is over a claim is needed, and accepted',
    () => {
      const wire = claimed();
      wire.tell('a', { kind: 'fault', reason: 'link eth0 is down' });
      wire.tell('a', { kind: 'claim', because: 'too early' });
      wire.until(1500);
      wire.tell('a', { kind: 'cleared', reason: 'link eth0 is down' });
      wire.tell('a', { kind: 'claim', because: 'epoch 1 names a as writer' });
      wire.until(2000);
      wire.tell('a', { kind: 'stop' });
      wire.tell('a', { kind: 'claim', because: 'too late' });
      return wire;
    },
  );
});

it('has no transcript that no test writes', () => {
  expect(readdirSync(FOLDER).sort()).toEqual(NAMES.sort());
});
