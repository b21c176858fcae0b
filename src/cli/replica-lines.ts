// `why` on the further replicas: whom each replicates from and why, and what is wrong with it.
import type { ReplicaView } from '../app/replicawatch.ts';
import type { Line } from './answer.ts';

const plain = (text: string): Line => ({ text, style: 'plain' });

function headline({ name, statement, silentBecause }: ReplicaView): string {
  if (silentBecause !== null) return `replica ${name}: its agent does not answer (${silentBecause})`;
  const because = statement?.because ?? 'nothing is known of it yet';
  return because.startsWith(`${name} `) ? `replica ${because}` : `replica ${name}: ${because}`;
}

/** A line each, for `why` without a name. */
export const replicaSummary = (replicas: readonly ReplicaView[]): Line[] =>
  replicas.map((replica) => plain(headline(replica)));

export function replicaLines(replica: ReplicaView): Line[] {
  const { name, statement } = replica;
  const lines: Line[] = [{ text: headline(replica), style: 'bold' }, plain('')];
  lines.push(plain(`${name} never becomes writer, and acknowledges nothing: it is a further replica`));
  if (statement === null) return lines;
  const { source, wantedSource, lagMs, executedGtid, warnings } = statement;
  lines.push(plain(`source: ${source ?? 'none'}; wanted: ${wantedSource ?? 'not known yet'}`));
  lines.push(
    plain(`behind: ${lagMs === null ? 'not known' : `${lagMs} ms`}; it has ${executedGtid || 'nothing'}`),
  );
  for (const { because, lift } of warnings)
    lines.push({ text: because, style: 'yellow' }, { text: `  lifts: ${lift}`, style: 'dim' });
  return lines;
}
