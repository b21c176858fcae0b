// The one table that turns what the client library and the server report into a DatabaseError's code.
import { DatabaseError, type DatabaseErrorCode } from '../../runtime/ports.ts';

/** Server error numbers (MariaDB "Error Codes", and mysqld_error.h), by what they mean to us. Above 3000: MySQL's. */
const BY_ERRNO: ReadonlyMap<number, DatabaseErrorCode> = new Map([
  ...codes('too-many-connections', [1040, 1203, 1226]),
  // 1045 password, 1130 host not allowed, 1129 host blocked, 1251 and 1275 old protocol, 1698 plugin refuses, 3118 account
  // locked, 3159 TLS asked for.
  ...codes('access-denied', [1045, 1129, 1130, 1251, 1275, 1524, 1698, 3118, 3159, 4151]),
  ...codes('privilege', [1044, 1142, 1143, 1227, 1370]),
  // Shutting down, killed, gone, or in offline mode.
  ...codes('down', [1053, 1927, 2002, 2003, 2006, 2013, 3032]),
  // 3, 1021, 1026: writing fails, disk full; 1114: full; 1030: the engine; 1036: read-only table; 1194, 1195, 144, 145:
  // crashed; 1020, 1598, 1534: binary log; 1881: InnoDB read-only; 1015, 1016, 1017, 29: files; 1786, 1877: tablespace.
  ...codes(
    'unwritable',
    [
      3, 14, 28, 29, 126, 127, 144, 145, 1015, 1016, 1017, 1020, 1021, 1026, 1030, 1033, 1034, 1035, 1036,
      1114, 1194, 1195, 1534, 1598, 1813, 1881, 1932,
    ],
  ),
  // 1205 lock wait, 1969 max_statement_time, 1317 interrupted by our own KILL QUERY.
  ...codes('timeout', [1205, 1317, 1969]),
]);

const BY_NAME: Readonly<Record<string, DatabaseErrorCode>> = {
  ECONNREFUSED: 'down',
  ECONNRESET: 'down',
  ECONNABORTED: 'down',
  EHOSTDOWN: 'down',
  EHOSTUNREACH: 'down',
  ENETUNREACH: 'down',
  ENOENT: 'down',
  ENOTCONN: 'down',
  EPIPE: 'down',
  EACCES: 'down',
  PROTOCOL_CONNECTION_LOST: 'down',
  ETIMEDOUT: 'timeout',
};

/** What the commonest of these mean; the library's own words repeat the address and name the system call. */
const IN_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there (ECONNREFUSED)',
  ENOENT: 'there is no such socket (ENOENT)',
  EHOSTUNREACH: 'the host does not answer (EHOSTUNREACH)',
  ENETUNREACH: 'there is no route to it (ENETUNREACH)',
  EACCES: 'this user may not open it (EACCES)',
};

function codes(code: DatabaseErrorCode, numbers: readonly number[]): [number, DatabaseErrorCode][] {
  return numbers.map((number) => [number, code]);
}

interface Reported {
  readonly message: string;
  readonly errno?: unknown;
  readonly code?: unknown;
  readonly sqlState?: unknown;
}

/** `where` names the server, as in "192.0.2.11:3306". Anything that is not an Error is a defect and thrown on. */
export function toDatabaseError(error: unknown, where: string): DatabaseError {
  if (error instanceof DatabaseError) return error;
  if (!(error instanceof Error)) throw error;
  const { errno, code, sqlState, message } = error as Reported;
  // The library's own errno is the operating system's (negative); a server's comes with an SQL state.
  if (typeof errno === 'number' && typeof sqlState === 'string') {
    return new DatabaseError(BY_ERRNO.get(errno) ?? 'statement', `${where}: ${message} (error ${errno})`);
  }
  const named = typeof code === 'string' ? BY_NAME[code] : undefined;
  if (named !== undefined) return new DatabaseError(named, `${where}: ${IN_WORDS[String(code)] ?? message}`);
  if (typeof errno === 'number' && BY_ERRNO.has(errno))
    return new DatabaseError(BY_ERRNO.get(errno) ?? 'statement', `${where}: ${message} (error ${errno})`);
  return new DatabaseError('down', `${where}: ${message}`);
}
