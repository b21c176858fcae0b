// Reads the files that `witness` in pair.yaml names: certificates and the password. Called where the witness is opened.
import { readFileSync } from 'node:fs';
import { OperatorError } from '../core/error.ts';
import { readSecret } from './secret.ts';
import type { WitnessConfig } from './types.ts';

export interface WitnessAccess {
  /** Contents as PEM. */
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  readonly account: { readonly user: string; readonly password: string } | undefined;
}

function readPem(path: string, key: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new OperatorError(
      'witness-file',
      `witness.${key} cannot be read: ${(error as Error).message}`,
      'put the file there, readable for the account that runs the agent, or mend the path in pair.yaml',
    );
  }
  if (text.includes('-----BEGIN ')) return text;
  throw new OperatorError(
    'witness-file',
    `witness.${key} names ${path}, which holds no PEM`,
    'name a file with lines like `-----BEGIN CERTIFICATE-----`; `openssl x509 -inform der -in FILE` prints one from DER',
  );
}

/** Throws OperatorError only. */
export function readWitnessFiles(witness: WitnessConfig): WitnessAccess {
  const { caFile, certFile, keyFile, user, passwordFile } = witness;
  return {
    tls: {
      ...(caFile !== null && { ca: readPem(caFile, 'caFile') }),
      ...(certFile !== null && { cert: readPem(certFile, 'certFile') }),
      ...(keyFile !== null && { key: readPem(keyFile, 'keyFile') }),
    },
    account:
      user === null || passwordFile === null
        ? undefined
        : {
            user,
            password: readSecret(
              passwordFile,
              'password of the witness',
              'put it there, as it was given to etcd (etcdctl user add), on both hosts',
            ).value,
          },
  };
}
