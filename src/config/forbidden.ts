// Keys that pair.yaml refuses on purpose, with the reason. Consulted by section.ts for every key that the shape lacks.

export interface Forbidden {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

const SECRET_KEY =
  /^(?:.*[_-])?(?:pass|passwd|password|passphrase|pwd|secret|token|auth_?pass)$|(?:Password|Secret|Token)$/;
const SKIP_ERRORS = /^(?:slave|replica)[-_]?skip[-_]?errors$|^slaveSkipErrors$|^sql_slave_skip_counter$/i;

/** Why the key may stand nowhere in the file; null when it is merely unknown or fine. */
export function forbiddenKey(key: string): Forbidden | null {
  if (SKIP_ERRORS.test(key)) {
    return {
      code: 'skip-errors-refused',
      message: `\`${key}\` is refused: a skipped replication error is a row that differs between the two masters from then on, without a trace`,
      hint: 'remove the line; when replication stops, `twinkeep status` shows the error and the row, so that the cause can be mended',
    };
  }
  if (SECRET_KEY.test(key)) {
    return {
      code: 'secret-in-file',
      message: `\`${key}\` is refused: this file is copied between hosts and read by many, so no secret may stand in it`,
      hint: 'put the secret alone into a file of mode 0600, and name that file with `passwordFile:` (or `tokenFile:`, `secretFile:`); change the secret if this file was shared',
    };
  }
  return null;
}

/** A source line as it may be shown: what looks like a secret's value is replaced. */
export function maskSecrets(line: string): string {
  return line.replace(
    /((?:pass|passwd|password|passphrase|pwd|secret|token)["']?\s*:\s*)("[^"]*"?|'[^']*'?|[^\s,}#][^,}]*)/gi,
    '$1***',
  );
}
