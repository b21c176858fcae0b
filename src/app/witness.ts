// The witness of pair.yaml, opened: which etcd, under which name and id of the pair.

import type { PairConfig, WitnessConfig } from '../config/types.ts';
import { readWitnessFiles } from '../config/witness-files.ts';
import { pairId } from '../io/witness/entry.ts';
import { openEtcdWitness } from '../io/witness/etcd.ts';
import type { Witness } from '../runtime/ports.ts';

export function openWitness(config: PairConfig, witness: WitnessConfig, pairKey: string): Witness {
  return openEtcdWitness({
    endpoints: witness.etcd,
    pair: config.pair,
    pairId: pairId(pairKey),
    nodes: config.nodes.map((node) => node.name),
    ...readWitnessFiles(witness),
  });
}
