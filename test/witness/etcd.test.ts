// The witness over real etcd: what a read and a swap tell in each state that a cluster, its host and its network can be in.

import { createServer, type Server } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { PairRecord } from '../../src/core/pair/record.ts';
import { entryKey, pairId } from '../../src/io/witness/entry.ts';
import { type EtcdWitnessOptions, openEtcdWitness } from '../../src/io/witness/etcd.ts';
import type { Witness } from '../../src/runtime/ports.ts';
import { tlsFiles } from './certificate.ts';
import { type EtcdCluster, etcdCluster } from './etcdserver.ts';

/** Far more than any call needs: only a failure uses it up. */
const PATIENT_MS = 10_000;
const HASTY_MS = 250;

const record = (epoch: number, writer = 'a', sync: PairRecord['sync'] = 'paired'): PairRecord => ({
  epoch,
  writer,
  sync,
});

let named = 0;
/** A pair that no other test uses. */
function owner() {
  named += 1;
  return { pair: `shop-${named}`, pairId: pairId('secret'), nodes: ['a', 'b'] };
}

function open(options: Partial<EtcdWitnessOptions> & { endpoints: readonly string[] }): Witness {
  const witness = openEtcdWitness({ ...owner(), ...options });
  onTestFinished(() => witness.close());
  return witness;
}

async function swapped(witness: Witness, next: PairRecord, held: Held | null): Promise<Held> {
  const outcome = await witness.swap(next, held, PATIENT_MS);
  if (outcome.kind !== 'swapped') throw new Error(JSON.stringify(outcome));
  return { record: next, revision: outcome.revision };
}
interface Held {
  readonly record: PairRecord;
  readonly revision: string;
}

/** Asks until a cluster that lost its leader has another. */
async function settled(witness: Witness): Promise<void> {
  const endMs = performance.now() + 20_000;
  while ((await witness.read(1_000)).kind === 'unreachable' && performance.now() < endMs) await sleep(50);
}

/** Writes around the witness, as etcdctl would. */
async function putRaw(endpoint: string, key: string, value: string): Promise<void> {
  const body = JSON.stringify({ key: btoa(key), value: btoa(value) });
  await fetch(`${endpoint}/v3/kv/put`, { method: 'POST', body });
}

describe('one etcd', () => {
  let etcd: EtcdCluster;
  beforeAll(async () => {
    etcd = await etcdCluster(1);
    await etcd.start();
  });
  afterAll(() => etcd.end());
  const member = () => etcd.members[0] as EtcdCluster['members'][number];

  test('holds nothing, takes a first record once, and follows swaps that expect what is there', async () => {
    const witness = open(etcd);
    expect(await witness.read(PATIENT_MS)).toEqual({ kind: 'empty' });
    const first = await swapped(witness, record(1), null);
    expect(await witness.read(PATIENT_MS)).toEqual({ kind: 'holds', ...first });
    expect(await witness.swap(record(1, 'b'), null, PATIENT_MS)).toEqual({
      kind: 'conflict',
      view: { kind: 'holds', ...first },
    });
    const second = await swapped(witness, record(2, 'b', 'alone'), first);
    expect(BigInt(second.revision)).toBeGreaterThan(BigInt(first.revision));
    expect(await witness.read(PATIENT_MS)).toEqual({ kind: 'holds', ...second });
  });

  test('refuses a swap whose revision is old although the text is the same, and one whose text differs', async () => {
    const witness = open(etcd);
    const first = await swapped(witness, record(1), null);
    const touched = await swapped(witness, record(1), first);
    const conflict = { kind: 'conflict', view: { kind: 'holds', ...touched } };
    expect(await witness.swap(record(2), first, PATIENT_MS)).toEqual(conflict);
    const otherText = { record: record(1, 'a', 'alone'), revision: touched.revision };
    expect(await witness.swap(record(2), otherText, PATIENT_MS)).toEqual(conflict);
    expect(await witness.read(PATIENT_MS)).toEqual(conflict.view);
  });

  test('of two nodes that swap at the same time exactly one wins, and the other sees who', async () => {
    const shared = owner();
    const [a, b] = [open({ ...etcd, ...shared }), open({ ...etcd, ...shared })];
    let held = await swapped(a, record(1), null);
    for (let epoch = 2; epoch <= 51; epoch++) {
      const claims = [record(epoch, 'a', 'alone'), record(epoch, 'b', 'alone')] as const;
      const outcomes = await Promise.all([
        a.swap(claims[0], held, PATIENT_MS),
        b.swap(claims[1], held, PATIENT_MS),
      ]);
      const won = outcomes.findIndex((outcome) => outcome.kind === 'swapped');
      const [winner, loser] = won === 0 ? [outcomes[0], outcomes[1]] : [outcomes[1], outcomes[0]];
      if (winner.kind !== 'swapped') throw new Error(JSON.stringify(outcomes));
      held = { record: claims[won === 0 ? 0 : 1], revision: winner.revision };
      expect(loser).toEqual({ kind: 'conflict', view: { kind: 'holds', ...held } });
    }
  });

  test('keeps the record over a crash; wiped, it is empty, and an expectation from before holds no more', async () => {
    const witness = open(etcd);
    const held = await swapped(witness, record(5), null);
    await member().kill();
    expect(await witness.read(PATIENT_MS)).toMatchObject({
      kind: 'unreachable',
      because: expect.stringContaining('refused the connection: start etcd there'),
    });
    expect(await witness.swap(record(6), held, PATIENT_MS)).toMatchObject({ kind: 'unknown' });
    await member().start();
    await settled(witness);
    expect(await witness.read(PATIENT_MS)).toEqual({ kind: 'holds', ...held });
    await member().kill();
    member().wipe();
    await member().start();
    await settled(witness);
    expect(await witness.read(PATIENT_MS)).toEqual({ kind: 'empty' });
    expect(await witness.swap(record(6), held, PATIENT_MS)).toEqual({
      kind: 'conflict',
      view: { kind: 'empty' },
    });
  });

  test('frozen, it is unreachable and a swap is unknown; thawed, the same swap again tells what became of it', async () => {
    const witness = open(etcd);
    const held = await swapped(witness, record(1), null);
    member().freeze();
    onTestFinished(() => member().thaw());
    expect(await witness.read(HASTY_MS)).toMatchObject({ kind: 'unreachable' });
    expect(await witness.swap(record(2, 'b'), held, HASTY_MS)).toMatchObject({ kind: 'unknown' });
    member().thaw();
    await settled(witness);
    const again = await witness.swap(record(2, 'b'), held, PATIENT_MS);
    const now = await witness.read(PATIENT_MS);
    expect(now).toMatchObject({ kind: 'holds', record: record(2, 'b') });
    // The first swap was carried out late, and is what the second one finds; or it never was, and the second one is done.
    if (again.kind === 'conflict') expect(again.view).toEqual(now);
    else expect(again).toMatchObject({ kind: 'swapped' });
  });

  test('answers come in the order of the calls, also when a later one has less time', async () => {
    const witness = open(etcd);
    await witness.read(PATIENT_MS);
    member().freeze();
    onTestFinished(() => member().thaw());
    const order: string[] = [];
    const read = witness.read(PATIENT_MS).then((view) => order.push(`read ${view.kind}`));
    const swap = witness
      .swap(record(1), null, HASTY_MS)
      .then((outcome) => order.push(`swap ${outcome.kind}`));
    await Promise.all([read, swap]);
    expect(order).toEqual(['read unreachable', 'swap unknown']);
  });

  test("another pair's record and a text that is no record are foreign, and are never overwritten", async () => {
    const ours = owner();
    const theirs = open({ ...etcd, ...ours, pairId: pairId('another secret') });
    const held = await swapped(theirs, record(3), null);
    const witness = open({ ...etcd, ...ours });
    const foreign = { kind: 'foreign', because: expect.stringContaining('another pair of the same name') };
    expect(await witness.read(PATIENT_MS)).toEqual(foreign);
    expect(await witness.swap(record(4), held, PATIENT_MS)).toEqual({ kind: 'conflict', view: foreign });
    expect(await theirs.read(PATIENT_MS)).toEqual({ kind: 'holds', ...held });
    await putRaw(etcd.endpoints[0] ?? '', entryKey(ours.pair), 'hello');
    expect(await witness.read(PATIENT_MS)).toMatchObject({
      kind: 'foreign',
      because: expect.stringContaining('"hello"'),
    });
    expect(await witness.swap(record(1), null, PATIENT_MS)).toMatchObject({
      kind: 'conflict',
      view: { kind: 'foreign' },
    });
  });

  test('an etcd that wants an account says so; with it, a token that a restart made worthless is renewed', async () => {
    const own = await etcdCluster(1);
    onTestFinished(() => own.end());
    await own.start();
    const [url = ''] = own.endpoints;
    const post = (path: string, body: object) =>
      fetch(`${url}/v3/${path}`, { method: 'POST', body: JSON.stringify(body) });
    await post('auth/user/add', { name: 'root', password: 'r' });
    await post('auth/user/grant', { user: 'root', role: 'root' });
    await post('auth/enable', {});
    expect(await open(own).read(PATIENT_MS)).toMatchObject({
      kind: 'unreachable',
      because: expect.stringContaining('set witness.user and witness.passwordFile'),
    });
    const wrong = open({ ...own, account: { user: 'root', password: 'x' } });
    expect(await wrong.read(PATIENT_MS)).toMatchObject({
      kind: 'unreachable',
      because: expect.stringContaining('check witness.user and witness.passwordFile'),
    });
    const witness = open({ ...own, account: { user: 'root', password: 'r' } });
    const held = await swapped(witness, record(1), null);
    await own.members[0]?.kill();
    await own.members[0]?.start();
    await settled(witness);
    await swapped(witness, record(2), held);
  });
});

describe('three etcd members', () => {
  let etcd: EtcdCluster;
  beforeAll(async () => {
    etcd = await etcdCluster(3);
    await etcd.start();
  });
  afterAll(() => etcd.end());
  beforeEach(async () => {
    for (const member of etcd.members) member.thaw();
  });

  test('with one down the others go on; with two down the last one refuses at once and takes nothing', async () => {
    const witness = open(etcd);
    const first = await swapped(witness, record(1), null);
    const [one, two, three] = etcd.members;
    await one?.kill();
    await settled(witness);
    const second = await swapped(witness, record(2, 'b'), first);
    await two?.kill();
    const lonely = open({ endpoints: [three?.url ?? ''], ...owner() });
    await expect
      .poll(async () => ((await lonely.read(1_000)) as { because?: string }).because, { timeout: 20_000 })
      .toMatch(/no leader.*too few members/);
    expect(await witness.swap(record(3), second, 1_000)).toMatchObject({ kind: 'unknown' });
    await Promise.all([one?.start(), two?.start()]);
    await settled(witness);
    expect(await witness.read(PATIENT_MS)).toEqual({ kind: 'holds', ...second });
  });

  test('a read goes on to the next member when one is frozen, and stays with the one that answered', async () => {
    const shared = owner();
    const writer = open({ ...etcd, ...shared });
    const held = await swapped(writer, record(1), null);
    // Frozen is a member that does not lead, so that the cluster itself is well.
    const follower = await followerOf(etcd);
    const endpoints = [follower.url, ...etcd.endpoints.filter((url) => url !== follower.url)];
    const witness = open({ ...shared, endpoints });
    expect(await witness.read(PATIENT_MS)).toEqual({ kind: 'holds', ...held });
    follower.freeze();
    onTestFinished(() => follower.thaw());
    expect(await witness.read(3_000)).toEqual({ kind: 'holds', ...held });
    // A swap would be unknown if it went to the frozen member.
    await swapped(witness, record(2), held);
  });

  test('a swap that a frozen member may have taken is given to no other; the next one is', async () => {
    const shared = owner();
    const held = await swapped(open({ ...etcd, ...shared }), record(1), null);
    const follower = await followerOf(etcd);
    const endpoints = [follower.url, ...etcd.endpoints.filter((url) => url !== follower.url)];
    const witness = open({ ...shared, endpoints });
    follower.freeze();
    onTestFinished(() => follower.thaw());
    expect(await witness.swap(record(2, 'b'), held, HASTY_MS)).toMatchObject({ kind: 'unknown' });
    const settledBy = await swapped(witness, record(2, 'a'), held);
    follower.thaw();
    await expect
      .poll(() => open({ ...shared, endpoints: [follower.url] }).read(1_000))
      .toEqual({
        kind: 'holds',
        ...settledBy, // what lay in its socket found another revision
      });
  });

  test('two clusters in one list are noticed', async () => {
    const other = await etcdCluster(1);
    onTestFinished(() => other.end());
    await other.start();
    const witness = open({ endpoints: [...other.endpoints, etcd.endpoints[0] ?? ''] });
    expect(await witness.read(PATIENT_MS)).toEqual({ kind: 'empty' });
    await other.members[0]?.kill();
    expect(await witness.read(PATIENT_MS)).toMatchObject({
      kind: 'unreachable',
      because: expect.stringContaining('are not members of one etcd cluster'),
    });
  });
});

async function followerOf({ members }: EtcdCluster) {
  for (const member of members) {
    const answer = await fetch(`${member.url}/v3/maintenance/status`, { method: 'POST', body: '{}' });
    const { header, leader } = (await answer.json()) as { header: { member_id: string }; leader: string };
    if (header.member_id !== leader) return member;
  }
  throw new Error('every member leads');
}

describe('what is no etcd', () => {
  async function listening(server: Server | ReturnType<typeof createTcpServer>): Promise<string> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  }
  const because = async (endpoint: string, ms = PATIENT_MS): Promise<string> => {
    const view = await open({ endpoints: [endpoint] }).read(ms);
    return view.kind === 'unreachable' ? view.because : JSON.stringify(view);
  };

  test('a web server is named as what listens there', async () => {
    const url = await listening(createServer((_, response) => response.end('<h1>It works!</h1>')));
    expect(await because(url)).toMatch(/no etcd.*200 "<h1>It works!<\/h1>".*mend witness\.etcd/);
  });

  test('an answer without an end is cut off', async () => {
    const flood = createServer((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(10_000)));
      };
      response.on('drain', more);
      more();
    });
    expect(await because(await listening(flood))).toMatch(/sent far more than etcd would/);
  });

  test('a database server, which speaks first and no HTTP, is named as such', async () => {
    const greeting = createTcpServer(
      (socket) => void socket.on('error', () => {}).end('J\0\0\0\n5.5.5-10.11'),
    );
    expect(await because(await listening(greeting))).toMatch(/not by HTTP/);
  });

  test('a port that takes connections and says nothing costs no more than the deadline', async () => {
    const silent = createTcpServer((socket) => void socket.on('error', () => {}));
    expect(await because(await listening(silent), HASTY_MS)).toMatch(/gave no answer within 2\d\d ms/);
  });

  test('http and https are told apart in both directions', async () => {
    const files = tlsFiles();
    onTestFinished(files.remove);
    const secure = await etcdCluster(1, { tls: files });
    onTestFinished(() => secure.end());
    await secure.start();
    const [url = ''] = secure.endpoints;
    expect(await because(url.replace('https', 'http'))).toMatch(/write https:\/\//);
    expect(await because(url)).toMatch(/does not trust.*witness\.caFile/);
    const witness = open({ endpoints: [url], tls: { ca: files.certificate } });
    await swapped(witness, record(1), null);
    const plain = await listening(createServer((_, response) => response.end()));
    expect(await because(plain.replace('http', 'https'))).toMatch(/speaks no TLS/);
  });

  test('an etcd that asks for a certificate takes ours, and a node without one is told so', async () => {
    const files = tlsFiles();
    onTestFinished(files.remove);
    const secure = await etcdCluster(1, { tls: files, clientCaFile: files.certFile });
    onTestFinished(() => secure.end());
    await secure.start();
    const ca = files.certificate;
    expect(await open({ ...secure, tls: { ca } }).read(PATIENT_MS)).toMatchObject({
      because: expect.stringMatching(/certificate.*witness\.certFile/),
    });
    const witness = open({ ...secure, tls: { ca, cert: files.certificate, key: files.key } });
    expect(await witness.read(PATIENT_MS)).toEqual({ kind: 'empty' });
  });
});
