// MYSQL_CHECK: one held connection to the server; a question, whether it may be written, what its replication does. Everything within
// one deadline, and no password in any word of it.
import { type Channel, judgeReplication } from '../../core/checker/mysql.ts';
import { type MysqlTarget, PASSED, type Verdict } from '../../core/checker/target.ts';
import { DatabaseError } from '../../runtime/ports.ts';
import { HeldConnection } from '../database/connection.ts';
import { countdown } from '../database/deadline.ts';
import { isOn, text } from '../database/rows.ts';
import { failed } from './verdict.ts';

type Row = Record<string, unknown>;

/** The words of all families: MariaDB's and older MySQL's, then those of MySQL from 8.0.22 on. */
const either = (row: Row, old: string, recent: string): unknown => row[old] ?? row[recent];

function channelOf(row: Row): Channel {
  const receiver = text(either(row, 'Slave_IO_Running', 'Replica_IO_Running'));
  const lag = either(row, 'Seconds_Behind_Master', 'Seconds_Behind_Source');
  return {
    name: text(either(row, 'Connection_name', 'Channel_Name')),
    receiver: receiver === 'Yes' ? 'running' : receiver === 'No' ? 'stopped' : 'connecting',
    receiverErrno: Number(row['Last_IO_Errno'] ?? 0),
    receiverError: text(row['Last_IO_Error']),
    applier: text(either(row, 'Slave_SQL_Running', 'Replica_SQL_Running')) === 'Yes' ? 'running' : 'stopped',
    applierErrno: Number(row['Last_SQL_Errno'] ?? 0),
    applierError: text(row['Last_SQL_Error']),
    lagSeconds: lag === null || lag === undefined ? null : Number(lag),
  };
}

function channelStatement(version: string): string {
  if (/mariadb/i.test(version)) return 'SHOW ALL SLAVES STATUS';
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map(Number);
  const recent = major > 8 || (major === 8 && (minor > 0 || patch >= 22));
  return recent ? 'SHOW REPLICA STATUS' : 'SHOW SLAVE STATUS';
}

export class MysqlCheck {
  readonly #target: MysqlTarget;
  readonly #held: HeldConnection;

  /** `password` is asked at each log-in, and may throw: the look fails with its message. */
  constructor(target: MysqlTarget, password: () => string) {
    this.#target = target;
    this.#held = new HeldConnection({
      endpoint: {
        host: target.connection.address,
        port: target.connection.port,
        user: target.user,
        password: '',
        passwordNow: password,
        tls: target.tls,
      },
      onTimeout: 'discard',
    });
  }

  async look(signal: AbortSignal): Promise<Verdict> {
    const abort = (): void => this.#held.discard();
    signal.addEventListener('abort', abort, { once: true });
    try {
      const because = await this.#ask();
      return because === null ? PASSED : failed(because);
    } catch (error) {
      const late = error instanceof DatabaseError && error.code === 'timeout';
      return { ok: false, because: late ? 'timeout' : (error as Error).message, late };
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  close(): void {
    this.#held.close();
  }

  async #ask(): Promise<string | null> {
    const { query, requireWritable, replication, lagSecondsMax, connection } = this.#target;
    const leftMs = countdown(connection.timeoutMs);
    const answer = await this.#held.query(query, leftMs());
    if (Array.isArray(answer) && answer.length === 0) return 'the query gave no row';
    const asksChannels = replication !== 'ignored' || lagSecondsMax !== null;
    if (!requireWritable && !asksChannels) return null;
    const facts = await this.#held.query('SELECT @@version AS version, @@GLOBAL.read_only AS ro', leftMs());
    const [row = {}] = facts as Row[];
    if (requireWritable && isOn(row['ro'])) return 'the server is read-only';
    if (!asksChannels) return null;
    const statement = channelStatement(text(row['version']));
    const rows = (await this.#held.query(statement, leftMs())) as Row[];
    return judgeReplication(rows.map(channelOf), { replication, lagSecondsMax });
  }
}
