// A line of virtual_rules or static_rules as a RuleSpec: the words of `ip rule add` in any order, with keepalived's no_track and
// track_group. network.ts calls it with the words that the schema kept.
import type { IpFamily } from '../../core/ip/address.ts';
import { PROTOCOL_KEEPALIVED } from '../../core/netlink/route.ts';
import type { RuleSpec } from '../../core/netlink/rule.ts';
import type { Report } from './findings.ts';
import type { RouteNames } from './routenames.ts';
import { type Draft, emptyRule, readRuleWord } from './rules-entries-words.ts';
import { WordReader } from './wordreader.ts';
import type { Word } from './words.ts';

/** RULE_START_PRIORITY of the C daemon: rules without a preference get this one and those below it, in the order of the file. */
const PREFERENCE_FIRST = 16_384;

/** The preferences given out so far, by family. Of one configuration: the C daemon starts anew with each. */
export interface Preferences {
  next: Record<IpFamily, number>;
}

export const newPreferences = (): Preferences => ({ next: { 4: PREFERENCE_FIRST, 6: PREFERENCE_FIRST } });

function familyOf(draft: Draft): IpFamily | null {
  const families = new Set<IpFamily>(draft.inet === null ? [] : [draft.inet]);
  for (const prefix of [draft.from, draft.to])
    if (prefix !== null && prefix !== 'any') families.add(prefix.family);
  return families.size > 1 ? null : ([...families][0] ?? 4);
}

function checkDraft(reader: WordReader, first: Word, draft: Draft, family: IpFamily): void {
  const fail = (code: string, message: string, hint: string) => reader.fail(first, code, message, hint);
  if (draft.action === null)
    fail(
      'rule-action',
      'the rule does nothing',
      'add table NAME, or blackhole, unreachable, prohibit, goto N',
    );
  if (draft.action === 'goto' && (draft.preference === null || draft.preference >= (draft.goto ?? 0)))
    fail(
      'rule-goto',
      'a goto needs a preference of its own that is below its target',
      `write preference N goto M with N below M`,
    );
  const ofLookup =
    draft.realms !== null || draft.suppressPrefixLength !== null || draft.suppressGroup !== null;
  if (draft.action !== null && draft.action !== 'lookup' && ofLookup)
    fail('rule-action', 'realms and suppress_... belong to a rule with a table', 'remove them');
  if (draft.realms !== null && family === 6)
    fail('rule-family', '`realms` is for IPv4 rules only', 'remove `realms`');
}

function checkTracking(reader: WordReader, first: Word, draft: Draft): void {
  if (draft.trackGroup !== null && draft.iif === null) {
    reader.complain(
      first,
      'rule-untracked',
      'a rule with a track_group needs an interface; it is not tracked',
      'add iif INTERFACE',
    );
    draft.trackGroup = null;
  }
  if (draft.trackGroup !== null && !draft.tracked) {
    reader.complain(
      first,
      'track-both',
      'the rule has both track_group and no_track; it is not tracked',
      'remove one of the two',
    );
    draft.trackGroup = null;
  }
  if (!draft.tracked || draft.protocol === null || draft.protocol === PROTOCOL_KEEPALIVED) return;
  reader.complain(
    first,
    'rule-protocol',
    `a rule of another protocol cannot be tracked; it becomes protocol keepalived (${PROTOCOL_KEEPALIVED})`,
    'remove protocol, or add no_track',
  );
  draft.protocol = PROTOCOL_KEEPALIVED;
}

function givePreference(reader: WordReader, first: Word, family: IpFamily, given: Preferences): number {
  const preference = given.next[family]--;
  reader.complain(
    first,
    'rule-preference',
    `the rule has no preference; ${preference} is taken, and the next rule without one gets ${preference - 1}`,
    'write preference N: the order of rules is what they are about',
  );
  return preference;
}

/** null: something was wrong and is reported; the C daemon leaves such a rule out too. */
export function readRule(
  words: readonly Word[],
  names: RouteNames,
  isStatic: boolean,
  preferences: Preferences,
  report: Report,
): RuleSpec | null {
  const [first] = words;
  if (first === undefined) return null;
  const reader = new WordReader(words, report);
  const draft = emptyRule(names, isStatic);
  for (let word = reader.next(); word !== null && !reader.failed; word = reader.next())
    readRuleWord(reader, word, draft);
  if (reader.failed) return null;
  const family = familyOf(draft);
  if (family === null) {
    reader.fail(first, 'rule-family', 'the rule mixes IPv4 and IPv6', 'write addresses of one family');
    return null;
  }
  checkDraft(reader, first, draft, family);
  if (reader.failed || draft.action === null) return null;
  checkTracking(reader, first, draft);
  const { names: _names, isStatic: _isStatic, inet: _inet, ...rule } = draft;
  return {
    ...rule,
    text: words.map((word) => word.text).join(' '),
    family,
    action: draft.action,
    from: draft.from === 'any' ? null : draft.from,
    to: draft.to === 'any' ? null : draft.to,
    preference: draft.preference ?? givePreference(reader, first, family, preferences),
    protocol: draft.protocol ?? PROTOCOL_KEEPALIVED,
  };
}
