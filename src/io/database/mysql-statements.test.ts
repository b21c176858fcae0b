import { describe, expect, it } from 'vitest';
import { semiSyncValues, statementsFor, statusSql } from './mysql-statements.ts';
import { readStatus } from './mysql-status.ts';

const A = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const OLD = ['5.7.44-log', '8.0.11', '8.0.25'];
const NEW = ['8.0.26', '8.0.36-28', '8.4.3', '9.7.4-2'];

describe('the statements of MySQL', () => {
  it.each(OLD)('%s speaks of master and slave', (version) => {
    const words = statementsFor(version);
    const all = JSON.stringify(words) + statusSql(words) + JSON.stringify(semiSyncValues(words));
    expect(all).not.toMatch(
      /replica_enabled|START REPLICA|Source_Host|_source_|performance_schema\.processlist/,
    );
    expect(words).toMatchObject({
      startReplica: 'START SLAVE',
      showReplica: 'SHOW SLAVE STATUS',
      discardReceived: 'CHANGE MASTER TO MASTER_AUTO_POSITION = 1',
    });
    expect(statusSql(words)).toContain('@@GLOBAL.rpl_semi_sync_master_enabled');
    expect(statusSql(words)).toContain("'Rpl_semi_sync_slave_status'");
    expect(semiSyncValues(words).map(([name]) => name)).toContain('rpl_semi_sync_master_wait_no_slave');
  });

  it.each(NEW)('%s speaks of source and replica', (version) => {
    const words = statementsFor(version);
    // This one was renamed later than the rest.
    expect(words.showLogEnd).toBe(
      version.startsWith('8.0.') ? 'SHOW MASTER STATUS' : 'SHOW BINARY LOG STATUS',
    );
    const all =
      JSON.stringify({ ...words, showLogEnd: '' }) + statusSql(words) + JSON.stringify(semiSyncValues(words));
    expect(all).not.toMatch(/master|slave/i);
    expect(words).toMatchObject({
      startReplica: 'START REPLICA',
      showReplica: 'SHOW REPLICA STATUS',
      discardReceived: 'CHANGE REPLICATION SOURCE TO SOURCE_AUTO_POSITION = 1',
    });
    expect(statusSql(words)).toContain("'Rpl_semi_sync_source_wait_sessions'");
  });

  it.each(['5.6.24', '5.7.7', '10.11.19-MariaDB', '11.4.2-MariaDB-log', '', 'nine'])(
    'a server that calls itself "%s" is refused',
    (version) => {
      expect(() => statementsFor(version)).toThrowError(expect.objectContaining({ code: 'statement' }));
    },
  );
});

describe('the status of a MySQL server', () => {
  const old = (replica: Record<string, unknown>, more: Record<string, unknown> = {}) =>
    readStatus(statementsFor('5.7.44'), [
      [
        {
          version: '5.7.44-log',
          id: 2,
          ro: 1,
          super_ro: 1,
          executed: `${A}:1-5,\n4b2c5d10-0000-11ee-8000-000000000001:1`,
          sync_relay_log: 1,
          source: 0,
          replica: 1,
          ...more,
        },
      ],
      [
        { name: 'Uptime', value: '17' },
        { name: 'Rpl_semi_sync_slave_status', value: 'ON' },
        { name: 'Rpl_semi_sync_master_status', value: 'OFF' },
        { name: 'Rpl_semi_sync_master_clients', value: '1' },
      ],
      [
        { Channel_Name: 'archive', Master_Host: 'elsewhere' },
        { Channel_Name: '', ...replica },
      ],
      [{ heartbeats: 9 }],
      [],
    ]);

  const RUNNING = {
    Master_Host: '192.0.2.11',
    Master_Port: 3306,
    Slave_IO_Running: 'Yes',
    Slave_SQL_Running: 'Yes',
    Retrieved_Gtid_Set: `${A}:4-5`,
    Last_IO_Errno: 0,
    Last_SQL_Errno: 0,
  };

  it('is read from the words of an old version too, and passes over other channels', () => {
    expect(old(RUNNING)).toMatchObject({
      serverId: 2,
      readOnly: true,
      executedGtid: `${A}:1-5,4b2c5d10-0000-11ee-8000-000000000001:1`,
      uptimeS: 17,
      receivesDurably: true,
      semiSync: { source: false, replica: true, replicas: 1, waitingSessions: 0 },
      channel: {
        sourceHost: '192.0.2.11',
        sourcePort: 3306,
        receiver: 'running',
        applier: 'running',
        drained: true,
        heartbeats: 9,
        applierError: null,
      },
    });
  });

  it('is not closed by read_only alone, and waits for nobody once its source side was given up', () => {
    expect(old(RUNNING, { super_ro: 0 }).readOnly).toBe(false);
    expect(old(RUNNING, { source: 1 }).semiSync.source).toBe(false);
  });

  it('is not drained while something received is not executed, and says why it stopped', () => {
    const status = old({
      ...RUNNING,
      Slave_IO_Running: 'Connecting',
      Slave_SQL_Running: 'No',
      Retrieved_Gtid_Set: `${A}:4-6`,
      Last_SQL_Errno: 1062,
      Last_SQL_Error: 'Duplicate entry',
    });
    expect(status.channel).toMatchObject({
      receiver: 'connecting',
      applier: 'stopped',
      drained: false,
      applierError: 'Duplicate entry (error 1062)',
    });
  });

  it('keeps what it knew of the variables while the server does not tell them', () => {
    const words = statementsFor('9.7.4');
    expect(statusSql(words, false)).not.toContain('@@');
    const known = {
      version: '9.7.4',
      id: 1,
      super_ro: 1,
      executed: `${A}:1-5`,
      sync_relay_log: 1,
      source: 0,
      replica: 0,
    };
    const replica = { Channel_Name: '', Executed_Gtid_Set: `${A}:1-6`, Retrieved_Gtid_Set: '' };
    expect(readStatus(words, [{ affectedRows: 0 }, [], [replica], [], []], known)).toMatchObject({
      serverId: 1,
      readOnly: true,
      executedGtid: `${A}:1-6`,
      semiSync: { source: false },
    });
  });

  it('without a channel has none', () => {
    const words = statementsFor('9.7.4');
    expect(readStatus(words, [[{ executed: '' }], [], [], [], []])).toMatchObject({
      channel: null,
      executedGtid: '',
    });
  });
});
