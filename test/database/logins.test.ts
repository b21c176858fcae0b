// How the agent's account and the replication account log in: each authentication plugin that set-up may find them with, over
// TCP, the unix socket and TLS, on real servers.
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Endpoint, HeldConnection } from '../../src/io/database/connection.ts';
import { rowsOf } from '../../src/io/database/rows.ts';
import { tlsFiles } from '../witness/certificate.ts';
import { mysqlRoot } from './mysqlserver.ts';
import { SECOND } from './pair.ts';
import { NODES, openSetupBench, type SetupBench } from './setupbench.ts';

const HOSTS = ['localhost', '127.0.0.1', '::1', '192.0.2.11', '192.0.2.12'];

/** The cipher of a session ('' without TLS), as the server tells it. */
async function cipherOf(endpoint: Endpoint): Promise<string> {
  const connection = new HeldConnection({ endpoint, onTimeout: 'discard' });
  try {
    const [row] = rowsOf(await connection.query("SHOW SESSION STATUS LIKE 'Ssl_cipher'", 5 * SECOND));
    return String(row?.['Value'] ?? '');
  } finally {
    connection.close();
  }
}

describe('accounts on MariaDB', () => {
  let bench: SetupBench;
  const authority = tlsFiles();
  beforeAll(async () => {
    // Read by the servers as well.
    for (const file of [authority.certFile, authority.keyFile]) chmodSync(file, 0o644);
    bench = await openSetupBench('mariadb', `tls: { mode: verify, caFile: ${authority.certFile} }`);
  });
  afterEach(() => bench.clear());
  afterAll(() => {
    bench.end();
    authority.remove();
  });

  it('of ed25519 are taken as they are, and serve agent and channel over verified TLS', async () => {
    // Debian has the client's half beside its client library, where a server's channel does not look.
    const plugins = join(bench.dir, 'plugins');
    mkdirSync(plugins);
    symlinkSync('/usr/lib/mysql/plugin/auth_ed25519.so', join(plugins, 'auth_ed25519.so'));
    symlinkSync(
      '/usr/lib/x86_64-linux-gnu/libmariadb3/plugin/client_ed25519.so',
      join(plugins, 'client_ed25519.so'),
    );
    const args = [
      `--plugin-dir=${plugins}`,
      '--plugin-load-add=auth_ed25519',
      `--ssl-cert=${authority.certFile}`,
      `--ssl-key=${authority.keyFile}`,
    ];
    await bench.start({ a: args, b: args });
    for (const user of ['admin', 'repl'])
      writeFileSync(join(bench.dir, `${user}.password`), 'a password of no special length\n', {
        mode: 0o600,
      });
    const accounts = ['twinkeep', 'repl'].flatMap((user) =>
      HOSTS.map(
        (host) =>
          `CREATE USER '${user}'@'${host}' IDENTIFIED VIA ed25519 USING PASSWORD('a password of no special length')
           ${host.startsWith('192.') ? 'REQUIRE SSL' : ''}`,
      ),
    );
    for (const node of NODES) await bench.writeUnlogged(node, ...accounts);
    const steps = await bench.steps();
    expect(steps.filter((step) => /make the account|set the password/.test(step))).toEqual([]);
    expect(await bench.steps()).toEqual([]);
    // The replication accounts REQUIRE SSL: a channel that runs has it.
    const a = bench.database('a');
    await a.connect(5 * SECOND);
    expect((await a.status(SECOND)).channel).toMatchObject({ receiver: 'running', receiverError: null });
  });

  it('are refused with a certificate that another authority has signed', async () => {
    const other = tlsFiles();
    for (const file of [other.certFile, other.keyFile]) chmodSync(file, 0o644);
    const args = [`--ssl-cert=${other.certFile}`, `--ssl-key=${other.keyFile}`];
    await bench.start({ a: args });
    await bench.writeUnlogged('a', "CREATE USER tls@'%' IDENTIFIED BY 'secret'");
    const socketPath = bench.server('a').socket;
    const endpoint = { host: '192.0.2.11', port: bench.port, user: 'tls', password: 'secret' };
    expect(
      await cipherOf({ ...endpoint, socketPath, tls: { mode: 'verify', caFile: authority.certFile } }),
    ).toBe('');
    const refused = await bench.inside(
      cipherSource(endpoint, { mode: 'verify', caFile: authority.certFile }),
    );
    expect(refused).toMatch(/failed: .*self[- ]signed certificate/);
    expect(await bench.inside(cipherSource(endpoint, { mode: 'verify', caFile: other.certFile }))).toMatch(
      /^TLS_/,
    );
    expect(await bench.inside(cipherSource(endpoint, { mode: 'required', caFile: null }))).toMatch(/^TLS_/);
    other.remove();
  });

  it('without TLS at the server: preferred goes on without, required says so', async () => {
    await bench.start();
    await bench.writeUnlogged('a', "CREATE USER tls@'%' IDENTIFIED BY 'secret'");
    const endpoint = { host: '192.0.2.11', port: bench.port, user: 'tls', password: 'secret' };
    expect(await bench.inside(cipherSource(endpoint, { mode: 'preferred', caFile: null }))).toBe('none');
    expect(await bench.inside(cipherSource(endpoint, { mode: 'required', caFile: null }))).toMatch(
      /failed: .*does not support secure connection/,
    );
  });
});

/** A program for the servers' namespace: prints the cipher of a session, or why there is none. */
function cipherSource(endpoint: Endpoint, tls: NonNullable<Endpoint['tls']>): string {
  const module = join(import.meta.dirname, '../../src/io/database/connection.ts');
  return `import { HeldConnection } from ${JSON.stringify(module)};
    const endpoint = ${JSON.stringify({ ...endpoint, tls })};
    const connection = new HeldConnection({ endpoint, onTimeout: 'discard' });
    try {
      const [row] = await connection.query("SHOW SESSION STATUS LIKE 'Ssl_cipher'", 5000);
      console.log(row.Value || 'none');
    } catch (error) {
      console.log('failed: ' + error.message);
    }
    connection.close();`;
}

const root = mysqlRoot();

describe.skipIf('missing' in root)('accounts on MySQL', () => {
  let bench: SetupBench;
  beforeAll(async () => {
    bench = await openSetupBench('mysql', 'tls: { mode: required }');
  });
  afterEach(() => bench.clear());
  afterAll(() => bench.end());

  it('of caching_sha2_password serve over socket, RSA and TLS, and a channel whose account requires TLS', async () => {
    await bench.start();
    await bench.steps();
    for (const node of NODES)
      await bench.writeUnlogged(
        node,
        "ALTER USER repl@'192.0.2.11' REQUIRE SSL",
        "ALTER USER repl@'192.0.2.12' REQUIRE SSL",
        "CREATE USER sha2@'%' IDENTIFIED WITH caching_sha2_password BY 'secret'",
        // What was cached of earlier log-ins is forgotten: each log-in below is a whole one.
        'FLUSH PRIVILEGES',
        'STOP REPLICA',
        'START REPLICA',
      );
    const sha2 = { host: '192.0.2.11', port: bench.port, user: 'sha2', password: 'secret' };
    expect(await cipherOf({ ...sha2, socketPath: bench.server('a').socket })).toBe('');
    const inside = (tls: Endpoint['tls']) =>
      bench.inside(cipherSource(sha2, tls as NonNullable<Endpoint['tls']>));
    expect(await inside(null)).toBe('none');
    await bench.on('a', 'FLUSH PRIVILEGES');
    expect(await inside({ mode: 'required', caFile: null })).toMatch(/^TLS_/);
    const caFile = join(bench.dir, 'ca.pem');
    copyFileSync(join(bench.server('a').dir, 'data/ca.pem'), caFile);
    expect(await inside({ mode: 'verify', caFile })).toMatch(/^TLS_/);
    const db = bench.database('a');
    await db.connect(5 * SECOND);
    await expect
      .poll(async () => (await db.status(SECOND)).channel?.receiver, { timeout: 20_000 })
      .toBe('running');
    expect(await bench.steps()).toEqual([]);
  });
});
