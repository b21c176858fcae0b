// Keys of pair.yaml that are read and checked, and not served yet. When a version starts to serve one, its line goes.
import type { PairConfig } from './types.ts';

export interface NotYet {
  readonly path: string;
  /** What happens instead. */
  readonly meanwhile: string;
}

const LATER: readonly (NotYet & { readonly used: (config: PairConfig) => boolean })[] = [
  { path: 'vips.single', used: (c) => c.vips.single.length > 0, meanwhile: 'no node will hold these VIPs' },
  { path: 'proxy', used: (c) => c.proxy !== null, meanwhile: 'no proxy is started' },
  { path: 'notify', used: (c) => c.notify !== null, meanwhile: 'nobody is told' },
];

/** What this file asks for and this version does not do. */
export function notYet(config: PairConfig): NotYet[] {
  return LATER.filter((each) => each.used(config));
}
