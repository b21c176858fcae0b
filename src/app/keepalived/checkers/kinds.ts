// From a checker of the configuration to the function that looks: io/checkers, a file a kind.

import type { CheckerConfig } from '../../../config/keepalived/lvstypes.ts';
import type { KeepalivedConfig } from '../../../config/keepalived/types.ts';
import { readSecret } from '../../../config/secret.ts';
import type { MysqlTarget, Verdict } from '../../../core/checker/target.ts';
import { OperatorError } from '../../../core/error.ts';
import { dnsCheck } from '../../../io/checkers/dns.ts';
import { httpCheck } from '../../../io/checkers/http.ts';
import { miscCheck } from '../../../io/checkers/misc.ts';
import { MysqlCheck } from '../../../io/checkers/mysql.ts';
import { pingCheck } from '../../../io/checkers/ping.ts';
import { smtpCheck } from '../../../io/checkers/smtp.ts';
import { tcpCheck } from '../../../io/checkers/tcp.ts';
import { udpCheck } from '../../../io/checkers/udp.ts';
import type { Outlets } from '../outlets.ts';
import { scriptDesk } from '../scripts.ts';

export interface Looker {
  /** Never rejects, and ends within the checker's own limit. */
  look(step: number, signal: AbortSignal): Promise<Verdict>;
  close(): void;
}

const nothingToClose = (): void => undefined;

/** Read at each log-in, so that a file that was mended counts without a reload. */
function passwordOf({ passwordFile }: MysqlTarget): string {
  if (passwordFile === null) return '';
  const { value, warning } = readSecret(
    passwordFile,
    'password of the MYSQL_CHECK account',
    'write the password of the account into it, alone, and chmod 600 it',
  );
  if (warning === null) return value;
  throw new OperatorError(
    'secret-exposed',
    `${warning}; it is not used until then`,
    `chmod 600 ${passwordFile}`,
  );
}

function mysqlLooker(target: MysqlTarget): Looker {
  const check = new MysqlCheck(target, () => passwordOf(target));
  return { look: (_step, signal) => check.look(signal), close: () => check.close() };
}

function miscLooker(checker: CheckerConfig, config: KeepalivedConfig, log: Outlets['log']): Looker {
  const { target, script } = checker;
  if (target.kind !== 'MISC_CHECK' || script === null)
    throw new Error('assertion failed: a MISC_CHECK with a script');
  const account = target.user === null ? null : { user: target.user, group: target.group };
  const prepared = scriptDesk(config).prepare(script, account);
  for (const line of prepared.lines) log('warn', line);
  if (prepared.kind === 'disabled') {
    const because = `is not run (${prepared.why})`;
    return { look: async () => ({ ok: false, because, late: false }), close: nothingToClose };
  }
  const { timeoutMs, dynamic } = target;
  return {
    look: (_step, signal) => miscCheck({ command: prepared.command, timeoutMs, dynamic }, signal),
    close: nothingToClose,
  };
}

/** null: a FILE_CHECK looks by itself (filecheck.ts). */
export function makeLooker(
  checker: CheckerConfig,
  config: KeepalivedConfig,
  log: Outlets['log'],
): Looker | null {
  const { target } = checker;
  const plain = (look: (signal: AbortSignal) => Promise<Verdict>): Looker => ({
    look: (_step, signal) => look(signal),
    close: nothingToClose,
  });
  switch (target.kind) {
    case 'TCP_CHECK':
      return plain((signal) => tcpCheck(target.connection, signal));
    case 'PING_CHECK':
      return plain((signal) => pingCheck(target.connection, signal));
    case 'SMTP_CHECK':
      return plain((signal) => smtpCheck(target.connection, target.helo, signal));
    case 'DNS_CHECK':
      return plain((signal) => dnsCheck(target.connection, target.type, target.name, signal));
    case 'UDP_CHECK':
      return plain((signal) => udpCheck(target, signal));
    case 'HTTP_GET':
    case 'SSL_GET':
      return { look: (step, signal) => httpCheck(target, step, signal), close: nothingToClose };
    case 'MYSQL_CHECK':
      return mysqlLooker(target);
    case 'MISC_CHECK':
      return miscLooker(checker, config, log);
    case 'FILE_CHECK':
      return null;
  }
}
