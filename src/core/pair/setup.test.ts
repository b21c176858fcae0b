import { describe, expect, it } from 'vitest';
import { planSetup } from './setup.ts';
import type { SeenServer, SetupInput, SetupNode } from './setup-facts.ts';

const RIGHT = { gtid_strict_mode: 'ON', relay_log_recovery: 'OFF', read_only: 'ON' };

const seen = (changes: Partial<SeenServer> = {}): SeenServer => ({
  version: '10.11.19-MariaDB-log',
  serverId: 1,
  logBin: true,
  variables: RIGHT,
  rplStatus: 'IDLE_SLAVE',
  binlogPos: '',
  binlogState: '',
  slavePos: '',
  oldestPos: '',
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
    const running = { binlogPos: '0-1-9', binlogState: '0-1-9', slavePos: '0-1-9' };
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
    const plan = planSetup(input({ binlogPos: '0-1-7', binlogState: '0-1-7' }, {}));
    expect(plan).toMatchObject({ ok: true });
    expect(plan.ok && plan.steps.find((each) => each.kind === 'position')).toMatchObject({
      node: 'a',
      gtid: '0-1-7',
    });
  });

  it('starts the one that lags first: a source refuses a replica that is ahead of it', () => {
    const ahead = { binlogPos: '0-1-7', binlogState: '0-1-7', slavePos: '0-1-7' };
    const behind = { binlogPos: '0-1-5', binlogState: '0-1-5', slavePos: '0-1-5' };
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

  it('for a server that is no MariaDB', () => {
    expect(codes(input({ version: '9.7.0' }, {}))).toEqual(['server-family']);
  });

  it('when each has transactions that the other lacks, even with equal positions', () => {
    expect(
      codes(
        input(
          { binlogPos: '0-2-8', binlogState: '0-1-6,0-3-7,0-2-8', slavePos: '0-2-8' },
          { binlogPos: '0-2-8', binlogState: '0-1-5,0-4-6,0-2-8', slavePos: '0-2-8' },
        ),
      ),
    ).toEqual(['histories-differ']);
  });

  it('when the binary log of the one no longer reaches back to where the other stands', () => {
    expect(
      codes(
        input(
          { binlogPos: '0-1-900', binlogState: '0-1-900', oldestPos: '0-1-500' },
          { binlogPos: '0-1-100', binlogState: '0-1-100', slavePos: '0-1-100' },
        ),
      ),
    ).toEqual(['log-purged']);
  });

  it('when a copy has no position in the history of its original', () => {
    const plan = planSetup(
      input({ binlogPos: '0-1-9', binlogState: '0-1-9', tables: ['shop.t'] }, { tables: ['shop.t'] }),
    );
    expect(plan.ok ? [] : plan.refusals).toEqual([
      expect.objectContaining({ code: 'data-differ', hint: expect.stringContaining('from a to b') }),
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
});
