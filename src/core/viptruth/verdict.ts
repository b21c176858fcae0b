// What the answers to one question mean. Called when a question closes (machine.ts).

import type { BadVerdict, Verdict, VipTruthState } from './state.ts';

export interface Seen {
  readonly verdict: Verdict;
  readonly because: string;
}

export function isBad(verdict: Verdict): verdict is BadVerdict {
  return verdict === 'duplicate' || verdict === 'silent' || verdict === 'stranger';
}

function named(state: VipTruthState, mac: string): string {
  if (mac === state.peerMac) return `${mac} (the peer)`;
  return state.peerMac === null ? mac : `${mac} (neither this host nor the peer)`;
}

function asHolder(state: VipTruthState, answers: readonly string[]): Seen {
  const { vip } = state.settings;
  if (answers.length === 0)
    return { verdict: 'true', because: `held here, and nobody else answers for ${vip}` };
  const others = answers.map((mac) => named(state, mac)).join(' and ');
  return {
    verdict: 'duplicate',
    because: `the VIP ${vip} is held here, but ${others} answers for it, too: take the address off that host`,
  };
}

function asOther(state: VipTruthState, answers: readonly string[]): Seen {
  const { vip } = state.settings;
  const [first, second] = answers;
  if (first === undefined) {
    if (!state.peerHolds)
      return { verdict: 'unheld', because: `nobody claims ${vip}, and nobody answers for it` };
    return {
      verdict: 'silent',
      because: `the peer says that it holds the VIP ${vip}, but nobody answers for it: clients cannot find it (is ARP or neighbour discovery filtered on the peer or by the switch? arp_ignore?)`,
    };
  }
  if (second !== undefined) {
    const all = answers.map((mac) => named(state, mac)).join(' and ');
    return {
      verdict: 'duplicate',
      because: `${all} both answer for the VIP ${vip}: two hosts hold it, or one host answers on two interfaces of this network (arp_ignore)`,
    };
  }
  const expected = state.peerMac ?? state.holderMac;
  if (expected === null || first === expected)
    return { verdict: 'true', because: `only ${named(state, first)} answers for ${vip}` };
  const rightful = state.peerMac === null ? `so far ${expected} did` : `the peer has ${expected}`;
  return {
    verdict: 'stranger',
    because: `${first} answers for the VIP ${vip}, and is neither this host nor its peer (${rightful}): clients are led to a host that is not of this pair`,
  };
}

/** The verdict on the answers that came while a question was open. */
export function judge(state: VipTruthState, answers: readonly string[]): Seen {
  return state.held ? asHolder(state, answers) : asOther(state, answers);
}
