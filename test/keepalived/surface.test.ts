// `twinkeep keepalived` as the users of the C daemon know it: a real daemon in a namespace, its options, pid files, signals and files.

import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Host, PROGRAM, until } from './surface-host.ts';

let host: Host;
beforeEach(() => {
  host = new Host('surface');
});
afterEach(async () => {
  await host.end();
});

/** Fast, so that it is master at once. */
const instance = (name: string, vrid: number, vip: string, more = ''): string => `vrrp_instance ${name} {
  interface eth0
  virtual_router_id ${vrid}
  version 3
  priority 200
  advert_int 0.05
  ${more}
  virtual_ipaddress {
    ${vip}/24
  }
}
`;

const alive = (pid: number): boolean => existsSync(`/proc/${pid}`);

/** What pgrep and pidof look at. */
const namesOf = (pid: number): string[] => [
  readFileSync(`/proc/${pid}/comm`, 'utf8').trim(),
  readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0] ?? '',
];

describe('in the background', () => {
  test('a start comes back when VRRP runs, and leaves pid files that name the daemon', async () => {
    const file = host.write('k.conf', instance('VI_1', 51, '10.77.0.100'));
    const ran = host.run('-f', file, '-D', '-g', host.path('ka.log'), ...host.own());
    expect(ran).toMatchObject({ code: 0, out: '', err: '' });
    const pid = host.pid();
    expect(host.pid('vrrp.pid')).toBe(pid);
    // There is no virtual server that anybody could want to signal.
    expect(host.read('checkers.pid')).toBe('');
    expect(namesOf(pid)).toEqual(['keepalived', 'keepalived']);
    await until('the VIP', () => host.addresses().includes('10.77.0.100/24'));

    process.kill(pid, 'SIGTERM');
    await until('its end', () => !alive(pid));
    expect(host.addresses()).not.toContain('10.77.0.100');
    expect(host.read('main.pid') + host.read('vrrp.pid')).toBe('');
    expect(host.read('ka.log')).toMatch(/^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}: Starting Keepalived v/);
    expect(host.read('ka.log')).toMatch(/: Stopping\n[\s\S]*: Stopped Keepalived v/);
    expect(host.read('ka_vrrp.log')).toContain('(VI_1) Entering MASTER STATE');
  });

  test('what keeps it from starting is said to the caller, with an exit code', () => {
    const missing = host.run('-f', host.path('none.conf'), ...host.own());
    expect(missing).toMatchObject({ code: 6, err: expect.stringContaining("Config files missing '") });

    const broken = host.write('b.conf', 'vrrp_script x {\n  interval\n}\n');
    const refused = host.run('-f', broken, ...host.own());
    expect(refused.code).toBe(2);
    expect(refused.err).toContain('b.conf: Line 2) `interval` has no value behind it');

    const folder = host.run('-f', host.write('e.conf', ''), '-G', '-p', host.path('none/main.pid'));
    expect(folder).toMatchObject({ code: 1, err: expect.stringContaining('cannot write the pid file') });
  });

  test('a second daemon is refused by name of the first; after kill -9 its pid file holds nobody up', async () => {
    const file = host.write('k.conf', instance('VI_1', 51, '10.77.0.100'));
    expect(host.run('-f', file, ...host.own()).code).toBe(0);
    const first = host.pid();
    const second = host.run('-f', file, ...host.own());
    expect(second.code).toBe(1);
    expect(second.err).toContain(`daemon is already running: process ${first} (keepalived) holds`);
    expect(alive(first)).toBe(true);

    process.kill(first, 'SIGKILL');
    await until('its end', () => !alive(first));
    expect(host.read('main.pid')).toBe(`${first}\n`);
    expect(host.run('-f', file, ...host.own()).code).toBe(0);
    expect(host.pid()).not.toBe(first);
  });
});

describe('reload', () => {
  test('a good file is taken, a bad one is refused by its line, and a VIP that stays is never gone', async () => {
    const one = instance('VI_1', 51, '10.77.0.100');
    const file = host.write('k.conf', one);
    const daemon = host.start(['-f', file, ...host.own()]);
    await until('the VIP', () => host.addresses().includes('10.77.0.100/24'));
    const watch = host.watchAddresses();

    host.write('k.conf', one + instance('VI_2', 52, '10.77.0.102'));
    process.kill(host.pid(), 'SIGHUP');
    await until('the second VIP', () => host.addresses().includes('10.77.0.102/24'));

    host.write('k.conf', `${one}vrrp_script x {\n  interval\n}\n`);
    process.kill(host.pid(), 'SIGHUP');
    await until('the refusal', () => daemon.log().includes('Not reloaded'));
    expect(daemon.log()).toMatch(
      /k\.conf: Line 13\) `interval` has no value .*the configuration stays as it was\n/,
    );
    expect(host.addresses()).toContain('10.77.0.102/24');

    host.write('k.conf', one);
    process.kill(host.pid(), 'SIGHUP');
    await until('the second VIP to go', () => !host.addresses().includes('10.77.0.102'));
    await until('the notice of that', () => /^Deleted .*10\.77\.0\.102/m.test(watch.lines()));
    expect(watch.lines()).not.toMatch(/^Deleted .*10\.77\.0\.100/m);

    process.kill(host.pid(), 'SIGTERM');
    expect(await daemon.ended()).toBe(0);
  });

  test('with reload_check_config any mistake is refused, and reload_file is there while files are read', async () => {
    const head = `global_defs {\n reload_check_config ${host.path('check.log')}\n reload_file ${host.path('reload')}\n}\n`;
    const file = host.write('k.conf', head + instance('VI_1', 51, '10.77.0.100'));
    const daemon = host.start(['-f', file, ...host.own()]);
    await until('the start', () => daemon.log().includes('Startup complete'));

    host.write('reload', 'written by whoever updates the files\n');
    host.write('k.conf', `${head}${instance('VI_1', 51, '10.77.0.100')}no_such_keyword\n`);
    process.kill(host.pid(), 'SIGHUP');
    await until('the refusal', () => daemon.log().includes('Not reloaded'));
    expect(daemon.log()).toContain('Line 16) `no_such_keyword` is not known');
    expect(host.read('check.log')).toContain('Line 16) `no_such_keyword` is not known');
    expect(existsSync(host.path('reload'))).toBe(false);
  });
});

describe('dump files', () => {
  const dumps = () => `global_defs {
  state_dump_file ${host.path('k.data')}
  stats_dump_file ${host.path('k.stats')}
  json_dump_file ${host.path('k.json')}
}
`;

  test('the signals write them whole, for the owner only, and through no symbolic link', async () => {
    const file = host.write('k.conf', dumps() + instance('VI_1', 51, '10.77.0.100'));
    const daemon = host.start(['-f', file, ...host.own()]);
    await until('the VIP', () => host.addresses().includes('10.77.0.100/24'));
    const pid = host.pid();
    host.write('victim', 'not to be touched');
    symlinkSync(host.path('victim'), host.path('k.json'));

    const json = Number(host.run('--signum=JSON').out);
    process.kill(pid, 'SIGUSR1');
    process.kill(pid, 'SIGUSR2');
    process.kill(pid, json);
    await until(
      'the three',
      () => existsSync(host.path('k.stats')) && !lstatSync(host.path('k.json')).isSymbolicLink(),
    );
    await until('the data', () => host.read('k.data') !== '');

    expect(host.read('victim')).toBe('not to be touched');
    for (const name of ['k.data', 'k.stats', 'k.json'])
      expect(statSync(host.path(name)).mode & 0o777).toBe(0o600);
    const [only] = JSON.parse(host.read('k.json'));
    expect(only.data).toMatchObject({
      iname: 'VI_1',
      vrid: 51,
      state: 2,
      effective_priority: 200,
      vipset: true,
      vips: ['10.77.0.100/24 dev eth0 scope global set'],
    });
    expect(only.stats.advert_sent).toBeGreaterThan(0);
    expect(host.read('k.stats')).toMatch(
      /^VRRP Instance: VI_1\n {2}Advertisements:\n {4}Received: 0\n {4}Sent: [1-9]/,
    );
    expect(host.read('k.data')).toContain('------< VRRP Topology >------\n VRRP Instance = VI_1\n');
    expect(host.read('k.data')).toContain('   State = MASTER\n');

    const clear = Number(host.run('--signum=STATS_CLEAR').out);
    const sent = () => Number(/Sent: (\d+)/.exec(host.read('k.stats'))?.[1]);
    // Long enough that more adverts were sent before clearing than can be between the next two signals.
    await until('many adverts', () => {
      process.kill(pid, 'SIGUSR2');
      return sent() > 60;
    });
    process.kill(pid, clear);
    await until('the word of it', () => daemon.log().includes('clearing stats on signal'));
    process.kill(pid, 'SIGUSR2');
    await until('fewer', () => sent() < 60);
  });

  test('a signal that cannot be listened to is ignored and said, and ends nothing', async () => {
    const file = host.write('k.conf', dumps() + instance('VI_1', 51, '10.77.0.100'));
    const taken = ['bash', '-c', 'exec 36</dev/null; exec "$0" "$@"'];
    const daemon = host.start(['-f', file, ...host.own()], taken);
    await until('the start', () => daemon.log().includes('Startup complete'));
    expect(daemon.log()).toContain('signal 36 is ignored');
    process.kill(host.pid(), 36);
    process.kill(host.pid(), 'SIGUSR1');
    await until('the data', () => host.read('k.data') !== '');
    expect(existsSync(host.path('k.json'))).toBe(false);
  });
});

describe('the checkers', () => {
  test('have a pid file, a name in the log and a dump file of their own', async () => {
    const dump = `/tmp/keepalived_check_${host.namespace}.data`;
    const file = host.write(
      'k.conf',
      `instance ${host.namespace}
global_defs {
  data_use_instance
  state_dump_file ${host.path('k.data')}
}
virtual_server 10.77.0.100 3306 {
  delay_loop 1
  protocol TCP
  real_server 127.0.0.1 1 {
    TCP_CHECK {
      connect_timeout 1
      retry 0
      warmup 0
    }
  }
}
`,
    );
    try {
      const ran = host.run('-C', '-f', file, '-g', host.path('ka.log'), ...host.own());
      expect(ran.code).toBe(0);
      const pid = host.pid();
      expect(host.pid('checkers.pid')).toBe(pid);
      expect(host.read('vrrp.pid')).toBe('');
      await until('the check to fail', () => /127\.0\.0\.1/.test(host.read('ka_healthcheckers.log')));
      process.kill(pid, 'SIGUSR1');
      await until('the dump', () => existsSync(dump) && host.read('k.data') !== '');
      expect(readFileSync(dump, 'utf8')).toMatch(
        /VIP = \[10\.77\.0\.100\]:tcp:3306[\s\S]*RIP = \[127\.0\.0\.1\]:tcp:1/,
      );
      process.kill(pid, 'SIGTERM');
      await until('its end', () => !alive(pid));
      expect(host.read('checkers.pid')).toBe('');
    } finally {
      rmSync(dump, { force: true });
    }
  });
});

describe('syslog', () => {
  test('has the lines under the names of the C daemon, and a % of the file as it is', async () => {
    const listener = host.listenForSyslog();
    const file = host.write(
      'k.conf',
      `instance left\nglobal_defs {\n  no_such_%s%n_keyword\n}\n${instance('VI_1', 51, '10.77.0.100')}`,
    );
    const words = host.own().filter((word) => word !== '-G');
    const daemon = host.start(['-S', 'local3', '-f', file, ...words], listener.wrapper);
    await until('the start', () => daemon.log().includes('Startup complete'));
    await until('the same in syslog', () => listener.lines().includes('Startup complete'));
    const pid = host.pid();
    // local3 is 19, informational is 6.
    expect(listener.lines()).toMatch(
      new RegExp(`^<158>.* Keepalived_left\\[${pid}\\]: Startup complete$`, 'm'),
    );
    expect(listener.lines()).toMatch(
      new RegExp(`^<15\\d>.* Keepalived_vrrp_left\\[${pid}\\]: \\(VI_1\\) `, 'm'),
    );
    expect(listener.lines()).toContain('no_such_%s%n_keyword');
  });
});

describe('systemd', () => {
  test('is told when VRRP runs, of reloads, and of the end, as the unit of the C daemon wants it', async () => {
    const file = host.write('k.conf', instance('VI_1', 51, '10.77.0.100'));
    const said = host.listen(host.path('notify'));
    const daemon = host.start(['-f', file, ...host.own()], ['env', `NOTIFY_SOCKET=${host.path('notify')}`]);
    await until('the start', () => said().includes('READY=1'));
    expect(daemon.log()).toContain('Startup complete');
    expect(namesOf(host.pid())).toEqual(['keepalived', 'keepalived']);
    process.kill(host.pid(), 'SIGHUP');
    await until('the reload', () => /RELOADING=1\nMONOTONIC_USEC=\d+\nREADY=1\n/.test(said()));
    process.kill(host.pid(), 'SIGTERM');
    expect(await daemon.ended()).toBe(0);
    await until('the word of the end', () => said().endsWith('STOPPING=1\n'));
  });
});

describe('options', () => {
  test('those that do nothing here are accepted and said, with the reason', async () => {
    const file = host.write('k.conf', instance('VI_1', 51, '10.77.0.100'));
    const daemon = host.start(['-xR', '--no_bfd', '-f', file, ...host.own()]);
    await until('the start', () => daemon.log().includes('Startup complete'));
    expect(daemon.log()).toContain('-x (--snmp) does nothing here: there is no SNMP agent');
    expect(daemon.log()).toContain('-R (--dont-respawn) does nothing here');
    expect(daemon.log()).toContain('--no_bfd does nothing here');
  });

  test('a link named keepalived is this verb, and says its version where the C daemon does', () => {
    symlinkSync(PROGRAM, host.path('keepalived'));
    const link = (...words: string[]) => spawnSync(host.path('keepalived'), words, { encoding: 'utf8' });
    expect(link('--signum=JSON').stdout).toBe('36\n');
    expect(link('-v')).toMatchObject({
      stdout: '',
      stderr: expect.stringMatching(/^Keepalived v\d+\.\d+\.\d+ /),
    });
    expect(link('--signum=TDATA')).toMatchObject({ status: 1, stdout: '' });
    expect(link('--bogus')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('Unknown option --bogus'),
    });
  });

  test('-V leaves the VIPs when the daemon stops', async () => {
    const file = host.write('k.conf', instance('VI_1', 51, '10.77.0.100'));
    const daemon = host.start(['-V', '-f', file, ...host.own()]);
    await until('the VIP', () => host.addresses().includes('10.77.0.100/24'));
    process.kill(host.pid(), 'SIGTERM');
    expect(await daemon.ended()).toBe(0);
    expect(host.addresses()).toContain('10.77.0.100/24');
  });

  test('-t ends as the C daemon does, and says where', () => {
    const good = host.write('good.conf', instance('VI_1', 51, '10.77.0.100'));
    expect(host.run('-t', '-f', good)).toMatchObject({ code: 0, out: '' });
    const bad = host.write('bad.conf', `${instance('VI_1', 51, '10.77.0.100')}no_such_keyword\n`);
    const tested = host.run('-t', '-f', bad);
    expect(tested.code).toBe(5);
    expect(tested.err).toContain('bad.conf:12:1: `no_such_keyword` is not known at the top of the file');
    expect(host.run(`--config-test=${host.path('t.log')}`, '-f', bad)).toMatchObject({ code: 5, err: '' });
    expect(host.read('t.log')).toContain('bad.conf:12:1: error: `no_such_keyword`');
    expect(host.run('-t', '-f', host.path('none.conf')).code).toBe(6);
  });

  test('-i chooses among the @ lines, and -d logs the data without the password', async () => {
    const file = host.write(
      'k.conf',
      `vrrp_instance VI_1 {
  interface eth0
  virtual_router_id 51
  @left priority 201
  @right priority 202
  authentication {
    auth_type PASS
    auth_pass hush1234
  }
  virtual_ipaddress {
    10.77.0.100
  }
}
`,
    );
    const daemon = host.start(['-d', '-i', 'right', '-f', file, ...host.own()]);
    await until('the data', () => daemon.log().includes('Password ='));
    expect(daemon.log()).toContain('   Priority = 202\n');
    expect(daemon.log()).not.toContain('hush1234');
  });

  test('net_namespace is entered, under the same process id, and names the pid files', async () => {
    const file = host.write(
      'k.conf',
      `net_namespace ${host.namespace}\n${instance('VI_1', 51, '10.77.0.100')}`,
    );
    const daemon = host.startOutside(['-f', file, ...host.own()]);
    await until('the VIP', () => host.addresses().includes('10.77.0.100/24'));
    expect(host.pid()).toBe(daemon.process.pid);
    process.kill(host.pid(), 'SIGTERM');
    expect(await daemon.ended()).toBe(0);

    const nowhere = host.startOutside(['-s', 'no-such-namespace', '-f', file, ...host.own()]);
    expect(await nowhere.ended()).toBe(1);
    expect(nowhere.log()).toContain('there is no network namespace no-such-namespace');
  });

  test('start and stop scripts run around everything else, and one that does not end is ended', async () => {
    const slow = host.write('slow', '#!/bin/sh\nsleep 600\n', 0o755);
    const stop = host.write('stop', `#!/bin/sh\necho over >> ${host.path('over')}\n`, 0o755);
    const head = `global_defs {
  enable_script_security
  script_user root
  startup_script ${slow}
  startup_script_timeout 1
  shutdown_script ${stop}
}
`;
    // Half a second for its end: the shutdown script finds what it wrote.
    const told = host.write('told', `#!/bin/sh\nsleep 0.5\necho "$@" >> ${host.path('over')}\n`, 0o755);
    const one = instance('VI_1', 51, '10.77.0.100', `notify_stop "${told} bye"`);
    const file = host.write('k.conf', head + one);
    const daemon = host.start(['-f', file, ...host.own()]);
    await until('the start', () => daemon.log().includes('Startup complete'));
    expect(daemon.log()).toContain('startup script timed out');
    expect(existsSync(host.path('over'))).toBe(false);
    process.kill(host.pid(), 'SIGTERM');
    expect(await daemon.ended()).toBe(0);
    expect(host.read('over')).toBe('bye\nover\n');
    expect(daemon.log()).toContain('shutdown script succeeded');
  });
});
