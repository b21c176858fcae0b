// How the log, the mails and the FIFO name servers: as keepalived does, because programs read them.

/** `[10.0.0.1]:tcp:3306`. */
export const serviceName = (address: string, protocol: string, port: number): string =>
  `[${address}]:${protocol.toLowerCase()}:${port}`;
