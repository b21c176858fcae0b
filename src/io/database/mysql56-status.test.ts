import { describe, expect, it } from 'vitest';
import { readStatus56 } from './mysql56-status.ts';

const UUID = '3e11fa47-71ca-11e1-9e33-c80aa9429562';

function answers(changes: { variables?: object; plugins?: object[]; counters?: object[] } = {}): unknown[] {
  const variables = {
    ...{ version: '5.6.24-log', id: 1, uuid: UUID, ro: 0, gtid_mode: 'ON', executed: `${UUID}:1-\n5` },
    ...{ sync_relay_log: 1, relay_info: 'TABLE', workers: 0 },
    ...changes.variables,
  };
  return [[variables], changes.counters ?? [], changes.plugins ?? [], [], []];
}
const read = (changes?: Parameters<typeof answers>[0]) =>
  readStatus56(answers(changes), { own: null, receiverRan: false });

describe('the status of MySQL 5.6', () => {
  it('has no semi-sync without the plugins, and tells what the server cannot hold to', () => {
    const status = read();
    expect(status).toMatchObject({
      executedGtid: `${UUID}:1-5`,
      readOnly: false,
      semiSync: { source: false, replica: false, replicas: 0, waitingSessions: 0 },
      limits: [{ because: expect.stringContaining('super_read_only') }],
    });
  });

  it('has it with them: on while it has not given up', () => {
    const plugins = [{ Variable_name: 'rpl_semi_sync_master_enabled', Value: 'ON' }];
    const counters = (given: string) => [
      { Variable_name: 'Rpl_semi_sync_master_status', Value: given },
      { Variable_name: 'Rpl_semi_sync_master_wait_sessions', Value: '2' },
    ];
    expect(read({ plugins, counters: counters('ON') }).semiSync).toMatchObject({
      source: true,
      waitingSessions: 2,
    });
    expect(read({ plugins, counters: counters('OFF') }).semiSync.source).toBe(false);
  });

  it('names settings with which a place is not safe over a crash', () => {
    const status = read({ variables: { relay_info: 'FILE', workers: 4, gtid_mode: 'OFF' } });
    expect(status.limits?.map(({ lift }) => lift).join()).toMatch(
      /relay_log_info_repository = TABLE.*slave_parallel_workers = 0/,
    );
    expect(status.unsafePlace).toContain('relay_log_info_repository');
  });
});
