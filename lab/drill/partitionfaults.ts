// Faults of the network between hosts that all live: who still reaches whom. Clients run on both database hosts as well, each
// writing to its own server, so that the report shows what each side acknowledged, and when.

import { bothWays, cutWays, unblock, type Way } from '../network.ts';
import { witnessesOf } from '../plan.ts';
import type { Fault, Scene } from './fault.ts';

/** Longer than aloneAfter, so that a writer that goes alone has the time for it. */
const lookOnMs = 6000;

type Partition = Pick<Fault, 'name' | 'about' | 'writerAfter'> &
  Partial<Fault> & { readonly ways: (scene: Scene) => readonly Way[] };

function partition({ ways, ...fault }: Partition): Fault {
  return {
    goalMs: 1500,
    sides: true,
    cause: (scene) => cutWays(scene.lab, ways(scene)),
    heal: ({ lab }) => unblock(lab),
    lookOnMs,
    ...fault,
  };
}

export const partitionFaults: readonly Fault[] = [
  partition({
    name: 'partition',
    about: 'writer and standby do not reach each other; clients, gateway and witness reach both',
    writerAfter: 'either',
    twoWriters: 'promised',
    ways: ({ writer, standby }) => bothWays(writer, standby),
  }),
  partition({
    name: 'partition-consistency',
    about: 'the same under failover.partition: consistency',
    witness: 'without',
    settings: 'failover: { partition: consistency }',
    writerAfter: 'standby',
    ways: ({ writer, standby }) => bothWays(writer, standby),
  }),
  partition({
    name: 'partition-to-standby',
    about: 'nothing that the writer sends reaches the standby; the other way is open',
    writerAfter: 'either',
    twoWriters: 'promised',
    ways: ({ writer, standby }) => [{ from: writer, to: standby }],
  }),
  partition({
    name: 'partition-to-writer',
    about: 'nothing that the standby sends reaches the writer; the other way is open',
    // It still hears VRRP, and so takes nobody for dead.
    writerAfter: 'same',
    goalMs: 3000,
    ways: ({ writer, standby }) => [{ from: standby, to: writer }],
  }),
  partition({
    name: 'writer-without-gateway',
    about: 'the writer reaches neither standby nor gateway (nor witness); clients reach it',
    writerAfter: 'standby',
    ways: (scene) => bothWays(scene.writer, scene.standby, 'gw', ...witnessesOf(scene.lab)),
  }),
  partition({
    name: 'writer-isolated',
    about: 'the writer reaches neither standby nor witness; clients and gateway reach it',
    witness: 'with',
    writerAfter: 'standby',
    ways: (scene) => bothWays(scene.writer, scene.standby, ...witnessesOf(scene.lab)),
  }),
  partition({
    name: 'standby-isolated',
    about: 'the standby reaches neither writer nor witness; clients and gateway reach it',
    witness: 'with',
    writerAfter: 'same',
    goalMs: 3000,
    ways: (scene) => bothWays(scene.standby, scene.writer, ...witnessesOf(scene.lab)),
  }),
];
