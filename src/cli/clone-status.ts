// `twinkeep clone --status`: how far a clone is, as the nodes' managers say.

import type { PairConfig } from '../config/types.ts';
import { describeProgress, type Progress } from '../core/clone/progress.ts';
import type { CloneView } from '../io/http/clones.ts';
import { accepted, askAll } from './api.ts';

function describe({ from, to, method, step, startedAt, aborting, progress }: CloneView): string {
  const what = `${to} from ${from} (${method}), begun at ${startedAt}`;
  if (aborting) return `${what}: is being given up; \`twinkeep clone --abort\` on that host finishes that`;
  if (step === 'done') return `${what}: done`;
  const now = step === 'receive' && progress !== null ? `, ${describeProgress(progress as Progress)}` : '';
  return `${what}: at its step \`${step}\`${now}`;
}

export async function showClones(config: PairConfig, json: boolean): Promise<void> {
  const answers = await askAll(config, '/api/v1/clones');
  const clones = answers.flatMap((answer) => accepted<{ clones: CloneView[] }>(answer).clones);
  if (json) process.stdout.write(`${JSON.stringify({ clones }, null, 2)}\n`);
  else if (clones.length === 0) process.stdout.write('no clone is known\n');
  else for (const each of clones) process.stdout.write(`${describe(each)}\n`);
}
