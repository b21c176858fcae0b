// Set-up's decision: from what was seen on two servers, the steps that make them a pair, or every reason why they
// cannot be one yet. Run again on a pair that is set up, it finds no step. Carried out by io/database/setup.ts.
import type { ServerFamily } from '../family.ts';
import { contains } from '../gtid/gtid.ts';
import { dataProblems, emptyNode } from './setup-data.ts';
import type { Refusal, SetupInput, SetupNode } from './setup-facts.ts';
import { beginning, gtidModeProblem, type LogPlace } from './setup-places.ts';
import { serverProblems, settingProblems } from './setup-settings.ts';

export type SetupStep =
  | {
      readonly kind: 'account';
      readonly node: string;
      readonly what: string;
      readonly sql: string;
    }
  | { readonly kind: 'position'; readonly node: string; readonly gtid: string; readonly what: string }
  | {
      readonly kind: 'channel';
      readonly node: string;
      readonly host: string;
      readonly port: number;
      readonly user: string;
      /** Without GTIDs: where it begins in the other's log, or goes on where it stands. */
      readonly place?: LogPlace | 'where it stands';
      readonly what: string;
    }
  | { readonly kind: 'start'; readonly node: string; readonly what: string }
  /** Whether a history that was read from its start has brought all of the other's data. */
  | { readonly kind: 'compare'; readonly node: string; readonly with: string; readonly what: string };

const WRITES_ANYWAY: Readonly<Record<ServerFamily, string>> = {
  mariadb: 'READ ONLY ADMIN or ALL PRIVILEGES',
  mysql: 'CONNECTION_ADMIN or SUPER, where only read_only is on',
  mysql56: 'SUPER',
};

export type SetupPlan =
  | { readonly ok: true; readonly steps: readonly SetupStep[]; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly refusals: readonly Refusal[]; readonly warnings: readonly string[] };

function channelStep(input: SetupInput, node: SetupNode, peer: SetupNode): SetupStep | null {
  const { channel } = node.seen;
  const right =
    channel !== null &&
    channel.port === input.port &&
    channel.user === input.replicationUser &&
    (channel.usingGtid || input.positioning === 'binlog') &&
    channel.heartbeatS > 0 &&
    channel.heartbeatS <= input.heartbeatS &&
    channel.connectRetryS === 1 &&
    !peer.seen.accountStatements.some((each) => each.newReplicationPassword);
  if (right) return null;
  const from = beginning(node, peer);
  const place = from ?? (peer.seen.places === undefined ? undefined : 'where it stands');
  const how =
    from !== undefined ? `from ${from.file}:${from.offset}` : place === undefined ? 'by GTID' : place;
  return {
    kind: 'channel',
    node: node.name,
    host: peer.address,
    port: input.port,
    user: input.replicationUser,
    ...(place === undefined ? {} : { place }),
    what: `${channel === null ? 'make' : 'correct'} the replication channel of ${node.name} from ${peer.name} (${peer.address}:${input.port}, ${how})`,
  };
}

/** The place to fetch from must name all that the node has, or it would fetch its own transactions again. */
function positionStep(node: SetupNode): SetupStep | null {
  const { executed, fetchFrom, channel } = node.seen;
  if (fetchFrom === null || channel?.running || executed === '' || contains(fetchFrom, executed)) return null;
  return {
    kind: 'position',
    node: node.name,
    gtid: executed,
    what: `set gtid_slave_pos of ${node.name} to ${executed}, what it holds already`,
  };
}

function stepsFor(input: SetupInput): SetupStep[] {
  const [a, b] = input.nodes;
  const accounts = input.nodes.flatMap(({ name, seen }) =>
    seen.accountStatements.map(({ what, sql }) => ({
      kind: 'account' as const,
      node: name,
      what: `${what} on ${name}`,
      sql,
    })),
  );
  // The one that lags starts first: a source refuses a replica that is ahead of it.
  const order = contains(a.seen.executed, b.seen.executed) ? [b, a] : [a, b];
  const channels = order.flatMap((node) => {
    const peer = node === a ? b : a;
    const channel = channelStep(input, node, peer);
    const position = positionStep(node);
    const starts = channel !== null || position !== null || node.seen.channel?.running !== true;
    return [
      ...(position ? [position] : []),
      ...(channel ? [channel] : []),
      ...(starts
        ? [{ kind: 'start' as const, node: node.name, what: `start the channel of ${node.name}` }]
        : []),
    ];
  });
  return [...accounts, ...channels, ...compareSteps(input)];
}

/** Nothing tells beforehand that a binary log goes back to the first row: it may have been switched on, or reset, later. */
function compareSteps(input: SetupInput): SetupStep[] {
  const empty = emptyNode(input);
  const full = input.nodes.find((node) => node !== empty);
  if (empty === null || full === undefined || full.seen.tables.length === 0) return [];
  return [
    {
      kind: 'compare',
      node: empty.name,
      with: full.name,
      what: `compare the tables that ${empty.name} has got with those of ${full.name}`,
    },
  ];
}

function familyProblem(a: SetupNode, b: SetupNode): Refusal[] {
  if (a.seen.family === b.seen.family) return [];
  return [
    {
      code: 'server-family',
      message: `${a.name} runs ${a.seen.version} and ${b.name} ${b.seen.version}: these do not replicate from each other in both directions`,
      hint: 'run the same server, in the same version, on both nodes',
    },
  ];
}

const stemOf = (file: string): string => file.replace(/\.[0-9]+$/, '');

/**
 * A server that was started with another log_bin begins an empty log: what the other one had not fetched yet stands in files that no
 * channel reads any more, and nothing would miss it. Seen on MariaDB 10.11.
 */
function renamedLogProblem(node: SetupNode, peer: SetupNode): Refusal[] {
  const { channel } = node.seen;
  const kept = peer.seen.logFiles ?? [];
  if (channel?.readsFile === undefined || channel.host !== peer.address || kept.length === 0) return [];
  const [read, now] = [stemOf(channel.readsFile), stemOf(kept.at(-1) ?? '')];
  if (kept.some((file) => stemOf(file) === read)) return [];
  return [
    {
      code: 'log-renamed',
      message: `${node.name} reads ${channel.readsFile} of ${peer.name}, whose binary log is called ${now} now: what ${node.name} had not fetched yet is in the old files only, and would be missing for good`,
      hint: `write log_bin = ${read} into the settings of ${peer.name}, restart it, and run setup again; or, when nothing is missing for certain, RESET SLAVE ALL on ${node.name}`,
    },
  ];
}

export function planSetup(input: SetupInput): SetupPlan {
  const [a, b] = input.nodes;
  const settings = input.nodes.map(settingProblems);
  const warnings = [
    ...settings.flatMap((each) => each.warnings),
    ...input.nodes.flatMap(({ name, seen }) =>
      seen.privileged.map(
        (account) =>
          `${name}: ${account} may write to a read-only server (${WRITES_ANYWAY[seen.family]}): an application must not use it`,
      ),
    ),
  ];
  const refusals: Refusal[] = [];
  if (a.seen.serverId === b.seen.serverId) {
    refusals.push({
      code: 'server-ids',
      message: `both servers have server_id ${a.seen.serverId}: each would ignore the other's transactions`,
      hint: `give each its own: ${input.nodes
        .map(
          (node) =>
            `server_id = ${node.required.find((each) => each.name === 'server_id')?.value ?? '?'} on ${node.name}`,
        )
        .join(', ')}, and restart them`,
    });
  }
  if (a.seen.uuid !== '' && a.seen.uuid === b.seen.uuid) {
    refusals.push({
      code: 'server-uuids',
      message: `both servers have server_uuid ${a.seen.uuid}: one data directory is a copy of the other`,
      hint: `stop the server of ${b.name}, remove auto.cnf from its data directory, and start it: it makes a uuid of its own`,
    });
  }
  refusals.push(
    ...familyProblem(a, b),
    ...gtidModeProblem(a, b),
    ...settings.flatMap((each) => each.refusals),
    ...serverProblems(a, b),
    ...serverProblems(b, a),
    ...renamedLogProblem(a, b),
    ...renamedLogProblem(b, a),
    ...(a.seen.logBin && b.seen.logBin ? dataProblems(input) : []),
  );
  if (refusals.length > 0) return { ok: false, refusals, warnings };
  return { ok: true, steps: stepsFor(input), warnings };
}
