// The edge where a refused system call becomes a sentence for the operator: what was tried, why the kernel said no,
// and the mend. Every open... function of this folder runs inside `explained`.

import { readFileSync } from 'node:fs';
import { OperatorError } from '../../core/error.ts';
import { LinuxError } from './libc.ts';

export type Capability = 'CAP_NET_ADMIN' | 'CAP_NET_RAW';

export interface Attempt {
  /** Continues "cannot ...", e.g. `open the VRRP socket on eth0`. */
  readonly doing: string;
  readonly needs: Capability;
  readonly interfaceName?: string;
}

/** The names of this thread's network namespace; empty when /proc is not to be had. */
export function interfaceNames(): string[] {
  try {
    const lines = readFileSync('/proc/thread-self/net/dev', 'utf8').split('\n').slice(2);
    return lines.flatMap((line) => {
      const name = line.split(':')[0]?.trim();
      return name === undefined || name === '' ? [] : [name];
    });
  } catch {
    return [];
  }
}

export function noSuchInterface(doing: string, name: string): OperatorError {
  const names = interfaceNames();
  const existing = names.length === 0 ? '' : ` The interfaces of this host are: ${names.join(', ')}.`;
  return new OperatorError(
    'no-such-interface',
    `cannot ${doing}: there is no interface ${name}`,
    `Name an existing interface in the configuration.${existing}`,
  );
}

function hintFor(error: LinuxError, attempt: Attempt): [code: string, hint: string] {
  switch (error.errno) {
    case 'EPERM':
    case 'EACCES':
      if (error.call.includes('ADDR') && error.errno === 'EACCES') {
        return ['ipv6-disabled', 'Set net.ipv6.conf.<interface>.disable_ipv6 to 0, or use an IPv4 address.'];
      }
      return [
        'missing-capability',
        `${attempt.needs} is missing: run as root, or grant it in the systemd unit (AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW).`,
      ];
    case 'EAFNOSUPPORT':
      return [
        'address-family',
        'This kernel runs without that address family; use the other family, or enable it (ipv6.disable=0).',
      ];
    case 'EPROTONOSUPPORT':
    case 'ENOTSUPP':
    case 'EOPNOTSUPP':
    case 'ENOENT':
      return ['kernel-feature', 'The kernel lacks this feature, or its module is not loaded.'];
    case 'EADDRINUSE':
      return ['address-in-use', 'Stop the other program that holds it, or choose another address.'];
    case 'EADDRNOTAVAIL':
      return [
        'address-not-available',
        'Check that the address belongs to this host and that its interface is up.',
      ];
    case 'EMFILE':
    case 'ENFILE':
      return ['too-many-files', 'Raise the limit of open files (LimitNOFILE= in the systemd unit).'];
    case 'ENOBUFS':
    case 'ENOMEM':
      return [
        'out-of-memory',
        'The kernel is out of memory or over a limit (net.ipv4.igmp_max_memberships, net.core.optmem_max).',
      ];
    default:
      return ['kernel-refused', 'This is unexpected here; `twinkeep doctor` checks what the host provides.'];
  }
}

/** The OperatorError for a LinuxError; anything else is a defect and comes back unchanged. */
export function explain(error: unknown, attempt: Attempt): unknown {
  if (!(error instanceof LinuxError)) return error;
  if (error.errno === 'ENODEV' && attempt.interfaceName !== undefined) {
    return noSuchInterface(attempt.doing, attempt.interfaceName);
  }
  const [code, hint] = hintFor(error, attempt);
  return new OperatorError(code, `cannot ${attempt.doing}: ${error.message}`, hint);
}

/** Runs `work`; what the kernel refuses inside it is thrown as an OperatorError. */
export function explained<T>(attempt: Attempt, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw explain(error, attempt);
  }
}
