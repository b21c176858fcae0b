// Everything together: the facts of a pair, or of one host of it, become findings in the order to look at them.
import type { Facts, ServerFacts } from './facts.ts';
import { type Finding, inOrder } from './finding.ts';
import { compareServers } from './rules-between.ts';
import { DURABILITY_RULES } from './rules-durability.ts';
import { judgeHosts, judgePair } from './rules-pair.ts';
import { judgeServer } from './rules-server.ts';
import { judge, SETTING_RULES } from './rules-settings.ts';
import { settingsOfServer } from './settings.ts';

export function diagnose(facts: Facts): Finding[] {
  const settingsFor = (server: ServerFacts) => {
    const steered = facts.agents.some((each) => each.node === server.node && each.answers);
    return settingsOfServer(server.node, server.version, server.variables, steered);
  };
  const settings = facts.servers.map(settingsFor);
  const [first, second] = settings;
  const silent = facts.silentServers.map(
    ({ node, because }): Finding => ({
      code: 'server-silent',
      severity: 'error',
      about: node,
      what: because,
      why: 'a server that does not answer can be neither looked at nor used',
      mend: 'start it, and see that the accounts of pair.yaml may log in (twinkeep setup makes them)',
    }),
  );
  const found = [
    ...silent,
    ...settings.flatMap((each) => judge([...SETTING_RULES, ...DURABILITY_RULES], each, facts.pair)),
    ...facts.servers.flatMap((server) => judgeServer(server, facts)),
    ...(first !== undefined && second !== undefined ? compareServers(first, second) : []),
    ...judgeHosts(facts),
    ...judgePair(facts),
  ];
  return inOrder(withoutRepeats(found));
}

/** A filter may show as a variable and in the channel's status: one finding is enough. */
function withoutRepeats(findings: readonly Finding[]): Finding[] {
  const key = ({ about, code, what }: Finding): string => `${about} ${code} ${what.toLowerCase()}`;
  return [...new Map(findings.toReversed().map((each) => [key(each), each])).values()].reverse();
}
