// The password in a file, as it is now: `twinkeep rotate` writes a new one while the manager runs, and the next log-in takes it.
import { readSecret } from '../config/secret.ts';
import { OperatorError } from '../core/error.ts';

/** Throws OperatorError when there is none to begin with; later on the last one read stays good. */
export function passwordIn(path: string, what: string): () => string {
  let last = readSecret(path, what).value;
  return () => {
    try {
      last = readSecret(path, what).value;
    } catch (error) {
      // It is being replaced, or somebody took it away: the one that worked may still.
      if (!(error instanceof OperatorError)) throw error;
    }
    return last;
  };
}
