// The manager of a further replica, without a write VIP and without a say in who is writer: composes core/replica with the
// replica's own server and the APIs of both nodes. Where read VIPs are configured an agent (agent.ts) starts it and holds
// them; otherwise it is all there is, and `twinkeep agent` becomes it.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { apiUrl } from '../config/apiurl.ts';
import { readSecret } from '../config/secret.ts';
import type { PairConfig, ReplicaConfig } from '../config/types.ts';
import { assert, OperatorError } from '../core/error.ts';
import type { ReplicaAction, ReplicaEvent } from '../core/replica/event.ts';
import { sourceLives } from '../core/replica/fitness.ts';
import { step } from '../core/replica/machine.ts';
import { initialState, type ReplicaState } from '../core/replica/state.ts';
import { statementOf } from '../core/replica/view.ts';
import { agentSocketPath, type ReadsOnWire } from '../io/agentlink/link.ts';
import { bootClock } from '../io/clock.ts';
import { openDatabase } from '../io/database/open.ts';
import { lockAgainstSecondAgent } from '../io/linux/process.ts';
import { openReplicaApi } from '../io/replica/api.ts';
import { openErrantFile } from '../io/replica/errantfile.ts';
import { startPairPoll } from '../io/replica/pairpoll.ts';
import { openReplicaServer } from '../io/replica/server.ts';
import { openEventFile } from '../io/state/eventfile.ts';
import { openStateFolder } from '../io/state/recordfile.ts';
import { runMachine } from '../runtime/loop.ts';
import { DatabaseError } from '../runtime/ports.ts';
import { openAgentPort } from './agentport.ts';
import { openEventLog } from './eventlog.ts';
import { keepCompiled, resolvedFromEnvironment } from './launch.ts';
import { type Level, openLog } from './log.ts';
import { passwordIn } from './passwords.ts';
import { startProber } from './prober.ts';
import { startReplicaReads } from './replicareads.ts';

const SCHEMA = 'twinkeep';
const HEARTBEAT_S = 0.2;
const TICK_MS = 250;
const PLACE_MS_MAX = 1000;
/** The last words to the agent must leave before the process ends. */
const LAST_WORDS_MS = 50;

type WithoutTime<E> = E extends ReplicaEvent ? Omit<E, 'nowMs'> : never;

function openFolder(config: PairConfig, self: ReplicaConfig): string {
  const folder = openStateFolder(config.stateDir, config.pair, self.name);
  const locked = lockAgainstSecondAgent(join(folder, 'agent.lock'));
  if (locked.ok) return folder;
  throw new OperatorError(
    'second-agent',
    `another agent already runs for replica ${self.name} of pair ${config.pair} on this host (process ${locked.heldByPid ?? 'unknown'})`,
    'leave that one running, or stop it first (systemctl stop twinkeep, or kill -TERM with its process id)',
  );
}

/** Runs until SIGTERM, SIGINT or its agent's word. `managed`: under an agent, which holds the lock of the folder. */
export function runReplica(config: PairConfig, self: ReplicaConfig, managed: string | null): void {
  const folder = managed ?? openFolder(config, self);
  const clock = bootClock();
  const log = openLog(managed === null ? 'agent' : 'manager', config.pair, self.name);
  const eventFile = openEventFile(folder, (because) => log.say('warn', 'events-not-kept', because));
  const events = openEventLog(self.name, eventFile, () => machine.state.record.epoch);
  const say = (level: Level, code: string, because: string): void => {
    log.say(level, code, because);
    events.add(level, code, because);
  };

  const { mysql } = config;
  const endpoint = {
    host: '127.0.0.1',
    port: mysql.port,
    ...(mysql.socket !== null ? { socketPath: mysql.socket } : {}),
    ...(mysql.extraPort !== null ? { extraPort: mysql.extraPort } : {}),
    tls: mysql.tls,
    user: mysql.admin.user,
    password: readSecret(mysql.admin.passwordFile, 'password of the admin account').value,
    passwordNow: passwordIn(mysql.admin.passwordFile, 'password of the admin account'),
  };
  const database = openDatabase({ ...endpoint, role: 'local', schema: SCHEMA, eventScheduler: false });
  const replication = passwordIn(mysql.replication.passwordFile, 'password of the replication account');
  const server = openReplicaServer({
    database,
    endpoint,
    channel: () => ({
      port: mysql.port,
      user: mysql.replication.user,
      password: replication(),
      heartbeatS: HEARTBEAT_S,
      tls: mysql.tls,
    }),
  });
  const errantFile = openErrantFile(folder);
  let place = '';

  const machine = runMachine<ReplicaState, ReplicaEvent, ReplicaAction>({
    initial: initialState(
      {
        self: self.name,
        nodes: config.nodes.map(({ name, address }) => ({ name, address })),
        port: mysql.port,
        prefer: self.source,
      },
      errantFile.read(),
      clock.bootMs(),
    ),
    step,
    perform: act,
  });
  const dispatch = (event: WithoutTime<ReplicaEvent>): void => {
    machine.dispatch({ ...event, nowMs: clock.bootMs() } as ReplicaEvent);
    poll.hurry(machine.state.move !== null || !sourceLives(machine.state));
  };

  function act(action: ReplicaAction): void {
    switch (action.kind) {
      case 'order': {
        const { id } = action;
        void server.perform(action.order).then((outcome) => {
          dispatch({ kind: 'result', id, outcome });
          prober.refresh();
        });
        return;
      }
      case 'keep':
        try {
          errantFile.write(action.errant);
        } catch (error) {
          say('warn', 'state-not-kept', `${errantFile.path} cannot be written: ${(error as Error).message}`);
        }
        return;
      case 'say':
        say(action.level, action.code, action.because);
    }
  }

  async function findPlace(): Promise<void> {
    try {
      place = await server.place(PLACE_MS_MAX);
    } catch (error) {
      // Asked again when the server is up again.
      if (!(error instanceof DatabaseError)) throw error;
    }
  }

  const prober = startProber(
    {
      clock,
      server: database,
      intervalMs: mysql.probe.intervalMs,
      deadlineMs: mysql.probe.deadlineMs,
      heartbeatIntervalMs: mysql.heartbeatIntervalMs,
      // As a standby's server is looked at, whatever the pair does.
      situation: () => ({ role: 'following', epoch: 0, open: false, paired: machine.state.errant === null }),
    },
    {
      onHealth(health, because) {
        say(health === 'up' ? 'info' : 'warn', `server-${health}`, `the database server: ${because}`);
        if (health === 'up') void findPlace();
        dispatch({ kind: 'health', health, because });
      },
      onStatus: (status) => dispatch({ kind: 'status', status, place }),
      onHeartbeat: () => undefined,
      onLag(lagMs) {
        reads?.lag(lagMs);
        dispatch({ kind: 'lag', lagMs });
      },
    },
  );

  let onWire: ReadsOnWire | null = null;
  const agent =
    managed === null
      ? null
      : openAgentPort(agentSocketPath(folder), clock, config.failover.agentGraceMs, {
          onLink(link) {
            if (link === 'lost') onWire = null;
          },
          onWire(_, detail) {
            onWire = detail.reads;
          },
          onSay: (level, code, because) => events.add(level, code, because),
          onStop: (because) => stop(because),
        });
  const reads =
    agent === null
      ? null
      : startReplicaReads({
          clock,
          config,
          self,
          state: () => machine.state,
          wire: () => onWire,
          grant: (grant) => agent.grantReads(grant),
        });

  const token = readSecret(config.api.tokenFile, 'API token').value;
  const urls = config.nodes.map((node) => ({ name: node.name, url: apiUrl(config, node, '/api/v1/pair') }));
  const poll = startPairPoll(urls, token, clock, (name, askedMs, statement, because) => {
    if (statement !== null && statement.heartbeat > 0) {
      prober.heard(statement.heartbeat);
      reads?.heard(statement.heartbeat);
    }
    dispatch({ kind: 'node', name, askedMs, statement, because });
  });
  const api = openReplicaApi({
    host: config.api.host,
    port: config.api.port,
    token,
    openReads: config.api.openReads,
    statement: () => statementOf(machine.state, reads?.view() ?? null),
    healthy() {
      const { replicating, because } = statementOf(machine.state);
      return { ok: replicating, because };
    },
    events,
    onError: (because) => say('warn', 'api', because),
  });
  const ticker = setInterval(() => dispatch({ kind: 'tick' }), TICK_MS);

  /** The channel goes on without us. */
  function stop(because: string): void {
    clearInterval(ticker);
    say('info', 'ending', `${because}: the replica goes on replicating from where it does now`);
    prober.stop();
    poll.stop();
    reads?.stop();
    api.close();
    eventFile.flush();
    agent?.bye(because);
    setTimeout(() => process.exit(0), agent === null ? 0 : LAST_WORDS_MS);
  }
  process.on('SIGTERM', () => stop('SIGTERM'));
  // Ctrl-C reaches the whole foreground group; an agent asks its manager to stop in its own way.
  process.on('SIGINT', () => (managed === null ? stop('SIGINT') : undefined));
}

if (import.meta.main) {
  const [, , configPath] = process.argv;
  const { config, node } =
    configPath === undefined
      ? resolvedFromEnvironment()
      : (JSON.parse(readFileSync(configPath, 'utf8')) as ReturnType<typeof resolvedFromEnvironment>);
  keepCompiled();
  const self = config.replicas.find((each) => each.name === node);
  assert(self !== undefined, 'the command line names a replica of the pair');
  try {
    runReplica(config, self, configPath === undefined ? null : dirname(configPath));
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    process.stderr.write(`twinkeep: ${error.message}\n  ${error.hint}\n`);
    process.exit(1);
  }
}
