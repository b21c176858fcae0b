// What a checker's log lines and mails say, kind by kind, as keepalived words them.
import type { CheckTarget } from '../../../core/checker/target.ts';

export interface CheckerWords {
  passed(): string;
  /** A failure that does not count yet, or not alone. */
  failed(because: string): string;
  /** The failure that made it down. */
  exhausted(because: string, retries: number): readonly string[];
  /** The body of the mail. */
  mail(up: boolean, because: string): string;
}

export interface CheckerPlace {
  /** Where it connects: `[10.0.0.1]:tcp:3306`. */
  readonly target: string;
  readonly server: string;
  readonly virtualServer: string;
  /** As configured. */
  readonly retries: number;
}

const after = (retries: number): string => (retries === 0 ? 'failed.' : `failed after ${retries} retries.`);

/** TCP, UDP and ICMP: a connection, and a word for the kind. */
function connectionWords(connection: string, kind: string, mailed: string, target: string): CheckerWords {
  const failed = (because: string): string =>
    because === 'timeout' ? `${connection} ${target} timeout.` : `${connection} ${target} failed.`;
  return {
    passed: () => `${connection} ${target} success.`,
    failed,
    exhausted: (because, retries) => [failed(because), `${kind} on service ${target} ${after(retries)}`],
    mail: (up) => `=> ${mailed} ${up ? 'succeed' : 'failed'} on service <=`,
  };
}

/** These two name the retries that are allowed, even when the first look was final. */
function httpWords({ target, retries: allowed }: CheckerPlace): CheckerWords {
  // io/checkers/http.ts leaves the place of the server's name open.
  const failed = (because: string): string => {
    if (because.includes('%s')) return `${because.replace('%s', target)}.`;
    return because === 'timeout'
      ? `Timeout connecting server ${target}.`
      : `Error connecting server ${target} (${because}).`;
  };
  return {
    passed: () => `Remote Web server ${target} succeed on service.`,
    failed,
    exhausted: (because) => [failed(because), `HTTP_CHECK on service ${target} ${after(allowed)}`],
    mail: (up) =>
      up ? '=> CHECK succeed on service <=' : '=> CHECK failed on service : HTTP request failed <=',
  };
}

function smtpWords(target: string): CheckerWords {
  const server = target.replace(/:[a-z]+:/, ':');
  const what = (because: string): string => {
    if (because === 'timeout') return `Connection timeout to server ${server}`;
    return because.startsWith('E')
      ? `Could not connect to server ${server}`
      : `Error from server ${server}: ${because}`;
  };
  return {
    passed: () => `Remote SMTP server ${target} succeed on service.`,
    failed: (because) => `SMTP_CHECK ${what(because)}`,
    exhausted: (because) => [`SMTP_CHECK ${what(because)}`],
    mail: (up, because) =>
      up ? '=> CHECK succeed on service <=' : `=> CHECK failed on service : ${what(because)} <=`,
  };
}

function dnsWords(target: string): CheckerWords {
  const what = (because: string): string => (because === 'timeout' ? 'read timeout from socket.' : because);
  return {
    passed: () => `DNS_CHECK (${target}) success.`,
    failed: (because) => `DNS_CHECK (${target}) ${what(because)}`,
    exhausted: (because, retries) => [
      `DNS_CHECK (${target}) ${what(because).replace(/\.$/, '')}${retries === 0 ? '' : ` after ${retries} retries`}`,
    ],
    mail: (up) => `=> DNS_CHECK: ${up ? 'succeed' : 'failed'} on service <=`,
  };
}

function miscWords(path: string, { server, virtualServer, retries: allowed }: CheckerPlace): CheckerWords {
  const line = (what: string): string =>
    `Misc check for [${server} VS ${virtualServer}] by [${path}] ${what}.`;
  const made = `after ${allowed} ${allowed === 1 ? 'retry' : 'retries'}`;
  const tries = allowed === 0 ? 'with retry disabled' : made;
  // `failed (exited with status 1)`: the retries stand before the bracket.
  const tried = (because: string): string => {
    const bracket = because.indexOf(' (');
    const at = bracket < 0 ? because.length : bracket;
    return `${because.slice(0, at)} ${tries}${because.slice(at)}`;
  };
  return {
    passed: () => line('succeeded'),
    failed: (because) => line(because),
    exhausted: (because) => [line(tried(because))],
    mail: (up, because) => `=> MISC CHECK ${up ? 'succeeded' : because.replace(/ \(.*$/, '')} on service <=`,
  };
}

/** Kinds that keepalived has not, or has no words for. */
function ownWords(name: string, kind: string, target: string): CheckerWords {
  const failed = (because: string): string => `${name} on ${target} failed: ${because}.`;
  return {
    passed: () => `${name} on ${target} success.`,
    failed,
    exhausted: (because, retries) => [failed(because), `${kind} on service ${target} ${after(retries)}`],
    mail: (up, because) =>
      up ? `=> ${kind} succeed on service <=` : `=> ${kind} failed on service : ${because} <=`,
  };
}

export function checkerWords(look: CheckTarget, place: CheckerPlace): CheckerWords {
  const { target, server } = place;
  switch (look.kind) {
    case 'TCP_CHECK':
      return connectionWords('TCP connection to', 'TCP_CHECK', 'TCP CHECK', target);
    case 'UDP_CHECK':
      return connectionWords('UDP connection to', 'UDP_CHECK', 'UDP CHECK', target);
    case 'PING_CHECK':
      return connectionWords('ICMP connection to', 'ICMP CHECK', 'ICMP CHECK', server);
    case 'HTTP_GET':
    case 'SSL_GET':
      return httpWords(place);
    case 'SMTP_CHECK':
      return smtpWords(target);
    case 'DNS_CHECK':
      return dnsWords(target);
    case 'MISC_CHECK':
      return miscWords(look.command[0] ?? '', place);
    case 'FILE_CHECK':
      return ownWords(`File check of ${look.name}`, 'FILE_CHECK', server);
    case 'MYSQL_CHECK':
      return ownWords('MySQL check', 'MYSQL_CHECK', target);
  }
}
