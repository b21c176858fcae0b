// Where the API of a host of the pair is reached: at its own address, unless `api.listen` names one.
import type { PairConfig } from './types.ts';

/** `address` as a URL has it. */
export const bracketed = (address: string): string => (address.includes(':') ? `[${address}]` : address);

/** Every host listens on its own address: `api.listen` names none. */
export const listensEverywhere = ({ api }: PairConfig): boolean =>
  api.host === '0.0.0.0' || api.host === '::';

export function apiUrl(config: PairConfig, host: { readonly address: string }, path: string): string {
  const address = listensEverywhere(config) ? host.address : config.api.host;
  return `http://${bracketed(address)}:${config.api.port}${path}`;
}
