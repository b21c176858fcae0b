import { describe, expect, it } from 'vitest';
import { type ArchiveEvent, type ArchiveState, initialArchive, step } from './machine.ts';

type WithoutTime<E> = E extends ArchiveEvent ? Omit<E, 'nowMs'> : never;

function archive() {
  let state: ArchiveState = initialArchive;
  const did: string[] = [];
  let nowMs = 0;
  return {
    did,
    feed(afterMs: number, event: WithoutTime<ArchiveEvent>) {
      nowMs += afterMs;
      const [next, actions] = step(state, { ...event, nowMs } as ArchiveEvent);
      state = next;
      for (const action of actions)
        did.push(
          action.kind === 'start' ? `start ${action.source.node}/${action.source.epoch}` : action.kind,
        );
    },
  };
}
const writer = (node: string, epoch: number) => ({ kind: 'pair', writer: { node, epoch } }) as const;

describe('the archive', () => {
  it('copies from the writer, and follows it over a failover', () => {
    const it = archive();
    it.feed(0, writer('a', 3));
    it.feed(1000, writer('b', 4));
    it.feed(10, { kind: 'ended', because: 'told to' });
    expect(it.did).toEqual(['start a/3', 'stop', 'say', 'start b/4']);
  });

  it('starts anew when the same node is the writer of a later epoch: it may have fallen in between', () => {
    const it = archive();
    it.feed(0, writer('a', 3));
    it.feed(1000, writer('a', 5));
    expect(it.did).toEqual(['start a/3', 'stop']);
  });

  it('does not go back to the writer of an older epoch, whoever says so', () => {
    const it = archive();
    it.feed(0, writer('b', 4));
    it.feed(10, writer('a', 3));
    expect(it.did).toEqual(['start b/4']);
  });

  it('starts a copy that ended again, each time later, up to ten seconds', () => {
    const it = archive();
    it.feed(0, writer('a', 3));
    for (let n = 0; n < 8; n += 1) {
      it.feed(5, { kind: 'ended', because: 'connection lost' });
      it.feed(10_000, { kind: 'tick' });
    }
    expect(it.did.filter((each) => each.startsWith('start'))).toHaveLength(9);
    it.feed(5, { kind: 'ended', because: 'connection lost' });
    it.feed(9000, { kind: 'tick' });
    expect(it.did.filter((each) => each.startsWith('start'))).toHaveLength(9);
  });
});
