import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { explain } from './explain.ts';
import { interfaceIndexOf, LinuxError } from './libc.ts';

test('an interface is known by its name, and a name that cannot exist is not', () => {
  expect(interfaceIndexOf('lo')).toBeGreaterThan(0);
  expect(interfaceIndexOf('no-such-if')).toBeNull();
  expect(interfaceIndexOf('')).toBeNull();
  expect(interfaceIndexOf('a-name-far-too-long-for-linux')).toBeNull();
});

test('a refusal names the capability that is missing and how to grant it', () => {
  const error = explain(new LinuxError('socket', 1), { doing: 'open a socket', needs: 'CAP_NET_RAW' });
  expect(error).toMatchObject({
    code: 'missing-capability',
    message: 'cannot open a socket: socket: Operation not permitted (EPERM)',
    hint: expect.stringMatching(/CAP_NET_RAW is missing: run as root, or .*AmbientCapabilities/),
  });
  const defect = new TypeError('x');
  expect(explain(defect, { doing: 'open a socket', needs: 'CAP_NET_RAW' })).toBe(defect);
});

test('without privileges the raw sockets are refused with the mend, and the rejector reports that it cannot', () => {
  const program = `
    import { openVrrpSocket } from '${new URL('./rawsocket.ts', import.meta.url).href}';
    import { openRejector } from '${new URL('./reject.ts', import.meta.url).href}';
    try {
      openVrrpSocket({ interfaceName: 'lo', family: 4, protocols: [112], sourceAddress: '127.0.0.1', destination: 'multicast' });
    } catch (error) { console.log(error.code); }
    console.log(openRejector({ tableName: 'tkl_none', port: 1 }).reason);`;
  // In a user namespace of its own the program has no power over this host's network.
  const command = ['--user', process.execPath, '--input-type=module', '-e', program];
  expect(execFileSync('unshare', command, { encoding: 'utf8' })).toMatch(
    /^missing-capability\ncannot reject with nftables: .*CAP_NET_ADMIN is missing/,
  );
});
