// The witness made real: the pair's record under one key of an etcd cluster, read and swapped over etcd's JSON gateway (v3).
// Calls are answered in their order, one request at a time, each within its own deadline; neither call rejects.
//
// A swap whose answer did not come is `unknown`, and it may be carried out later than a read that follows it: a frozen etcd
// takes what lies in its socket when it thaws. It is settled only once the key's revision has moved, so the caller swaps
// again with the same expectation: `swapped`, or a conflict that shows either its own record (the first one was done) or
// somebody else's.

import type { PairRecord } from '../../core/pair/record.ts';
import type { WitnessExpectation, WitnessView } from '../../core/pair/witness.ts';
import type { Clock, SwapOutcome, Witness } from '../../runtime/ports.ts';
import { bootClock } from '../clock.ts';
import { type Answer, type ClusterOptions, type JsonObject, openCluster } from './cluster.ts';
import { encodeEntry, entryKey, type Owner, readEntry } from './entry.ts';
import { openTurn } from './turn.ts';

export interface EtcdWitnessOptions extends ClusterOptions, Owner {
  readonly clock?: Clock;
}

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

const NOT_ETCDS =
  'the witness answered something that etcd would not say: is there a proxy between that changes answers?';
const DAMAGED: WitnessView = { kind: 'unreachable', because: NOT_ETCDS };

/** The view in an answer to a range request, on its own or within a transaction. */
export function viewOf(range: JsonObject, owner: Owner): WitnessView {
  const found = range['kvs'] ?? [];
  if (!Array.isArray(found)) return DAMAGED;
  const entry = found[0] as JsonObject | undefined;
  if (entry === undefined) return { kind: 'empty' };
  const { mod_revision: revision, value = '' } = entry;
  if (typeof revision !== 'string' || typeof value !== 'string') return DAMAGED;
  const read = readEntry(Buffer.from(value, 'base64').toString('utf8'), owner);
  return read.ok
    ? { kind: 'holds', record: read.record, revision }
    : { kind: 'foreign', because: read.because };
}

/** One transaction: put the record if the key still is as expected, else say what is there. */
export function swapRequest(record: PairRecord, expected: WitnessExpectation | null, owner: Owner): object {
  const key = base64(entryKey(owner.pair));
  const compare =
    expected === null
      ? [{ key, target: 'CREATE', result: 'EQUAL', create_revision: '0' }]
      : [
          { key, target: 'MOD', result: 'EQUAL', mod_revision: expected.revision },
          { key, target: 'VALUE', result: 'EQUAL', value: base64(encodeEntry(expected.record, owner)) },
        ];
  return {
    compare,
    success: [{ request_put: { key, value: base64(encodeEntry(record, owner)) } }],
    failure: [{ request_range: { key } }],
  };
}

function swapOutcome(body: JsonObject, owner: Owner): SwapOutcome {
  if (body['succeeded'] === true) {
    const revision = (body['header'] as JsonObject)['revision'];
    return typeof revision === 'string'
      ? { kind: 'swapped', revision }
      : { kind: 'unknown', because: NOT_ETCDS };
  }
  const [response] = Array.isArray(body['responses']) ? (body['responses'] as JsonObject[]) : [];
  const range = response?.['response_range'];
  const view = typeof range === 'object' && range !== null ? viewOf(range as JsonObject, owner) : DAMAGED;
  return { kind: 'conflict', view };
}

export function openEtcdWitness(options: EtcdWitnessOptions): Witness {
  const cluster = openCluster(options);
  const turn = openTurn(options.clock ?? bootClock());
  let closed = false;

  async function ask(
    path: string,
    body: object,
    safety: 'question' | 'order',
    deadlineMs: number,
  ): Promise<Answer> {
    if (closed)
      return { kind: 'failed', because: 'the witness is not asked any more: this process is ending' };
    const { answer, late } = await turn.take(deadlineMs, (leftMs, signal) =>
      cluster.ask({ path, body, safety, deadlineMs: leftMs, signal }),
    );
    if (answer !== null && !(late && answer.kind === 'answered')) return answer;
    return { kind: 'failed', because: `the witness gave no answer within ${Math.round(deadlineMs)} ms` };
  }

  return {
    async read(deadlineMs) {
      const body = { key: base64(entryKey(options.pair)), serializable: false };
      const answer = await ask('/v3/kv/range', body, 'question', deadlineMs);
      return answer.kind === 'answered'
        ? viewOf(answer.body, options)
        : { kind: 'unreachable', because: answer.because };
    },
    async swap(record, expected, deadlineMs) {
      const body = swapRequest(record, expected, options);
      const answer = await ask('/v3/kv/txn', body, 'order', deadlineMs);
      return answer.kind === 'answered'
        ? swapOutcome(answer.body, options)
        : { kind: 'unknown', because: answer.because };
    },
    close() {
      closed = true;
      turn.close();
      cluster.close();
    },
  };
}
