// One virtual server alive: its checkers, the pool machine (core/checker/pool.ts), its rules in the kernel, and what is told of it.
import type {
  CheckerConfig,
  RealServerConfig,
  VirtualServerConfig,
} from '../../../config/keepalived/lvstypes.ts';
import type { KeepalivedConfig } from '../../../config/keepalived/types.ts';
import type { CheckState } from '../../../core/checker/check.ts';
import { stepPool } from '../../../core/checker/pool.ts';
import {
  newPool,
  type PoolAction,
  type PoolEvent,
  type PoolState,
} from '../../../core/checker/pool-state.ts';
import { rulesOf } from '../../../core/checker/rules.ts';
import { serviceKey } from '../../../core/netlink/ipvs.ts';
import type { Outlets } from '../outlets.ts';
import { CheckRunner } from './checkrunner.ts';
import { FileCheck, initFile } from './filecheck.ts';
import { makeLooker } from './kinds.ts';
import { checkerIds, checkSettings, poolSettings, targetName } from './settings.ts';
import type { RulesTable } from './table.ts';
import type { CheckerView, VirtualServerView } from './view.ts';
import { poolView } from './view-make.ts';
import { type CheckerWords, checkerWords } from './words.ts';

export interface PoolContext {
  readonly outlets: Outlets;
  readonly table: RulesTable;
  holdsAddress(address: string): boolean;
}

const LINE_MAX = 1000;

interface Running {
  readonly id: string;
  readonly server: RealServerConfig;
  readonly checker: CheckerConfig;
  readonly target: string;
  readonly runner: CheckRunner | FileCheck;
}

export class PoolRunner {
  readonly #context: PoolContext;
  #config: KeepalivedConfig;
  #server: VirtualServerConfig;
  #state: PoolState;
  #checkers: readonly Running[] = [];
  #suspended = false;
  /** While a reload is carried out: the servers of before, whose scripts tell that they are gone. */
  #gone: readonly RealServerConfig[] = [];
  /** --dont-release-ipvs: the kernel is not to hear of the end. */
  #rulesStay = false;

  constructor(server: VirtualServerConfig, config: KeepalivedConfig, context: PoolContext) {
    this.#context = context;
    this.#config = config;
    this.#server = server;
    this.#state = newPool(poolSettings(server, config.lvs));
  }

  get name(): string {
    return this.#server.name;
  }

  /** `begin`: the daemon starts, and files of FILE_CHECK are made. */
  start(begin: boolean): void {
    // The rules first: quorum_up finds them made.
    const [started] = stepPool(this.#state, { kind: 'start' });
    for (const service of this.#server.services) this.#context.table.open(service, rulesOf(started));
    this.#hear({ kind: 'start' });
    this.#suspended = this.#mustRest();
    this.#checkers = this.#makeCheckers(new Map(), begin);
    this.#startCheckers();
  }

  reload(server: VirtualServerConfig, config: KeepalivedConfig): void {
    const { table } = this.#context;
    const before = new Map<string, CheckState>();
    for (const { id, server: real, runner } of this.#checkers) {
      if (runner instanceof CheckRunner) before.set(`${real.name} ${id}`, runner.state);
      runner.stop();
    }
    const kept = new Set(server.services.map(({ id }) => serviceKey(id)));
    for (const service of this.#server.services) if (!kept.has(serviceKey(service.id))) table.close(service);
    this.#gone = this.#server.realServers;
    this.#server = server;
    this.#config = config;
    this.#hear({ kind: 'reload', settings: poolSettings(server, config.lvs) });
    this.#gone = [];
    for (const service of server.services) table.open(service, rulesOf(this.#state));
    this.#suspended = this.#mustRest();
    this.#checkers = this.#makeCheckers(before, false);
    this.#startCheckers();
  }

  stop(options: { readonly removed: boolean; readonly rulesStay: boolean }): void {
    for (const { runner } of this.#checkers) runner.stop();
    this.#checkers = [];
    this.#rulesStay = options.rulesStay;
    this.#hear({ kind: 'stop', removed: options.removed });
    if (options.rulesStay) return;
    for (const service of this.#server.services) this.#context.table.close(service);
  }

  /** ha_suspend: whether the host holds the address may have changed. */
  addressesChanged(): void {
    const rest = this.#mustRest();
    if (rest === this.#suspended) return;
    this.#suspended = rest;
    for (const { runner, target } of this.#checkers) {
      if (!(runner instanceof CheckRunner)) continue;
      this.#say(
        `${rest ? 'Suspend' : 'Activat'}ing healthchecker for service ${target} for VS ${this.#server.name}`,
      );
      if (rest) runner.suspend();
      else runner.resume();
    }
  }

  view(): VirtualServerView {
    const checkers = this.#checkers.map(({ server, checker, target, runner }) => {
      const state =
        runner instanceof CheckRunner
          ? runner.state
          : { up: runner.up, hasRun: true, because: runner.because };
      const view: CheckerView = {
        kind: checker.kind,
        target,
        up: state.up,
        hasRun: state.hasRun,
        because: state.because,
      };
      return [server.name, view] as const;
    });
    return poolView(this.#state, checkers, this.#suspended);
  }

  #mustRest(): boolean {
    const { suspendWithout } = this.#server;
    return suspendWithout !== null && !this.#context.holdsAddress(suspendWithout);
  }

  #say(text: string): void {
    // A server's own words may be in it: one line, of a length that can be read.
    this.#context.outlets.log('info', text.replace(/\p{Cc}+/gu, ' ').slice(0, LINE_MAX));
  }

  #makeCheckers(before: ReadonlyMap<string, CheckState>, begin: boolean): Running[] {
    const { outlets } = this.#context;
    const { name, realServers } = this.#server;
    return realServers.flatMap((server) => {
      const ids = checkerIds(server);
      return server.checkers.map((checker, i): Running => {
        const id = ids[i] ?? '';
        const target = targetName(checker, server);
        const words = checkerWords(checker.target, {
          target,
          server: server.name,
          virtualServer: name,
          retries: checker.retries,
        });
        const looker = makeLooker(checker, this.#config, outlets.log);
        const known = before.get(`${server.name} ${id}`) ?? null;
        const runner =
          looker === null
            ? this.#fileCheck(id, server, checker, words, begin)
            : new CheckRunner(
                {
                  settings: checkSettings(checker),
                  words,
                  looker,
                  say: (text) => this.#say(text),
                  judged: (up, first, mail) =>
                    this.#hear({ kind: 'judged', server: server.name, checker: id, up, first, words: mail }),
                  weighted: (weight) =>
                    this.#hear({
                      kind: 'weighted',
                      server: server.name,
                      checker: id,
                      share: weight - server.weight,
                    }),
                },
                known,
              );
        return { id, server, checker, target, runner };
      });
    });
  }

  #fileCheck(
    id: string,
    server: RealServerConfig,
    checker: CheckerConfig,
    words: CheckerWords,
    begin: boolean,
  ): FileCheck {
    const { target } = checker;
    if (target.kind !== 'FILE_CHECK')
      throw new Error('assertion failed: a checker without a pace is a FILE_CHECK');
    const refused = begin ? initFile(target, this.#config) : null;
    if (refused !== null)
      this.#context.outlets.log('warn', `Unable to initialise track file ${target.name} (${refused})`);
    return new FileCheck({
      target,
      say: (text) => this.#say(text),
      judged: (up, because, changed) => {
        const lines = up ? [words.passed()] : words.exhausted(because, 0);
        for (const line of changed ? lines : []) this.#say(line);
        this.#hear({
          kind: 'judged',
          server: server.name,
          checker: id,
          up,
          first: false,
          words: words.mail(up, because),
        });
      },
      shared: (share) => this.#hear({ kind: 'weighted', server: server.name, checker: id, share }),
    });
  }

  #startCheckers(): void {
    for (const { runner, target } of this.#checkers) {
      if (this.#suspended && runner instanceof CheckRunner) {
        runner.suspend();
        continue;
      }
      if (runner instanceof CheckRunner)
        this.#say(`Activating healthchecker for service ${target} for VS ${this.#server.name}`);
      runner.start();
    }
  }

  #hear(event: PoolEvent): void {
    const [next, actions] = stepPool(this.#state, event);
    this.#state = next;
    for (const action of actions) this.#perform(action);
  }

  #perform(action: PoolAction): void {
    const { outlets, table } = this.#context;
    const { name } = this.#server;
    switch (action.kind) {
      case 'add-rule':
      case 'edit-rule':
        if (this.#rulesStay) return;
        for (const { id } of this.#server.services) table.put(id, action.rule);
        return;
      case 'remove-rule':
        if (this.#rulesStay) return;
        for (const { id } of this.#server.services) table.remove(id, action.rule);
        return;
      case 'say':
        this.#say(action.text);
        return;
      case 'notify-server': {
        const server = this.#find(action.server);
        const script = action.up ? server?.notifyUp : server?.notifyDown;
        if (script !== null && script !== undefined) outlets.run(script, []);
        outlets.fifo('lvs', `RS ${action.server} ${name} ${action.up ? 'UP' : 'DOWN'}`);
        return;
      }
      case 'mail-server':
        outlets.mail(
          `Realserver ${action.server} of virtual server ${name} - ${action.up ? 'UP' : 'DOWN'}`,
          action.words,
        );
        return;
      case 'notify-quorum': {
        const script = action.up ? this.#server.quorumUp : this.#server.quorumDown;
        if (script !== null) outlets.run(script, []);
        outlets.fifo('lvs', `VS ${name} ${action.up ? 'UP' : 'DOWN'}`);
        if (action.words !== null)
          outlets.mail(`Virtualserver ${name} - ${action.up ? 'UP' : 'DOWN'}`, action.words);
        return;
      }
    }
  }

  #find(name: string): RealServerConfig | undefined {
    return [...this.#server.realServers, ...this.#gone].find((server) => server.name === name);
  }
}
