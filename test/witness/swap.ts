// A node of a pair that asks the witness once, for tests on lab hosts: reads, then swaps the epoch up by one. Prints both.
// Usage: node test/witness/swap.ts DEADLINE_MS ENDPOINT...

import { openEtcdWitness } from '../../src/io/witness/etcd.ts';

const [deadline, ...endpoints] = process.argv.slice(2);
const deadlineMs = Number(deadline);
const owner = { pair: 'lab', pairId: '0123456789abcdef', nodes: ['a', 'b'] };
const witness = openEtcdWitness({ ...owner, endpoints });
const view = await witness.read(deadlineMs);
const held = view.kind === 'holds' ? { record: view.record, revision: view.revision } : null;
const next = { epoch: (held?.record.epoch ?? 0) + 1, writer: 'a', sync: 'alone' } as const;
// Opened anew, so that the swap too starts with the first endpoint.
const outcome = await openEtcdWitness({ ...owner, endpoints }).swap(next, held, deadlineMs);
console.log(JSON.stringify({ view, outcome }));
process.exit(0);
