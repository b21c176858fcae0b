// One line of a rendered my.cnf with its reason. The families are in mycnf-mariadb.ts, mycnf-mysql.ts, mycnf-mysql56.ts.

export interface Setting {
  readonly name: string;
  readonly value: string;
  readonly because: string;
}

export const set = (name: string, value: string | number, because: string): Setting => ({
  name,
  value: String(value),
  because,
});

/** Settings under one title. */
export interface Group {
  readonly title: string;
  readonly settings: readonly Setting[];
}

/** ULONG_MAX: the largest that the variable takes, in ms. Seen to wait on 10.11.19 and on 9.7.4. */
export const SEMI_SYNC_TIMEOUT_MS_MAX = '18446744073709551615';

/** Seconds until a receiver gives a silent connection up. */
export const receiverTimeoutS = (aloneAfterMs: number): number =>
  Math.max(2, Math.ceil(aloneAfterMs / 1_000) + 1);

/** The reasons that are the same whatever the family calls the setting. */
export const BECAUSE = {
  row: 'Rows, not statements: the only format whose result is the same on both hosts whatever the statement.',
  wholeRows: 'Whole rows before and after, which salvage and flashback need.',
  binaryLog:
    'Both nodes keep a binary log, since either may become writer. A fixed name survives a change of the host name.',
  passOn:
    'What arrives from the other node goes on to the replicas behind this one, and into the history compared at a rejoin.',
  syncBinlog: 'A commit is on this disk before it is acknowledged.',
  keepLogs: "A node that was away for up to a week can catch up from the other's binary log.",
  relayLog:
    'A fixed name survives a change of the host name; a lost relay log may hold acknowledged commits.',
  relayLogRecovery:
    'ON throws the relay log away at a start and asks the other node for it again. The other node may be gone, and its acknowledged commits be nowhere else.',
  syncRelayLog:
    'An acknowledgement to the writer means that the events are on this disk. The default is every 10000 events.',
  receiverTimeout:
    'Seconds until a receiver gives a silent connection up, a little more than aloneAfter. The default is 60; heartbeats come at half of this.',
  strict: 'A row that differs stops the applier and is shown. Errors are never skipped.',
  sourceOn: 'A server that starts without its agent acknowledges no write. Only the agent relaxes this.',
  endless:
    "Endless, the largest value there is: going on without the other node is the agent's decision, never a timer's.",
  afterSync: 'Wait before the commit shows: no client reads a row that a failover could take back.',
  waitForNone: 'Wait also while no replica is connected.',
  replicaOn: 'This node acknowledges what it has received. The agent turns it off at the writer.',
  async: 'durability: async. A failover may lose the last commits.',
} as const;
