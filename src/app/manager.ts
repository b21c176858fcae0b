// The manager: the database, the peer and the operator. Composes the pair machine with the real world, and is started
// by the agent with the path of the resolved configuration.

import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { readSecret } from '../config/secret.ts';
import type { NodeConfig, PairConfig } from '../config/types.ts';
import { assert, OperatorError } from '../core/error.ts';
import type { PairAction, PairEvent } from '../core/pair/event.ts';
import { wantsWitness } from '../core/pair/keeping.ts';
import { step, tickIntervalMs } from '../core/pair/machine.ts';
import { missesAdverts, reportOf } from '../core/pair/report.ts';
import { initialState, type PairState } from '../core/pair/state.ts';
import type { WitnessView } from '../core/pair/witness.ts';
import { agentSocketPath, type WireDetail } from '../io/agentlink/link.ts';
import { bootClock } from '../io/clock.ts';
import { openDatabase } from '../io/database/open.ts';
import { openApi } from '../io/http/api.ts';
import { openPeerChannel } from '../io/peer/channel.ts';
import { openEventFile } from '../io/state/eventfile.ts';
import { openRecordFile } from '../io/state/recordfile.ts';
import { runMachine } from '../runtime/loop.ts';
import { openAgentPort } from './agentport.ts';
import { startCare } from './care.ts';
import { startCloneDesk } from './clone.ts';
import { openEventLog } from './eventlog.ts';
import { keepCompiled } from './launch.ts';
import { openLog } from './log.ts';
import { openOrders } from './orders.ts';
import { pairSettings } from './pairsettings.ts';
import { openPasswordDesk } from './passworddesk.ts';
import { passwordIn } from './passwords.ts';
import { startPeerSql } from './peersql.ts';
import { type Performers, perform } from './performer.ts';
import { startProber } from './prober.ts';
import { startReadTruth } from './readtruth.ts';
import { startReadVips } from './readvips.ts';
import { startReplicaWatch } from './replicawatch.ts';
import { startSalvage } from './salvage.ts';
import { openTails } from './tails.ts';
import { viewOf, whyOf } from './view.ts';
import { startVipTruth } from './viptruth.ts';
import { openWitness } from './witness.ts';
import { startWitnessPoll } from './witnesspoll.ts';

/** Holds the heartbeat table, on both servers. */
const SCHEMA = 'twinkeep';
/** The last words to the peer and the agent must leave before the process ends. */
const LAST_WORDS_MS = 50;

export function runManager(configPath: string): void {
  const { config, node } = JSON.parse(readFileSync(configPath, 'utf8')) as {
    config: PairConfig;
    node: string;
  };
  const self = config.nodes.find((each) => each.name === node);
  const peer = config.nodes.find((each) => each.name !== node);
  assert(self !== undefined && peer !== undefined, 'the agent names a node of the pair');
  const folder = dirname(configPath);
  const clock = bootClock();
  const log = openLog('manager', config.pair, self.name);
  const eventFile = openEventFile(folder, (because) => log.say('warn', 'events-not-kept', because));
  const events = openEventLog(self.name, eventFile, () => machine.state.record.epoch);
  const say = (level: 'info' | 'warn' | 'error', code: string, because: string): void => {
    log.say(level, code, because);
    events.add(level, code, because);
  };

  const { mysql } = config;
  const account = {
    user: mysql.admin.user,
    password: readSecret(mysql.admin.passwordFile, 'password of the admin account').value,
    passwordNow: passwordIn(mysql.admin.passwordFile, 'password of the admin account'),
  };
  const server = (where: NodeConfig, role: 'local' | 'peer') =>
    openDatabase({
      host: role === 'local' ? '127.0.0.1' : where.address,
      port: mysql.port,
      ...(role === 'local' && mysql.socket !== null ? { socketPath: mysql.socket } : {}),
      ...(mysql.extraPort !== null ? { extraPort: mysql.extraPort } : {}),
      extraHost: where.address,
      tls: mysql.tls,
      ...account,
      role,
      schema: SCHEMA,
    });
  const own = server(self, 'local');
  const peerServer = server(peer, 'peer');
  const recordFile = openRecordFile(folder, config.pair, self.name);
  let detail: WireDetail | null = null;
  const pairKey = readSecret(config.secretFile, 'key of the pair').value;
  const witness = config.witness === null ? null : openWitness(config, config.witness, pairKey);

  const performers: Performers = {
    own,
    peer: peerServer,
    agent: {
      claim: (epoch, deadlineMs) => agent.claim(epoch, deadlineMs),
      yield: (because, deadlineMs) => agent.yield(because, deadlineMs),
    },
    persist: (stored) => recordFile.write(stored),
    witness,
    onWitness: (view) => dispatch({ kind: 'witness', view }),
    async yieldWithoutAgent() {
      const { yieldWithoutAgent } = await import('./withoutagent.ts');
      yieldWithoutAgent(config, self, peer);
    },
    takeTail: (epoch, deadlineMs) => tails.take(epoch, deadlineMs),
    proveCommit: (deadlineMs) => prober.prove(deadlineMs),
  };

  const tails = openTails({
    config,
    peer,
    folder,
    login: {
      host: '127.0.0.1',
      port: mysql.port,
      ...(mysql.socket === null ? {} : { socketPath: mysql.socket }),
      ...account,
    },
    own,
    token: () => readSecret(config.api.tokenFile, 'API token').value,
    peerLives: () => machine.state.peer.channelOpen,
    say,
  });

  const machine = runMachine<PairState, PairEvent, PairAction>({
    initial: initialState(pairSettings(config, self, peer), recordFile.read(), clock.bootMs()),
    step,
    perform: act,
  });
  const dispatch = (event: PairEventWithoutTime): void => {
    machine.dispatch({ ...event, nowMs: clock.bootMs() } as PairEvent);
    reads?.observe(event);
  };

  function act(action: PairAction): void {
    switch (action.kind) {
      case 'order': {
        const { id } = action;
        void perform(action.order, performers).then((outcome) => {
          dispatch({ kind: 'result', id, outcome });
          prober.refresh();
        });
        return;
      }
      case 'report': {
        const { peer: known } = machine.state;
        channel.send({
          kind: 'report',
          sentMs: clock.bootMs(),
          echoMs: known.itsSentMs,
          asks: action.asks,
          report: action.report,
        });
        return;
      }
      case 'tell':
        channel.send(action.message);
        return;
      case 'keep':
        keep(() => recordFile.write(action.stored));
        return;
      case 'say':
        say(action.level, action.code, action.because);
        return;
      case 'exit':
        end(action.because);
    }
  }

  /** Nobody waits for this write; without it the next start finds what was known before, which is safe. */
  function keep(write: () => void): void {
    try {
      write();
    } catch (error) {
      say('warn', 'state-not-kept', `${recordFile.path} cannot be written: ${(error as Error).message}`);
    }
  }

  let ending = false;
  function end(because: string): void {
    if (ending) return;
    ending = true;
    say('info', 'ending', because);
    channel.send({
      kind: 'report',
      sentMs: clock.bootMs(),
      echoMs: machine.state.peer.itsSentMs,
      asks: false,
      report: { ...reportOf(machine.state), leaving: true },
    });
    agent.bye(because);
    channel.close();
    witness?.close();
    api.close();
    setTimeout(() => process.exit(0), LAST_WORDS_MS);
  }

  const agent = openAgentPort(agentSocketPath(folder), clock, config.failover.agentGraceMs, {
    onLink: (link, because) => dispatch({ kind: 'agent', link, because }),
    onWire(wire, wireDetail) {
      detail = wireDetail;
      dispatch({ kind: 'wire', wire });
      peerSql.hurry(missesAdverts(machine.state));
      witnessPoll?.hurry(wantsWitness(machine.state));
    },
    onSay: (level, code, because) => events.add(level, code, because),
    onStop: (because) => dispatch({ kind: 'stop', because }),
  });

  const channel = openPeerChannel(
    {
      pair: config.pair,
      self: self.name,
      peer: peer.name,
      selfAddress: self.address,
      peerAddress: peer.address,
      port: config.peer.port,
      secret: pairKey,
    },
    {
      onOpen: () => dispatch({ kind: 'peer-channel', open: true, because: 'connected' }),
      onClosed: (because) => dispatch({ kind: 'peer-channel', open: false, because }),
      onMessage(message) {
        if (message.kind === 'report' && message.report.heartbeat > 0) prober.heard(message.report.heartbeat);
        dispatch({ kind: 'message', message });
      },
      onReads: (statement) => reads?.heard(statement),
      onWarning: (code, because) => say('warn', code, because),
    },
  );

  const care = startCare({
    config,
    self,
    peer,
    account,
    replicationPassword: passwordIn(mysql.replication.passwordFile, 'password of the replication account'),
    schema: SCHEMA,
    clock,
    say,
  });
  const prober = startProber(
    {
      clock,
      server: own,
      intervalMs: mysql.probe.intervalMs,
      deadlineMs: mysql.probe.deadlineMs,
      heartbeatIntervalMs: mysql.heartbeatIntervalMs,
      situation() {
        const { role, record, own: known, operation } = machine.state;
        const open = role === 'writing' && known.status?.readOnly === false && operation?.kind !== 'handover';
        const peerThere = known.health === 'up' && machine.state.peer.channelOpen;
        return { role, epoch: record.epoch, open, paired: record.sync === 'paired' || !peerThere };
      },
    },
    {
      onHealth(health, because) {
        say(health === 'up' ? 'info' : 'warn', `server-${health}`, `the database server: ${because}`);
        if (health === 'up') care.serverUp();
        if (health === 'up') tails.remember();
        dispatch({ kind: 'health', health, because });
      },
      onStatus: (status) => dispatch({ kind: 'status', status: care.annotate(status) }),
      onHeartbeat: (sequence) => dispatch({ kind: 'heartbeat', sequence }),
      onLag: (lagMs) => dispatch({ kind: 'lag', lagMs }),
    },
  );
  const peerSql = startPeerSql(peerServer, clock, (sql) => {
    const { peer: known } = machine.state;
    care.peerSql(sql);
    if (sql !== known.sql || known.askedMs !== null) dispatch({ kind: 'peer-sql', sql });
  });
  const onWitness = (view: WitnessView): void => dispatch({ kind: 'witness', view });
  const witnessPoll = witness === null ? null : startWitnessPoll(witness, onWitness);

  const vipTruth = startVipTruth({
    clock,
    config,
    self,
    peer,
    account,
    schema: SCHEMA,
    situation: () => ({
      role: machine.state.role,
      epoch: machine.state.record.epoch,
      writer: machine.state.record.writer,
    }),
    say,
  });

  const reads = startReadVips({
    clock,
    config,
    self,
    peer,
    state: () => machine.state,
    wire: () => detail?.reads ?? null,
    grant: (grant) => agent.grantReads(grant),
    tell: (statement) => channel.send(statement),
    say,
  });

  const apiToken = readSecret(config.api.tokenFile, 'API token').value;
  const replicas = startReplicaWatch(config, apiToken, () => machine.state);

  /** Two may mend at once, and the end of one is not the end of the other. */
  const menders = new Map<'clone' | 'salvage', string>();
  const mend = (who: 'clone' | 'salvage', because: string | null): void => {
    if (because === null) menders.delete(who);
    else menders.set(who, because);
    dispatch({ kind: 'mending', because: [...menders.values()].join('; ') || null });
  };
  const cloneDesk = startCloneDesk({
    pair: config.pair,
    self,
    peer,
    port: config.clone.port,
    secret: pairKey,
    admin: {
      host: '127.0.0.1',
      port: mysql.port,
      ...(mysql.socket !== null ? { socketPath: mysql.socket } : {}),
      ...account,
    },
    folder,
    clock,
    state: () => machine.state,
    mend: (because) => mend('clone', because),
    say,
  });

  const salvage = startSalvage({
    config,
    self,
    peer,
    folder,
    own,
    peerServer,
    schema: SCHEMA,
    state: () => machine.state,
    mending: (because) => mend('salvage', because),
    say,
  });

  const readTruth = startReadTruth({
    clock,
    config,
    self,
    peer,
    account,
    schema: SCHEMA,
    holders: () => (reads?.view().nodes ?? []).filter((node) => node.holds).map((node) => node.name),
    say,
  });

  const pairView = () => {
    const view = viewOf(
      machine.state,
      config.pair,
      { self: self.address, peer: peer.address },
      config.vips.write.map((vip) => `${vip.address}/${vip.prefix}`),
      detail,
      [...vipTruth.view(), ...(readTruth?.view() ?? [])],
      reads?.view() ?? null,
      replicas.view(),
    );
    return { ...view, warnings: [...view.warnings, ...care.warnings(), ...replicas.warnings()] };
  };
  const api = openApi({
    host: config.api.host,
    port: config.api.port,
    token: apiToken,
    openReads: config.api.openReads,
    pairView,
    why: () => whyOf(pairView(), events.kept(), new Date().toISOString()),
    async facts() {
      const { agentLogin, nodeFacts } = await import('./facts.ts');
      const agent = agentLogin(config, self, true, account.password);
      return nodeFacts(config, self, { agent, administrator: null });
    },
    healthy() {
      const { own: known, agent: link } = machine.state;
      const ok = known.health === 'up' && link.link === 'up';
      return { ok, because: ok ? 'server and agent are up' : `server ${known.health}, agent ${link.link}` };
    },
    events,
    clones: cloneDesk.clones,
    salvages: salvage.salvages,
    tail: ({ after }) => tails.give(after),
    passwords: openPasswordDesk({ config, self, peer, pairKey, clock, say }),
    orders: openOrders({ pair: config.pair, clock, events, state: () => machine.state, dispatch }),
    onError: (because) => say('warn', 'api', because),
  });

  const tick = (): void => {
    dispatch({ kind: 'tick' });
    witnessPoll?.hurry(wantsWitness(machine.state));
    if (!ending) setTimeout(tick, tickIntervalMs(machine.state));
  };
  tick();

  const stop = (signal: string): void => dispatch({ kind: 'stop', because: signal });
  process.on('SIGTERM', () => stop('SIGTERM'));
  // Ctrl-C reaches the whole foreground group; the agent asks us to stop in its own way.
  process.on('SIGINT', () => {});
  process.on('exit', () => {
    eventFile.flush();
    prober.stop();
    peerSql.stop();
    vipTruth.stop();
    replicas.stop();
    cloneDesk.stop();
    salvage.stop();
    reads?.stop();
    readTruth?.stop();
    witnessPoll?.stop();
  });
}

type WithoutTime<E> = E extends PairEvent ? Omit<E, 'nowMs'> : never;
type PairEventWithoutTime = WithoutTime<PairEvent>;

const [, , configPath] = process.argv;
if (import.meta.main) {
  assert(configPath !== undefined, 'the agent passes the path of the resolved configuration');
  keepCompiled();
  try {
    runManager(configPath);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    process.stderr.write(`twinkeep manager: ${error.message}\n  ${error.hint}\n`);
    process.exit(1);
  }
}
