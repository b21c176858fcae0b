// What an operator should know of this node now, each with what lifts it: faults of its own, of the witness, of the VIP.

import { evidenceAgainstWriter, unfit } from '../core/pair/eligibility.ts';
import { witnessFaults } from '../core/pair/keeping.ts';
import { whyAlone } from '../core/pair/pairing.ts';
import type { Reason } from '../core/pair/reason.ts';
import type { PairState } from '../core/pair/state.ts';
import type { Verdict } from '../core/viptruth/state.ts';
import { isBad } from '../core/viptruth/verdict.ts';
import type { WireDetail } from '../io/agentlink/link.ts';
import type { VipLeadView } from './viptruth.ts';

const VIP_LIFTS: Partial<Record<Verdict, string>> = {
  duplicate:
    'take the address off the host that has no right to it (`ip address del`), and find out what put it there: keepalived, ifup, a cloned machine',
  silent: 'by itself, when the VIP answers ARP or neighbour solicitations again',
  stranger: 'take the address off that host: its MAC address is named above',
};

function vipWarnings(wire: WireDetail | null, leads: readonly VipLeadView[]): Reason[] {
  const onSegment = (wire?.vipTruth ?? [])
    .filter(({ verdict }) => isBad(verdict))
    .map(({ verdict, because }) => ({ code: `vip-${verdict}`, because, lift: VIP_LIFTS[verdict] ?? '' }));
  const astray = leads
    .filter(({ verdict }) => verdict === 'astray')
    .map(({ because }) => ({
      code: 'vip-leads-astray',
      because,
      lift: 'by itself, when the VIP leads to the writer again: look for a second host with the address, and for a static ARP entry or route on the way',
    }));
  return [...onSegment, ...astray];
}

/** What MariaDB, and our adapter, say of a server whose history went another way. */
const isErrant = (error: string): boolean =>
  /out-of-order sequence number|went another way|slave has diverged|not in the master's binlog/i.test(error);

function channelWarnings(state: PairState): Reason[] {
  const channel = state.own.status?.channel;
  const found: Reason[] = [];
  if (channel?.receiverError != null && state.role !== 'writing') {
    found.push({
      code: 'receiver-error',
      because: `receiver: ${channel.receiverError}`,
      lift:
        channel.receiverLift ??
        `by itself, when ${state.settings.peer} can be reached with the replication account; if the error stays: \`twinkeep setup\` checks the channel`,
    });
  }
  if (channel?.applierError != null) {
    const { self, peer } = state.settings;
    const errant = isErrant(channel.applierError) || isErrant(channel.receiverError ?? '');
    if (errant) {
      found.push({
        code: 'errant',
        because:
          state.role === 'writing'
            ? `${peer} sends transactions that are none of ${self}'s history (errant): they are not applied here`
            : `${self} holds transactions that ${peer} never had (errant): its history went another way`,
        lift: '`twinkeep salvage list` shows them, row by row; then `twinkeep salvage replay` or `discard`',
      });
    }
    found.push({
      code: 'applier-error',
      because: `applier: ${channel.applierError}`,
      lift:
        channel.applierLift ??
        'mend what the error names, then START SLAVE SQL_THREAD (START REPLICA SQL_THREAD); nothing is skipped by itself',
    });
  }
  return found;
}

export function warningsOf(
  state: PairState,
  wire: WireDetail | null,
  leads: readonly VipLeadView[],
): readonly Reason[] {
  const { settings, record, role, said } = state;
  const limits = (state.own.status?.limits ?? []).map((limit) => ({ code: 'server-limit', ...limit }));
  const found: Reason[] = [...unfit(state), ...witnessFaults(state), ...limits];
  const blocked = said['vrrp-blocked'];
  if (blocked !== undefined) {
    found.push({
      code: 'vrrp-blocked',
      because: blocked,
      lift: 'let IP protocol 112 through between the hosts, in both directions (nft list ruleset shows what drops it)',
    });
  }
  if (record.sync === 'alone' && role === 'writing') {
    found.push(whyAlone(state));
  }
  const evidence = role === 'following' ? evidenceAgainstWriter(state) : null;
  if (evidence !== null) {
    found.push({
      code: 'writer-silent',
      because: evidence.because,
      lift: `by itself, when ${settings.peer} is heard again, or ${settings.self} may take over (\`twinkeep why ${settings.self}\`)`,
    });
  }
  return [...found, ...channelWarnings(state), ...vipWarnings(wire, leads)];
}
