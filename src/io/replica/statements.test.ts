// The words of each family and version at a replica.
import { expect, test } from 'vitest';
import { kindOf } from '../../core/family.ts';
import { replicaStatements } from './statements.ts';

const words = (version: string) => {
  const kind = kindOf(version);
  if (kind === null) throw new Error(version);
  return replicaStatements(kind);
};

test.each([
  ['10.11.19-MariaDB', 'read_only', 'rpl_semi_sync_slave_enabled', 'START SLAVE'],
  ['9.7.4', 'super_read_only', 'rpl_semi_sync_replica_enabled', 'START REPLICA'],
  ['8.0.25', 'super_read_only', 'rpl_semi_sync_slave_enabled', 'START SLAVE'],
  ['5.7.44', 'super_read_only', 'rpl_semi_sync_slave_enabled', 'START SLAVE'],
])(
  '%s is closed, and made to acknowledge nothing, in its own words',
  (version, readOnly, semiSync, start) => {
    const said = words(version);
    expect(said.readOnly).toBe(`SET GLOBAL ${readOnly} = ON`);
    expect(said.noSemiSync).toContain(`SET GLOBAL ${semiSync} = OFF`);
    expect(said.start).toBe(start);
  },
);

test('5.6 may lack semi-sync, and has read_only alone', () => {
  expect(words('5.6.24')).toMatchObject({ readOnly: 'SET GLOBAL read_only = ON', noSemiSync: '' });
});
