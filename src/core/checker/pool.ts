// One virtual server as a machine: which of its real servers are alive by the words of all their checkers, their weights, the
// quorum, and the sorry server. SPEC.md beside this file has the rules; rules.ts turns a state into destinations for the kernel.
import {
  aliveWeight,
  effectiveWeight,
  type PoolAction,
  type PoolEvent,
  type PoolSettings,
  type PoolState,
  type PoolStep,
  type RealServer,
  type ServerState,
} from './pool-state.ts';
import { ruleChanges } from './rules.ts';

function newServer(server: RealServer): ServerState {
  const failed = server.checkers.filter((c) => c.alpha).map((c) => c.id);
  return { alive: failed.length === 0, failed, shares: {} };
}

const isIn = (state: PoolState, server: RealServer): boolean =>
  server.inhibit || ((state.servers[server.name]?.alive ?? false) && !state.sorryInUse);

/** Gained, lost, or as before; `init`: at the start and after a reload. */
function settleQuorum(state: PoolState, init: boolean): [PoolState, PoolAction[]] {
  const { quorum, hysteresis, sorry, name, mail } = state.settings;
  const sum = aliveWeight(state);
  const threshold = quorum + (state.quorumUp ? -hysteresis : hysteresis);
  const pool = (verb: string): PoolAction => ({ kind: 'say', text: `${verb} the pool for VS ${name}` });
  const notify = (up: boolean, said: string): PoolAction => ({
    kind: 'notify-quorum',
    up,
    words: mail ? `=> ${said} ${quorum}+${hysteresis}=${threshold} <= ${sum} <=` : null,
  });
  if (!state.quorumUp && sum >= threshold) {
    const actions: PoolAction[] = [
      {
        kind: 'say',
        text: `Gained quorum ${quorum}+${hysteresis}=${threshold} <= ${sum} for VS ${name}`,
      },
    ];
    if (sorry !== null && state.sorryInUse) {
      const verb = sorry.inhibit ? 'Disabling' : 'Removing';
      actions.push({ kind: 'say', text: `${verb} sorry server ${sorry.name} from VS ${name}` });
      actions.push(pool('Adding alive servers to'));
    }
    actions.push(notify(true, init ? 'Starting with quorum up' : 'Gained quorum'));
    return [{ ...state, quorumUp: true, sorryInUse: false }, actions];
  }
  const lost = state.quorumUp && (sum === 0 || sum < threshold);
  const sorryWanted = init && !state.quorumUp && sorry !== null && !state.sorryInUse;
  if (!lost && !sorryWanted) return [state, []];
  const said = init && !lost ? 'Starting with quorum down' : 'Lost quorum';
  const actions: PoolAction[] = [
    { kind: 'say', text: `${said} ${quorum}-${hysteresis}=${threshold} > ${sum} for VS ${name}` },
  ];
  if (sorry !== null) {
    const verb = sorry.inhibit ? 'Enabling' : 'Adding';
    actions.push({ kind: 'say', text: `${verb} sorry server ${sorry.name} to VS ${name}` });
    actions.push(pool('Removing alive servers from'));
  }
  actions.push(notify(false, said));
  return [{ ...state, quorumUp: false, sorryInUse: sorry !== null }, actions];
}

function start(state: PoolState): [PoolState, PoolAction[]] {
  const { settings } = state;
  const servers = Object.fromEntries(settings.servers.map((s) => [s.name, newServer(s)]));
  const [next, actions] = settleQuorum({ ...state, phase: 'running', servers }, true);
  const notifies = settings.initNotifies
    ? settings.servers
        .filter((s) => servers[s.name]?.alive)
        .map((s): PoolAction => ({ kind: 'notify-server', server: s.name, up: true }))
    : [];
  return [next, [...notifies, ...actions]];
}

function serverChanged(server: RealServer, alive: boolean, vs: string): PoolAction[] {
  const { inhibit, name } = server;
  const verb = alive ? (inhibit ? 'Enabling' : 'Adding') : inhibit ? 'Disabling' : 'Removing';
  const where = inhibit ? 'of' : alive ? 'to' : 'from';
  return [
    { kind: 'say', text: `${verb} service ${name} ${where} VS ${vs}` },
    { kind: 'notify-server', server: name, up: alive },
  ];
}

function judged(
  state: PoolState,
  event: Extract<PoolEvent, { kind: 'judged' }>,
): [PoolState, readonly PoolAction[]] {
  const { settings, servers } = state;
  const server = settings.servers.find((s) => s.name === event.server);
  const before = servers[event.server];
  if (server === undefined || before === undefined) return [state, []];
  const known = server.checkers.some((c) => c.id === event.checker);
  if (!known) return [state, []];
  const saidNo = before.failed.includes(event.checker);
  if (saidNo === !event.up) {
    // The first look of an alpha checker found what was assumed: whoever waits for a word gets it now.
    const firstNo = event.first && !event.up;
    return [state, firstNo ? [{ kind: 'notify-server', server: server.name, up: false }] : []];
  }
  const others = before.failed.filter((id) => id !== event.checker);
  const failed = event.up ? others : [...others, event.checker];
  const alive = failed.length === 0;
  const actions: PoolAction[] = alive === before.alive ? [] : serverChanged(server, alive, settings.name);
  if (server.mail && (alive !== before.alive || settings.checkerMails))
    actions.push({ kind: 'mail-server', server: server.name, up: event.up, words: event.words });
  // What a failed checker said of the weight does not outlive its failure.
  const { [event.checker]: _own, ...rest } = before.shares;
  const shares = event.up ? before.shares : rest;
  const after = { failed, alive, shares };
  const changed = { ...state, servers: { ...servers, [server.name]: after } };
  const [next, more] = settleQuorum(changed, false);
  return [next, [...actions, ...more]];
}

function weighted(
  state: PoolState,
  event: Extract<PoolEvent, { kind: 'weighted' }>,
): [PoolState, readonly PoolAction[]] {
  const { settings, servers } = state;
  const server = settings.servers.find((s) => s.name === event.server);
  const before = servers[event.server];
  if (server === undefined || before === undefined) return [state, []];
  if ((before.shares[event.checker] ?? 0) === event.share) return [state, []];
  const after = { ...before, shares: { ...before.shares, [event.checker]: event.share } };
  const [from, to] = [effectiveWeight(server, before), effectiveWeight(server, after)];
  const changed = { ...state, servers: { ...servers, [server.name]: after } };
  if (from === to) return [changed, []];
  const [next, more] = settleQuorum(changed, false);
  const activity = before.alive ? 'active' : 'inactive';
  const text = `Changing weight from ${from} to ${to} for ${activity} service ${server.name} of VS ${settings.name}`;
  return [next, [{ kind: 'say', text }, ...more]];
}

/** A server that a reload or the end takes away. */
function farewell(state: PoolState, server: RealServer, words: string, notify: boolean): PoolAction[] {
  const own = state.servers[server.name];
  if (own === undefined) return [];
  const verb = words.includes('Shutting') ? 'Shutting down' : 'Removing';
  const inhibited = server.inhibit && !own.alive ? '(inhibited) ' : '';
  // At the end each is named, in the pool or not.
  const actions: PoolAction[] =
    isIn(state, server) || verb === 'Shutting down'
      ? [
          {
            kind: 'say',
            text: `${verb} ${inhibited}service ${server.name} from VS ${state.settings.name}`,
          },
        ]
      : [];
  if (!own.alive || !notify) return actions;
  actions.push({ kind: 'notify-server', server: server.name, up: false });
  if (server.mail) actions.push({ kind: 'mail-server', server: server.name, up: false, words });
  return actions;
}

function migrateServer(server: RealServer, old: ServerState | undefined): ServerState {
  if (old === undefined) return newServer(server);
  const ids = new Set(server.checkers.map((c) => c.id));
  const failed = old.failed.filter((id) => ids.has(id));
  const shares = Object.fromEntries(Object.entries(old.shares).filter(([id]) => ids.has(id)));
  return { alive: old.alive, failed, shares };
}

function reload(state: PoolState, settings: PoolSettings): [PoolState, PoolAction[]] {
  const kept = new Set(settings.servers.map((s) => s.name));
  const actions: PoolAction[] = state.settings.servers
    .filter((s) => !kept.has(s.name))
    .flatMap((s) => [
      { kind: 'say', text: `service ${s.name} no longer exist` } as const,
      ...farewell(state, s, '=> Removing <=', true),
    ]);
  const servers: Record<string, ServerState> = {};
  for (const server of settings.servers) {
    const migrated = migrateServer(server, state.servers[server.name]);
    const alive = migrated.failed.length === 0;
    if (alive !== migrated.alive) actions.push(...serverChanged(server, alive, settings.name));
    servers[server.name] = { ...migrated, alive };
  }
  const sorryInUse = state.sorryInUse && settings.sorry !== null;
  const [next, more] = settleQuorum({ ...state, settings, servers, sorryInUse }, true);
  return [next, [...actions, ...more]];
}

const farewellWords = ({ quorum, hysteresis }: PoolSettings, removed: boolean): string =>
  removed ? `=> Lost quorum ${quorum}+${hysteresis}=${quorum - hysteresis} <= 0 <=` : '=> Shutting down <=';

function stop(state: PoolState, removed: boolean): [PoolState, PoolAction[]] {
  const { settings } = state;
  const words = removed ? '=> Removing <=' : '=> Shutting down <=';
  const notify = removed || settings.omega;
  const actions = settings.servers.flatMap((s) => farewell(state, s, words, notify));
  if (state.quorumUp && notify)
    actions.push({
      kind: 'notify-quorum',
      up: false,
      words: settings.mail ? farewellWords(settings, removed) : null,
    });
  const servers = Object.fromEntries(
    Object.entries(state.servers).map(([name, s]) => [name, { ...s, alive: false }]),
  );
  return [{ ...state, phase: 'stopped', servers, quorumUp: false, sorryInUse: false }, actions];
}

function transition(state: PoolState, event: PoolEvent): readonly [PoolState, readonly PoolAction[]] {
  if (state.phase !== (event.kind === 'start' ? 'new' : 'running')) return [state, []];
  switch (event.kind) {
    case 'start':
      return start(state);
    case 'judged':
      return judged(state, event);
    case 'weighted':
      return weighted(state, event);
    case 'reload':
      return reload(state, event.settings);
    case 'stop':
      return stop(state, event.removed);
  }
}

/** Rules come first: a script that is told of a change finds it made. */
export function stepPool(state: PoolState, event: PoolEvent): PoolStep {
  const [next, actions] = transition(state, event);
  return [next, [...ruleChanges(state, next), ...actions]];
}
