import { describe, expect, it } from 'vitest';
import { planSetup } from './setup.ts';
import type { SeenServer, SetupInput, SetupNode } from './setup-facts.ts';

const RIGHT = { gtid_strict_mode: 'ON', relay_log_recovery: 'OFF', read_only: 'ON' };

const seen = (changes: Partial<SeenServer> = {}): SeenServer => ({
  family: 'mariadb',
  version: '10.11.19-MariaDB-log',
  serverId: 1,
  uuid: '',
  logBin: true,
  variables: RIGHT,
  rplStatus: 'IDLE_SLAVE',
  executed: '',
  history: '',
  fetchFrom: '',
  purged: '',
  channel: null,
  otherChannels: [],
  accountStatements: [],
  tables: [],
  checksums: {},
  privileged: [],
  ...changes,
});

const node = (name: 'a' | 'b', changes: Partial<SeenServer> = {}): SetupNode => ({
  name,
  address: name === 'a' ? '192.0.2.11' : '192.0.2.12',
  required: [
    { name: 'server_id', value: name === 'a' ? '1' : '2' },
    { name: 'gtid_strict_mode', value: 'ON' },
    { name: 'relay_log_recovery', value: 'OFF' },
    { name: 'read_only', value: 'ON' },
    { name: 'init_rpl_role', value: 'SLAVE' },
    { name: 'binlog_expire_logs_seconds', value: '604800' },
  ],
  seen: seen({ serverId: name === 'a' ? 1 : 2, ...changes }),
});

const input = (a: Partial<SeenServer>, b: Partial<SeenServer>): SetupInput => ({
  nodes: [node('a', a), node('b', b)],
  writer: 'a',
  port: 3306,
  replicationUser: 'repl',
  heartbeatS: 0.2,
  positioning: 'gtid',
});

const channel = (host: string, changes: Partial<NonNullable<SeenServer['channel']>> = {}) => ({
  host,
  port: 3306,
  user: 'repl',
  usingGtid: true,
  heartbeatS: 0.2,
  connectRetryS: 1,
  running: true,
  ...changes,
});

const codes = (of: SetupInput): string[] => {
  const plan = planSetup(of);
  return plan.ok ? [] : plan.refusals.map((each) => each.code);
};
const kinds = (of: SetupInput): string[] => {
  const plan = planSetup(of);
  return plan.ok ? plan.steps.map((each) => `${each.kind} ${each.node}`) : ['refused'];
};

describe('planning a set-up', () => {
  it('gives two fresh servers their accounts first, then a channel each', () => {
    const statements = { accountStatements: [{ what: 'make the account', sql: 'CREATE USER' }] };
    expect(kinds(input(statements, statements))).toEqual([
      'account a',
      'account b',
      'channel b',
      'start b',
      'channel a',
      'start a',
    ]);
  });

  it('finds nothing to do on a pair that is set up, also while the agents have switched what they switch', () => {
    const running = { executed: '0-1-9', history: '0-1-9', fetchFrom: '0-1-9' };
    expect(
      kinds(
        input(
          { ...running, channel: channel('192.0.2.12'), variables: { ...RIGHT, read_only: 'OFF' } },
          { ...running, channel: channel('192.0.2.11'), rplStatus: 'ACTIVE_SLAVE' },
        ),
      ),
    ).toEqual([]);
  });

  it('sets the position of a server with a history of its own, so that nothing is fetched twice', () => {
    const plan = planSetup(input({ executed: '0-1-7', history: '0-1-7' }, {}));
    expect(plan).toMatchObject({ ok: true });
    expect(plan.ok && plan.steps.find((each) => each.kind === 'position')).toMatchObject({
      node: 'a',
      gtid: '0-1-7',
    });
  });

  it('starts the one that lags first: a source refuses a replica that is ahead of it', () => {
    const ahead = { executed: '0-1-7', history: '0-1-7', fetchFrom: '0-1-7' };
    const behind = { executed: '0-1-5', history: '0-1-5', fetchFrom: '0-1-5' };
    expect(kinds(input(ahead, behind)).filter((each) => each.startsWith('start'))).toEqual([
      'start b',
      'start a',
    ]);
    expect(kinds(input(behind, ahead)).filter((each) => each.startsWith('start'))).toEqual([
      'start a',
      'start b',
    ]);
  });

  it('corrects a channel that is not by GTID, and refuses one that leads elsewhere', () => {
    expect(kinds(input({}, { channel: channel('192.0.2.11', { usingGtid: false }) }))).toContain('channel b');
    expect(codes(input({}, { channel: channel('192.0.2.99') }))).toEqual(['channel-elsewhere']);
    expect(codes(input({ otherChannels: ['reports'] }, {}))).toEqual(['other-channel']);
  });
});

const UUID_A = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const UUID_B = '4f22fb58-82db-22f2-8f44-d91bb0530673';
const mysql = (changes: Partial<SeenServer> = {}): Partial<SeenServer> => ({
  family: 'mysql',
  version: '9.7.4',
  fetchFrom: null,
  ...changes,
});
const at = (executed: string, changes: Partial<SeenServer> = {}): Partial<SeenServer> =>
  mysql({ executed, history: executed, ...changes });

describe('on MySQL', () => {
  it('two empty servers get a channel each, and no position beside what they have executed', () => {
    expect(kinds(input(mysql(), mysql()))).toEqual(['channel b', 'start b', 'channel a', 'start a']);
    expect(kinds(input(at(`${UUID_A}:1-7`), mysql()))).toEqual([
      'channel b',
      'start b',
      'channel a',
      'start a',
    ]);
  });

  it('an empty server reads the whole binary log of one with data, and is compared afterwards', () => {
    const full = at(`${UUID_A}:1-700`, { tables: ['shop.t'] });
    expect(kinds(input(full, mysql()))).toEqual([
      'channel b',
      'start b',
      'channel a',
      'start a',
      'compare b',
    ]);
    const purged = planSetup(input({ ...full, purged: `${UUID_A}:1-200` }, mysql()));
    expect(purged.ok ? [] : purged.refusals).toEqual([
      expect.objectContaining({ code: 'log-purged', hint: expect.stringContaining('clone --from a') }),
    ]);
  });

  it('two that replicate already are left as they are', () => {
    const running = at(`${UUID_A}:1-9,${UUID_B}:1-3`, { tables: ['shop.t'] });
    expect(
      kinds(
        input({ ...running, channel: channel('192.0.2.12') }, { ...running, channel: channel('192.0.2.11') }),
      ),
    ).toEqual([]);
  });

  it('a new password of the replication account goes into the channel that logs in with it', () => {
    const running = at(`${UUID_A}:1-9`);
    const changed = [{ what: 'set the password', sql: 'ALTER USER', newReplicationPassword: true }];
    expect(
      kinds(
        input(
          { ...running, channel: channel('192.0.2.12'), accountStatements: changed },
          { ...running, channel: channel('192.0.2.11') },
        ),
      ),
    ).toEqual(['account a', 'channel b', 'start b']);
  });

  it('transactions of each that the other lacks are named, and forgotten in the words of the version', () => {
    const both = (version: string) =>
      planSetup(
        input(
          at(`${UUID_A}:1-9`, { version, tables: ['shop.t'] }),
          at(`${UUID_A}:1-5,${UUID_B}:1`, { version }),
        ),
      );
    const plan = both('9.7.4');
    expect(plan.ok ? [] : plan.refusals).toEqual([
      expect.objectContaining({
        code: 'histories-differ',
        message: expect.stringContaining(`a up to ${UUID_A}:6-9, b up to ${UUID_B}:1`),
        hint: expect.stringContaining('RESET BINARY LOGS AND GTIDS'),
      }),
    ]);
    const older = both('8.0.36');
    expect(older.ok ? '' : older.refusals[0]?.hint).toContain('RESET MASTER');
  });

  it('a semi-sync plugin that is not loaded is a refusal, also on a pair that runs', () => {
    const plan = planSetup({
      ...input(mysql(), mysql()),
      nodes: [
        {
          ...node('a', mysql()),
          required: [{ name: 'rpl_semi_sync_source_enabled', value: 'ON' }],
        },
        node('b', mysql()),
      ],
    });
    expect(plan.ok ? '' : plan.refusals[0]?.message).toContain('no such plugin is loaded');
  });
});

describe('a set-up is refused', () => {
  it('when the server ids are equal, with the two that are right', () => {
    const plan = planSetup(input({ serverId: 2 }, {}));
    expect(plan.ok ? '' : plan.refusals[0]?.hint).toContain('server_id = 1 on a, server_id = 2 on b');
  });

  it('when there is no binary log, and says nothing of data that it cannot compare', () => {
    const of = input({}, { logBin: false, tables: ['shop.t'] });
    const withLog: SetupInput = {
      ...of,
      nodes: [
        of.nodes[0],
        { ...of.nodes[1], required: [...of.nodes[1].required, { name: 'log_bin', value: 'twinkeep-bin' }] },
      ],
    };
    expect(codes(withLog)).toEqual(['setting']);
  });

  it('for every setting that safety rests on, and warns of the others', () => {
    const wrong = { variables: { ...RIGHT, relay_log_recovery: 'ON', binlog_expire_logs_seconds: '0' } };
    const plan = planSetup(input(wrong, { rplStatus: 'AUTH_MASTER' }));
    expect(plan.ok ? [] : plan.refusals.map((each) => each.message)).toEqual([
      'a: relay_log_recovery is ON; the pair needs relay_log_recovery = OFF',
      'b: init_rpl_role is not set to that (Rpl_status AUTH_MASTER); the pair needs init_rpl_role = SLAVE',
    ]);
    expect(plan.warnings).toEqual([expect.stringContaining('binlog_expire_logs_seconds')]);
  });

  it('for servers of two families, and for a data directory that was copied with its uuid', () => {
    expect(codes(input({ family: 'mysql', version: '9.7.4' }, {}))).toEqual(['server-family']);
    expect(codes(input({ uuid: UUID_A }, { uuid: UUID_A }))).toEqual(['server-uuids']);
  });

  it('when each has transactions that the other lacks, even with equal positions', () => {
    expect(
      codes(
        input(
          { executed: '0-2-8', history: '0-1-6,0-3-7,0-2-8', fetchFrom: '0-2-8' },
          { executed: '0-2-8', history: '0-1-5,0-4-6,0-2-8', fetchFrom: '0-2-8' },
        ),
      ),
    ).toEqual(['histories-differ']);
  });

  it('when the binary log of the one no longer reaches back to where the other stands', () => {
    expect(
      codes(
        input(
          { executed: '0-1-900', history: '0-1-900', purged: '0-1-500' },
          { executed: '0-1-100', history: '0-1-100', fetchFrom: '0-1-100' },
        ),
      ),
    ).toEqual(['log-purged']);
  });

  it('when a copy has no position in the history of its original', () => {
    const plan = planSetup(
      input({ executed: '0-1-9', history: '0-1-9', tables: ['shop.t'] }, { tables: ['shop.t'] }),
    );
    expect(plan.ok ? [] : plan.refusals).toEqual([
      expect.objectContaining({
        code: 'data-differ',
        hint: expect.stringContaining('on b: twinkeep clone --from a'),
      }),
    ]);
  });

  it('when neither has its data in the binary log and they differ; equal checksums pass', () => {
    const a = { tables: ['shop.t'], checksums: { 'shop.t': '17' } };
    expect(codes(input(a, { tables: ['shop.t'], checksums: { 'shop.t': '18' } }))).toEqual(['data-differ']);
    expect(codes(input(a, {}))).toEqual(['data-differ']);
    expect(codes(input(a, a))).toEqual([]);
  });

  it('and names an account that could write to a read-only server as a warning only', () => {
    const plan = planSetup(input({ privileged: ["'legacy'@'%'"] }, {}));
    expect(plan.ok).toBe(true);
    expect(plan.warnings[0]).toContain("'legacy'@'%' may write to a read-only server");
  });

  it('refuses a server whose log was renamed while the other one reads it', () => {
    const reads = { channel: channel('192.0.2.11', { readsFile: 'mysql-bin.000007' }) };
    const plan = planSetup(input({ logFiles: ['twinkeep-bin.000001'] }, reads));
    expect(plan.ok ? [] : plan.refusals.map(({ code }) => code)).toEqual(['log-renamed']);
    expect(plan.ok ? '' : plan.refusals[0]?.hint).toContain('log_bin = mysql-bin');
    // The file itself may have been purged since; and a channel from elsewhere says nothing about this server.
    expect(planSetup(input({ logFiles: ['mysql-bin.000009'] }, reads)).ok).toBe(true);
    const elsewhere = { channel: channel('192.0.2.77', { readsFile: 'mysql-bin.000007' }) };
    const other = planSetup(input({ logFiles: ['twinkeep-bin.000001'] }, elsewhere));
    expect(other.ok || !other.refusals.some(({ code }) => code === 'log-renamed')).toBe(true);
  });
});
