// What a MySQL server says about itself, read in one round trip and turned into a ServerStatus.
import { contains } from '../../core/gtid/mysql.ts';
import type { ChannelStatus, ServerStatus } from '../../runtime/ports.ts';
import { capital, type Statements } from './mysql-statements.ts';
import { isOn, rowsAt, text } from './rows.ts';

/** The server's own words, beyond what every family has. */
export interface MysqlStatus extends ServerStatus {
  readonly channelDetail: ChannelDetail | null;
  /** The source side is switched on, though it may have been given up after a timeout. */
  readonly sourceEnabled: boolean;
  /** The row of SHOW REPLICA STATUS; null without a channel. */
  readonly replicaRow: Readonly<Record<string, unknown>> | null;
}

/** What steering the channel needs, and no decision. */
export interface ChannelDetail {
  /** The receiver has read more of the source's log than the applier has finished. */
  readonly partlyRead: boolean;
  /** How far the receiver has read; changes with every event. */
  readonly receivedBytes: string;
  /** The present connection to the source acknowledges. */
  readonly acknowledging: boolean;
}

/** The server breaks a long set into lines. */
const oneLine = (value: unknown): string => text(value).replaceAll(/\s/g, '');

const errorOf = (number: unknown, message: unknown): string | null =>
  Number(number ?? 0) === 0 ? null : `${text(message)} (error ${text(number)})`;

function receiverState(said: string): ChannelStatus['receiver'] {
  if (said === 'Yes') return 'running';
  return said === 'No' ? 'stopped' : 'connecting';
}

/** The first row of the answers: what the server was asked of its variables. */
export const variablesOf = (result: unknown): Readonly<Record<string, unknown>> => rowsAt(result, 0)[0] ?? {};

/** `result`: the answers to statusSql(statements). `known`: variables that were not asked for. */
export function readStatus(
  statements: Statements,
  result: unknown,
  known: Readonly<Record<string, unknown>> = {},
): MysqlStatus {
  const asked = variablesOf(result);
  const variables = { ...known, ...asked };
  const counters = new Map(rowsAt(result, 1).map((row) => [text(row['name']), text(row['value'])]));
  // The unnamed channel is the one that this program makes.
  const replica = rowsAt(result, 2).find((row) => text(row['Channel_Name']) === '');
  const heartbeats = Number(rowsAt(result, 3)[0]?.['heartbeats'] ?? 0);
  const worker = rowsAt(result, 4)[0];
  // The coordinator only says which worker failed; the worker says why.
  const workerError = worker ? errorOf(worker['number'], worker['message']) : null;
  const { semiSync, columns } = statements;
  const counter = (name: string): string | undefined => counters.get(capital(name));
  const acknowledging = isOn(counter(`${semiSync.replica}_status`));
  const executedGtid = oneLine(asked['executed'] ?? replica?.['Executed_Gtid_Set'] ?? variables['executed']);
  const channel = replica ? channelOf(statements, replica, { executedGtid, heartbeats, workerError }) : null;
  const sourceEnabled = isOn(variables['source']);
  return {
    version: text(variables['version']),
    serverId: Number(variables['id']),
    // Closed means closed to everybody: with read_only alone an administrator's session still writes.
    readOnly: isOn(variables['super_ro']),
    executedGtid,
    history: executedGtid,
    origin: text(variables['uuid']),
    channel,
    channelDetail: replica
      ? {
          partlyRead:
            text(replica[columns.receivedFile]) !== text(replica[columns.appliedFile]) ||
            text(replica[columns.receivedPos]) !== text(replica[columns.appliedPos]),
          receivedBytes: `${text(replica[columns.receivedFile])}:${text(replica[columns.receivedPos])}`,
          acknowledging,
        }
      : null,
    sourceEnabled,
    replicaRow: replica ?? null,
    semiSync: {
      // Given up after a timeout (somebody set a short one): commits wait no more until a replica has caught up.
      source: sourceEnabled && isOn(counter(`${semiSync.source}_status`)),
      // The variable counts from the next connection on; the present one goes on as it was made.
      replica: channel?.receiver === 'running' ? acknowledging : isOn(variables['replica']),
      replicas: Number(counter(`${semiSync.source}_clients`) ?? 0),
      waitingSessions: Number(counter(`${semiSync.source}_wait_sessions`) ?? 0),
    },
    receivesDurably: Number(variables['sync_relay_log']) === 1,
    uptimeS: Number(counters.get('Uptime') ?? 0),
  };
}

function channelOf(
  { columns }: Statements,
  replica: Record<string, unknown>,
  beside: { readonly executedGtid: string; readonly heartbeats: number; readonly workerError: string | null },
): ChannelStatus {
  const { executedGtid, heartbeats, workerError } = beside;
  const coordinatorError = errorOf(replica['Last_SQL_Errno'], replica['Last_SQL_Error']);
  // Holds only what was received whole.
  const receivedGtid = oneLine(replica['Retrieved_Gtid_Set']);
  return {
    sourceHost: text(replica[columns.host]),
    sourcePort: Number(replica[columns.port]),
    receiver: receiverState(text(replica[columns.receiverRunning])),
    applier: text(replica[columns.applierRunning]) === 'Yes' ? 'running' : 'stopped',
    receiverError: errorOf(replica['Last_IO_Errno'], replica['Last_IO_Error']),
    applierError: coordinatorError === null ? null : (workerError ?? coordinatorError),
    receivedGtid,
    appliedGtid: executedGtid,
    drained: contains(executedGtid, receivedGtid),
    heartbeats,
  };
}
