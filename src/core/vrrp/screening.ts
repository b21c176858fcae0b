// Whose advert is it? Counts an advert and compares its addresses with ours, before BACKUP or MASTER judges it.
// keepalived before 2.3.3 drops an advert whose addresses differ at all, and both routers become master.

import { type Action, REPORTED_SOURCES_MAX, type Router, type RouterEvent } from './state.ts';
import { counted } from './transitions.ts';

type Heard = Extract<RouterEvent, { kind: 'advertisement' }>;

export interface Screening {
  readonly router: Router;
  readonly actions: readonly Action[];
  /** Whether the advert counts in the election. */
  readonly heed: boolean;
}

function reportOnce(router: Router, source: string, report: Action): Pick<Screening, 'router' | 'actions'> {
  const { reportedSources } = router;
  if (reportedSources.includes(source) || reportedSources.length >= REPORTED_SOURCES_MAX) {
    return { router, actions: [] };
  }
  return { router: { ...router, reportedSources: [...reportedSources, source] }, actions: [report] };
}

export function screen(before: Router, event: Heard): Screening {
  const { source, advertisement } = event;
  const { config } = before;
  const theirs = advertisement.addresses;
  const router = counted(
    before,
    'advertsReceived',
    ...(advertisement.priority === 0 ? (['priorityZeroReceived'] as const) : []),
  );
  const shared = config.addresses.filter((address) => theirs.includes(address)).length;
  if (shared === config.addresses.length && shared === theirs.length) {
    const reportedSources = router.reportedSources.filter((each) => each !== source);
    return { router: { ...router, reportedSources }, actions: [], heed: true };
  }
  const lists = `${theirs.join(', ') || 'nothing'} and not ${config.addresses.join(', ') || 'nothing'}`;
  const comparable = theirs.length > 0 && config.addresses.length > 0;
  const known = config.knownPeers === 'any' || config.knownPeers.includes(source);
  if (shared === 0 && comparable && !known) {
    const because = `${source} uses virtual router id ${config.vrid} on this network for ${lists}: another group of routers; one of the two needs another id`;
    const report = reportOnce(counted(router, 'foreignReceived'), source, {
      kind: 'vridConflict',
      because,
      source,
      addresses: theirs,
    });
    return { ...report, heed: false };
  }
  const because = `${source} advertises ${lists}: the two configurations differ`;
  const report = reportOnce(router, source, { kind: 'addressMismatch', because, source, addresses: theirs });
  return { ...report, heed: true };
}
