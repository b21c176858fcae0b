// The kernel's own account of a host's addresses: what was taken away, even if it came back at once.

import { spawn } from 'node:child_process';
import type { HostName, Network } from './network.ts';

export interface AddressWatch {
  /** Addresses that were deleted since. */
  deleted(): string[];
  close(): void;
}

export async function watchAddresses(network: Network, host: HostName): Promise<AddressWatch> {
  const child = spawn('ip', ['-n', network.namespace(host), '-o', 'monitor', 'address'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  // It prints nothing when it begins; an address of its own, set and taken away until it is seen, says that it listens.
  for (let i = 0; !text.includes('127.0.0.77') && i < 100; i++) {
    await network.ip(host, 'addr add 127.0.0.77/8 dev lo');
    await network.ip(host, 'addr del 127.0.0.77/8 dev lo');
  }
  return {
    deleted: () => [...text.matchAll(/^Deleted .*? inet ([0-9.]+)/gm)].map((match) => match[1] ?? ''),
    close: () => void child.kill('SIGKILL'),
  };
}
