// The archive: a process on a third host that keeps a raw copy of the writer's binary log, follows the writer over failovers, and
// gives a promotion what the standby had not received. Asks the agents who the writer is; needs the replication account only.
import { apiUrl } from '../config/apiurl.ts';
import { readSecret } from '../config/secret.ts';
import type { NodeConfig, PairConfig } from '../config/types.ts';
import {
  type ArchiveAction,
  type ArchiveEvent,
  initialArchive,
  type Source,
  step,
} from '../core/archive/machine.ts';
import { OperatorError } from '../core/error.ts';
import { type Copy, startCopy } from '../io/archive/copy.ts';
import { openArchiveApi, type TailQuestion } from '../io/archive/serve.ts';
import {
  bytesOf,
  filesOf,
  isUnused,
  openShelf,
  positionAfter,
  type Run,
  runsFrom,
} from '../io/archive/shelf.ts';
import { cutTail, type Tail } from '../io/archive/tail.ts';
import type { Endpoint } from '../io/database/connection.ts';
import { serverFamilyAt } from '../io/database/open.ts';
import { openLog } from './log.ts';

const POLL_MS = 1000;
const ASK_MS_MAX = 2000;
/** A source that has refused a position this often has another history: the copy starts at its oldest. */
const REFUSED_MAX = 2;

export interface ArchiveOptions {
  readonly config: PairConfig;
  readonly folder: string;
}

/** Runs until it is told to stop; resolves with the exit code. */
export async function runArchive({ config, folder }: ArchiveOptions): Promise<number> {
  const { archive, mysql, api } = config;
  if (archive === null)
    throw new OperatorError(
      'no-archive',
      'pair.yaml has no section `archive`',
      'add `archive: { address: ADDRESS:8704 }` with the address of this host, on all hosts',
    );
  const log = openLog('archive', config.pair, 'archive');
  const token = (): string => readSecret(api.tokenFile, 'API token').value;
  const shelf = openShelf(folder);
  let state = initialArchive;
  let copy: Copy | null = null;
  let run: Run | null = null;
  let because = 'the agents are asked who the writer is';
  let refused = 0;
  let stopping = false;

  function dispatch(
    event: ArchiveEvent extends infer E ? (E extends ArchiveEvent ? Omit<E, 'nowMs'> : never) : never,
  ): void {
    const [next, actions] = step(state, { ...event, nowMs: performance.now() } as ArchiveEvent);
    state = next;
    for (const action of actions) perform(action);
  }

  function perform(action: ArchiveAction): void {
    if (action.kind === 'say') {
      because = action.because;
      log.say(action.level, action.code, action.because);
    } else if (action.kind === 'stop') {
      log.say('info', 'copy-stopping', action.because);
      copy?.stop();
    } else void begin(action.source, action.because);
  }

  const endpointOf = (node: NodeConfig): Endpoint => ({
    host: node.address,
    port: mysql.port,
    tls: mysql.tls,
    user: mysql.replication.user,
    password: readSecret(mysql.replication.passwordFile, 'password of the replication account').value,
  });

  async function begin(source: Source, why: string): Promise<void> {
    const node = config.nodes.find((each) => each.name === source.node);
    try {
      if (node === undefined) throw new Error(`pair.yaml has no node ${source.node}`);
      const endpoint = endpointOf(node);
      const at = { ...endpoint, role: 'peer', schema: 'twinkeep' } as const;
      const family = (await serverFamilyAt(at, ASK_MS_MAX)) === 'mariadb' ? 'mariadb' : 'mysql';
      const last = shelf.runs().at(-1);
      const behind = last === undefined || refused >= REFUSED_MAX ? '' : await positionAfter(last);
      // A source that refuses is asked again and again: an attempt that wrote nothing leaves its folder to the next.
      const unused = last !== undefined && isUnused(last, { ...source, family, behind }) ? last : null;
      run = unused ?? shelf.begin({ ...source, family, behind });
      because = `copying from ${node.name} (${why})`;
      log.say(
        'info',
        'copying',
        `${because}, behind ${behind === '' ? 'nothing: from its oldest log' : behind}`,
      );
      copy = startCopy({ run, endpoint, serverId: config.vrrp.id * 10 + 10, onEnd: ended });
      if (stopping) copy.stop();
    } catch (error) {
      ended((error as Error).message);
    }
  }

  function ended(why: string): void {
    copy = null;
    // "could not find", "not in the master's binlog", "purged", "more GTIDs": the source cannot send from there.
    refused = /1236|not in the master|purged|more GTIDs|went another way/i.test(why) ? refused + 1 : 0;
    dispatch({ kind: 'ended', because: why });
    void poll();
  }

  async function askNode(node: NodeConfig): Promise<Source | null> {
    try {
      const response = await fetch(apiUrl(config, node, '/api/v1/pair'), {
        headers: { authorization: `Bearer ${token()}` },
        signal: AbortSignal.timeout(ASK_MS_MAX),
      });
      const { record } = (await response.json()) as { record?: { epoch?: unknown; writer?: unknown } };
      const { epoch, writer } = record ?? {};
      return typeof epoch === 'number' && typeof writer === 'string' ? { node: writer, epoch } : null;
    } catch {
      return null;
    }
  }

  async function poll(): Promise<void> {
    const answers = (await Promise.all(config.nodes.map(askNode))).filter((each) => each !== null);
    const [latest] = answers.sort((x, y) => y.epoch - x.epoch);
    if (latest === undefined) {
      if (copy === null) because = 'no agent of the pair answers';
    } else if (!stopping) dispatch({ kind: 'pair', writer: latest });
    if (!stopping) dispatch({ kind: 'tick' });
  }

  async function tail({ after, node, epoch }: TailQuestion): Promise<Tail | null> {
    const runs = shelf.runs().filter((each) => each.epoch <= epoch);
    const last = runs.at(-1);
    if (last === undefined || last.epoch !== epoch || last.node !== node)
      throw new OperatorError(
        'archive-lacks-epoch',
        `the archive has nothing of ${node} as the writer of epoch ${epoch}`,
        'look at GET /api/v1/archive: it must have run while that node was the writer',
      );
    const from = runsFrom(runs, after);
    if (from === null)
      throw new OperatorError(
        'archive-gap',
        `the archive begins behind ${after || 'nothing'}: something between is missing`,
        'make the node a copy with `twinkeep clone`',
      );
    return await cutTail(from.flatMap(filesOf), after);
  }

  const view = () => ({
    pair: config.pair,
    copying: state.copying === null ? null : { node: state.copying.node, epoch: state.copying.epoch },
    because,
    runs: shelf.runs().map((each) => ({
      name: each.name,
      node: each.node,
      epoch: each.epoch,
      startedAt: each.startedAt,
      behind: each.behind,
      bytes: bytesOf(each),
    })),
  });
  const server = await openArchiveApi({
    host: archive.host,
    port: archive.port,
    token: token(),
    view,
    healthy: () => ({ ok: copy !== null, because }),
    tail,
  });
  log.say('info', 'archive', `listening on ${archive.host}:${archive.port}, keeping logs in ${folder}`);
  const timer = setInterval(() => void poll(), POLL_MS);
  void poll();
  return await new Promise<number>((resolve) => {
    const stop = (signal: string): void => {
      if (stopping) return;
      stopping = true;
      log.say('info', 'stopping', signal);
      clearInterval(timer);
      copy?.stop();
      server.close();
      const wait = (): void => {
        if (copy === null) resolve(0);
        else setTimeout(wait, 20);
      };
      wait();
    };
    process.on('SIGTERM', () => stop('SIGTERM'));
    process.on('SIGINT', () => stop('SIGINT'));
  });
}
