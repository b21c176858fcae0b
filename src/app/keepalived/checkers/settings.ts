// From a virtual server of the configuration to what the machines of core/checker work with.
import type {
  CheckerConfig,
  LvsGlobalConfig,
  RealServerConfig,
  VirtualServerConfig,
} from '../../../config/keepalived/lvstypes.ts';
import type { CheckSettings } from '../../../core/checker/check.ts';
import { serviceName } from '../../../core/checker/names.ts';
import type { PoolSettings } from '../../../core/checker/pool-state.ts';

/** Another path, port or query is another checker; another time-out is not. */
function checkerKey({ kind, target }: CheckerConfig): string {
  const bare =
    'connection' in target ? { ...target, connection: { ...target.connection, timeoutMs: 0 } } : target;
  return `${kind} ${JSON.stringify({ ...bare, timeoutMs: 0 })}`;
}

/** A name for each checker of a server that a reload finds again. */
export function checkerIds(server: RealServerConfig): readonly string[] {
  const seen = new Map<string, number>();
  return server.checkers.map((checker) => {
    const key = checkerKey(checker);
    const count = seen.get(key) ?? 0;
    seen.set(key, count + 1);
    return `${key} ${count}`;
  });
}

export function checkSettings(checker: CheckerConfig): CheckSettings {
  const { target } = checker;
  return {
    intervalMs: checker.intervalMs,
    retries: checker.retries,
    delayBeforeRetryMs: checker.delayBeforeRetryMs,
    warmupMs: checker.warmupMs,
    alpha: checker.startsDown,
    logAllFailures: checker.logAllFailures,
    steps: 'urls' in target ? target.urls.length : 1,
    patientAtFirst: checker.kind === 'SMTP_CHECK',
    fastRecovery: checker.fastRecovery,
  };
}

export function poolSettings(server: VirtualServerConfig, lvs: LvsGlobalConfig): PoolSettings {
  const { sorry } = server;
  return {
    name: server.name,
    quorum: server.quorum,
    hysteresis: server.hysteresis,
    omega: server.omega,
    initNotifies: lvs.initNotifies,
    mail: server.mail,
    checkerMails: lvs.checkerMails,
    servers: server.realServers.map((real) => {
      const ids = checkerIds(real);
      const {
        name,
        weight,
        inhibitOnFailure: inhibit,
        mail,
        address,
        port,
        forwarding,
        upperThreshold,
        lowerThreshold,
      } = real;
      return {
        name,
        weight,
        inhibit,
        mail,
        checkers: real.checkers.map((c, i) => ({
          id: ids[i] ?? '',
          // A file is read at once: nothing has to be assumed of it.
          alpha: c.startsDown && c.target.kind !== 'FILE_CHECK',
        })),
        destination: { address, port: port ?? 0, forwarding, upperThreshold, lowerThreshold },
      };
    }),
    sorry:
      sorry === null
        ? null
        : {
            name: sorry.name,
            inhibit: sorry.inhibit,
            destination: {
              address: sorry.address,
              port: sorry.port ?? 0,
              forwarding: sorry.forwarding,
              upperThreshold: 0,
              lowerThreshold: 0,
            },
          },
  };
}

/** Where a checker connects, as the log names it: with the protocol of the virtual server, whatever the checker's own is. */
export function targetName({ target }: CheckerConfig, server: RealServerConfig): string {
  if (!('connection' in target)) return server.name;
  const { address, port } = target.connection;
  return serviceName(address, /\]:([a-z]+):/.exec(server.name)?.[1] ?? 'none', port);
}
