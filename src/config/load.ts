// Reads pair.yaml from disk for every process and verb, and makes its relative paths absolute (relative to its folder).
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { OperatorError } from '../core/error.ts';
import { parsePair } from './pair.ts';
import type { NotifyConfig, PairConfig, Parsed, VrrpAuthentication, WitnessConfig } from './types.ts';

/** Missing or unreadable file: an OperatorError. Mistakes in it: findings, in the result. */
export function loadPair(path: string): Parsed {
  const file = resolve(path);
  const parsed = parsePair(readText(path, file), path);
  return parsed.ok ? { ...parsed, config: withAbsolutePaths(parsed.config, file) } : parsed;
}

function readText(path: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new OperatorError(
        'config-missing',
        `there is no configuration file ${path}`,
        'name yours with --config FILE or TWINKEEP_CONFIG; examples/pair.yaml is one to start from',
      );
    }
    if (code === 'EACCES' || code === 'EPERM') {
      throw new OperatorError(
        'config-unreadable',
        `the configuration file ${path} may not be read by this user`,
        'run as root, or as the user that owns the file',
      );
    }
    if (code === 'EISDIR') {
      throw new OperatorError(
        'config-unreadable',
        `${path} is a folder`,
        `name the file in it, for example ${path}/pair.yaml`,
      );
    }
    throw new OperatorError(
      'config-unreadable',
      `the configuration file ${path} cannot be read: ${(error as Error).message}`,
      'check the disk and the path',
    );
  }
}

function withAbsolutePaths(config: PairConfig, file: string): PairConfig {
  const absolute = (path: string) => resolve(dirname(file), path);
  const { mysql, vrrp, api } = config;
  const account = <A extends { readonly passwordFile: string }>(a: A): A => ({
    ...a,
    passwordFile: absolute(a.passwordFile),
  });
  const authentication: VrrpAuthentication =
    vrrp.authentication.type === 'none' ? vrrp.authentication : account(vrrp.authentication);
  return {
    ...config,
    file,
    mysql: {
      ...mysql,
      replication: account(mysql.replication),
      admin: account(mysql.admin),
      verify: mysql.verify && account(mysql.verify),
      tls: mysql.tls && { ...mysql.tls, caFile: mysql.tls.caFile && absolute(mysql.tls.caFile) },
    },
    vrrp: { ...vrrp, authentication },
    witness: config.witness && absoluteWitness(config.witness, absolute),
    notify: config.notify && { ...config.notify, scripts: absoluteScripts(config.notify.scripts, absolute) },
    api: { ...api, tokenFile: absolute(api.tokenFile) },
    secretFile: absolute(config.secretFile),
    stateDir: absolute(config.stateDir),
  };
}

function absoluteWitness(witness: WitnessConfig, absolute: (path: string) => string): WitnessConfig {
  const each = (path: string | null) => path && absolute(path);
  return {
    ...witness,
    caFile: each(witness.caFile),
    certFile: each(witness.certFile),
    keyFile: each(witness.keyFile),
    passwordFile: each(witness.passwordFile),
  };
}

function absoluteScripts(
  scripts: NotifyConfig['scripts'],
  absolute: (path: string) => string,
): NotifyConfig['scripts'] {
  if (scripts === null) return null;
  const each = (path: string | null) => path && absolute(path);
  return { writer: each(scripts.writer), standby: each(scripts.standby), fault: each(scripts.fault) };
}
