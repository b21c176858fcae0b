// no_accept and strict mode: traffic to the VIPs of a router that is not their owner is dropped.

export interface AcceptGuard {
  deny(addresses: readonly string[]): void;
  allow(addresses: readonly string[]): void;
  close(): void;
}

export function openAcceptGuard(_tableName: string): AcceptGuard {
  return { deny: () => {}, allow: () => {}, close: () => {} };
}
