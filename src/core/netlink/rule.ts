// Policy rules over rtnetlink (ip-rule(8)): what keepalived.conf calls virtual_rules and static_rules.

/** One rule, as plain data. */
export interface RuleSpec {
  /** As typed, for messages. */
  readonly text: string;
}
