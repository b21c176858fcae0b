// The secret files of a pair, made by `twinkeep setup` where they are missing. Never printed, never overwritten.
import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import type { PairConfig } from '../config/types.ts';
import { OperatorError } from '../core/error.ts';

export interface MissingSecret {
  readonly path: string;
  readonly bytes: number;
  readonly encoding: 'base64' | 'base64url';
}

export function missingSecrets(config: PairConfig): MissingSecret[] {
  const { mysql, api, secretFile } = config;
  const all: MissingSecret[] = [
    // 24 bytes are 32 characters, the most that MySQL's replication channel takes as a password.
    { path: mysql.replication.passwordFile, bytes: 24, encoding: 'base64url' },
    { path: mysql.admin.passwordFile, bytes: 24, encoding: 'base64url' },
    { path: api.tokenFile, bytes: 32, encoding: 'base64url' },
    { path: secretFile, bytes: 32, encoding: 'base64' },
  ];
  return all.filter(({ path }) => !existsSync(path));
}

export function makeSecrets(missing: readonly MissingSecret[]): void {
  for (const { path, bytes, encoding } of missing) {
    try {
      writeFileSync(path, `${randomBytes(bytes).toString(encoding)}\n`, { mode: 0o600, flag: 'wx' });
    } catch (error) {
      throw new OperatorError(
        'secret-not-made',
        `the secret file ${path} cannot be made: ${(error as Error).message}`,
        'make its folder and let this user write there, or name another place in pair.yaml',
      );
    }
  }
}
