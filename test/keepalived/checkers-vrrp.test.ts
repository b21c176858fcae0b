// A database that dies takes its VIP along, and gets it back: MYSQL_CHECK, its notify scripts, a tracked file and VRRP together, with a
// real server and the daemon as its user runs it. What the shell scripts of the field are for, without one process a check.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type MariadbServer, startMariadb } from '../support/mariadb.ts';
import { Host, until } from './surface-host.ts';

const PORT = 3306;
const PASSWORD = 'not-a-secret';
let host: Host;
let server: MariadbServer;
let folder: string;

beforeAll(async () => {
  host = new Host('mysqlvip');
  folder = mkdtempSync(join(tmpdir(), 'tk-mysqlvip-'));
  server = await startMariadb({ dir: folder, port: PORT, netns: host.namespace });
  const root = await server.root();
  await root.query(`CREATE USER monitor@'127.0.0.1' IDENTIFIED BY '${PASSWORD}'`);
  await root.end();
});

afterAll(async () => {
  await host?.end();
  await server?.kill();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

test('the VIP goes with the database, and comes back with it', async () => {
  const down = host.path('database.down');
  const file = host.write(
    'keepalived.conf',
    `global_defs {
  enable_script_security
  script_user root
}
track_file database {
  file ${down}
  weight 0
  init_file 0 overwrite
}
vrrp_instance VI_1 {
  interface eth0
  virtual_router_id 51
  version 3
  advert_int 0.1
  virtual_ipaddress {
    10.77.0.100/24
  }
  track_file {
    database
  }
}
virtual_server fwmark 4294967295 {
  delay_loop 0.2
  delay_before_retry 0.1
  warmup 0
  alpha
  lb_algo rr
  lb_kind NAT
  real_server 127.0.0.1 ${PORT} {
    notify_up "/bin/sh -c 'echo 0 > ${down}'"
    notify_down "/bin/sh -c 'echo 1 > ${down}'"
    MYSQL_CHECK {
      user monitor
      password_file ${host.write('password', `${PASSWORD}\n`, 0o600)}
      connect_timeout 2
      require_writable
    }
  }
}
`,
  );
  const daemon = host.start([...host.own(), '-f', file]);
  const holds = () => host.addresses().includes('10.77.0.100');
  await until('the VIP is held', holds);
  const root = await server.root();
  await root.query('SET GLOBAL read_only = ON');
  await until('a read-only database loses the VIP', () => !holds());
  await root.query('SET GLOBAL read_only = OFF');
  await until('a writable one gets it back', holds);
  await server.kill();
  await until('a dead database loses it', () => !holds());
  await server.start();
  await until('a living one gets it back', holds);
  daemon.process.kill('SIGTERM');
  expect(await daemon.ended()).toBe(0);
  expect(holds()).toBe(false);
  const log = daemon.log();
  expect(log).toContain('MySQL check on [127.0.0.1]:none:3306 failed: the server is read-only.');
  expect(log).toContain('(VI_1) Entering FAULT STATE');
  expect(log).not.toContain(PASSWORD);
});
