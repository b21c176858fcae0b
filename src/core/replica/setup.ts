// Set-up's decision for one further replica: from what was seen on it and on the node that it is to replicate from, the steps
// that join it, or every reason why it cannot be joined. Run again on one that is joined, it finds no step.
import { contains, lacking } from '../gtid/gtid.ts';
import type { Refusal, SeenChannel, SetupNode } from '../pair/setup-facts.ts';
import { settingProblems } from '../pair/setup-settings.ts';

export interface ReplicaSetupInput {
  readonly replica: SetupNode;
  readonly nodes: readonly SetupNode[];
  /** The node among them that it is to begin with. */
  readonly source: string;
  readonly port: number;
  readonly replicationUser: string;
  readonly heartbeatS: number;
}

export type ReplicaSetupStep =
  | { readonly kind: 'account'; readonly node: string; readonly what: string; readonly sql: string }
  | { readonly kind: 'position'; readonly node: string; readonly what: string; readonly gtid: string }
  | {
      readonly kind: 'point';
      readonly node: string;
      readonly what: string;
      readonly source: string;
      readonly host: string;
    }
  | { readonly kind: 'start'; readonly node: string; readonly what: string };

export type ReplicaSetupPlan =
  | { readonly ok: true; readonly steps: readonly ReplicaSetupStep[]; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly refusals: readonly Refusal[]; readonly warnings: readonly string[] };

const listed = (names: readonly string[]): string =>
  names.slice(0, 8).join(', ') + (names.length > 8 ? ` and ${names.length - 8} more` : '');

const cloneHint = (replica: SetupNode, source: SetupNode): string =>
  `make ${replica.name} a copy of ${source.name} (docs/REPLICAS.md, "A copy by hand"); then run setup again`;

function serverProblems({ replica, nodes }: ReplicaSetupInput): Refusal[] {
  const { name, seen } = replica;
  const found: Refusal[] = [];
  const twin = nodes.find((node) => node.seen.serverId === seen.serverId);
  if (twin !== undefined)
    found.push({
      code: 'server-ids',
      message: `${name} and ${twin.name} have server_id ${seen.serverId}: each ignores what the other gave`,
      hint: `set server_id = ${replica.required.find((each) => each.name === 'server_id')?.value ?? '?'} on ${name}, and restart it`,
    });
  const other = nodes.find((node) => node.seen.family !== seen.family);
  if (other !== undefined)
    found.push({
      code: 'server-family',
      message: `${name} runs ${seen.version}, and ${other.name} ${other.seen.version}: GTIDs of the one mean nothing to the other`,
      hint: `run the same kind of server on ${name}`,
    });
  if (seen.otherChannels.length > 0)
    found.push({
      code: 'other-channel',
      message: `${name} has further replication channels: ${seen.otherChannels.join(', ')}`,
      hint: 'a replica of the pair replicates from the pair only; remove them (RESET SLAVE ALL, RESET REPLICA ALL)',
    });
  return found;
}

/** Whether what the replica holds is a part of the pair's history, and the source can send the rest. */
function dataProblems(replica: SetupNode, source: SetupNode, nodes: readonly SetupNode[]): Refusal[] {
  const { name, seen } = replica;
  const hint = cloneHint(replica, source);
  if (seen.executed === '') {
    if (seen.tables.length > 0)
      return [
        {
          code: 'data-unknown',
          message: `${name} holds tables and no position in the history of the pair: ${listed(seen.tables)}`,
          hint: `if they are of no value, empty the server; otherwise ${hint}`,
        },
      ];
    if (source.seen.executed === '' && source.seen.tables.length > 0)
      return [
        {
          code: 'data-older-than-log',
          message: `${source.name} holds tables that are not in its binary log (${listed(source.seen.tables)}), so that ${name} would never get them`,
          hint,
        },
      ];
  } else {
    // A node that has it all is enough: the other one may be behind.
    const missing = nodes.map((node) => lacking(seen.history, node.seen.history));
    const errant = missing.some((each) => each?.length === 0)
      ? []
      : lacking(seen.history, source.seen.history);
    if (errant === null || errant.length > 0)
      return [
        {
          code: 'errant',
          message: `${name} holds transactions that ${source.name} never had: ${errant === null ? seen.executed : listed(errant)}`,
          hint: `see what they are; then ${hint}`,
        },
      ];
  }
  if (contains(seen.executed, source.seen.purged)) return [];
  return [
    {
      code: 'log-purged',
      message: `${name} stands at ${seen.executed || 'nothing'}, and the binary log of ${source.name} no longer holds what comes next (it has let go of ${source.seen.purged})`,
      hint,
    },
  ];
}

function isRight(channel: SeenChannel | null, input: ReplicaSetupInput): boolean {
  if (channel === null) return false;
  return (
    input.nodes.some((node) => node.address === channel.host) &&
    channel.port === input.port &&
    channel.user === input.replicationUser &&
    channel.usingGtid &&
    channel.heartbeatS > 0 &&
    channel.heartbeatS <= input.heartbeatS
  );
}

function steps(input: ReplicaSetupInput, source: SetupNode): ReplicaSetupStep[] {
  const { replica } = input;
  const { name, seen } = replica;
  const { channel, fetchFrom, executed } = seen;
  const found: ReplicaSetupStep[] = seen.accountStatements.map(({ what, sql }) => ({
    kind: 'account',
    node: name,
    what: `${what} on ${name}`,
    sql,
  }));
  const running = channel?.running === true;
  if (fetchFrom !== null && !running && executed !== '' && !contains(fetchFrom, executed))
    found.push({
      kind: 'position',
      node: name,
      gtid: executed,
      what: `tell ${name} to fetch from ${executed} on, what it holds already`,
    });
  if (!isRight(channel, input))
    found.push({
      kind: 'point',
      node: name,
      source: source.name,
      host: source.address,
      what: `${channel === null ? 'make' : 'correct'} the replication channel of ${name} from ${source.name} (${source.address}:${input.port}), and start it`,
    });
  else if (!running) found.push({ kind: 'start', node: name, what: `start the channel of ${name}` });
  return found;
}

export function planReplicaSetup(input: ReplicaSetupInput): ReplicaSetupPlan {
  const { replica, nodes } = input;
  const source = nodes.find((node) => node.name === input.source);
  const settings = settingProblems(replica);
  const warnings = [
    ...settings.warnings,
    ...replica.seen.privileged.map(
      (account) =>
        `${replica.name}: ${account} may write to a read-only server: an application must not use it`,
    ),
  ];
  const refusals = [...settings.refusals, ...serverProblems(input)];
  if (source !== undefined && replica.seen.logBin && refusals.length === 0)
    refusals.push(...dataProblems(replica, source, nodes));
  if (refusals.length > 0 || source === undefined) return { ok: false, refusals, warnings };
  return { ok: true, steps: steps(input, source), warnings };
}
