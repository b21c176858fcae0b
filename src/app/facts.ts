// The facts of one node for the doctor: its server and its host, as looked at from there. Asked of a manager over the API, or
// gathered by the verb itself where no agent runs. Loaded when it is first asked for.
import packageJson from '../../package.json' with { type: 'json' };
import type { NodeConfig, PairConfig } from '../config/types.ts';
import type { HostFacts, ServerFacts } from '../core/doctor/facts.ts';
import type { Endpoint } from '../io/database/connection.ts';
import { gatherHost } from '../io/doctor/host.ts';
import { gatherServer, type ServerLogins } from '../io/doctor/server.ts';
import { DatabaseError } from '../runtime/ports.ts';

export const FACTS_SCHEMA = 'twinkeep';

export interface NodeFacts {
  readonly version: string;
  /** Null: it could not be asked, and why. */
  readonly server: ServerFacts | null;
  readonly because: string;
  readonly host: HostFacts;
}

export const ownVersion: string = packageJson.version;

/** The way into a node's server with the agent's account. */
export function agentLogin(config: PairConfig, node: NodeConfig, local: boolean, password: string): Endpoint {
  const { mysql } = config;
  return {
    host: local ? '127.0.0.1' : node.address,
    port: mysql.port,
    ...(local && mysql.socket !== null ? { socketPath: mysql.socket } : {}),
    ...(mysql.extraPort !== null ? { extraPort: mysql.extraPort } : {}),
    tls: mysql.tls,
    user: mysql.admin.user,
    password,
  };
}

export async function serverFacts(
  node: NodeConfig,
  logins: ServerLogins,
): Promise<{ readonly server: ServerFacts | null; readonly because: string }> {
  try {
    return { server: await gatherServer(node.name, logins, FACTS_SCHEMA), because: '' };
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    return { server: null, because: error.message };
  }
}

/** On this host. */
export async function nodeFacts(
  config: PairConfig,
  node: NodeConfig,
  logins: ServerLogins,
): Promise<NodeFacts> {
  const asked = await serverFacts(node, logins);
  return { version: ownVersion, ...asked, host: await hostFacts(config, node, asked.server) };
}

export function hostFacts(
  config: PairConfig,
  node: NodeConfig,
  server: ServerFacts | null,
): Promise<HostFacts> {
  const variables = server?.variables ?? {};
  const { write, read, single } = config.vips;
  const binaryLogs = (variables['log_bin_basename'] ?? '').replace(/\/[^/]*$/, '');
  return gatherHost({
    node: node.name,
    interface: node.interface,
    vips: [...write, ...read, ...single].map((vip) => vip.address),
    gateway: config.failover.gateway,
    secrets: [
      { path: config.mysql.admin.passwordFile, what: "password of the agent's account" },
      { path: config.mysql.replication.passwordFile, what: 'password of the replication account' },
      { path: config.api.tokenFile, what: 'API token' },
      { path: config.secretFile, what: 'key of the pair' },
    ],
    folders: [config.stateDir, variables['datadir'] ?? '', binaryLogs].filter((each) => each !== ''),
    serverPidFile: variables['pid_file'] ?? null,
  });
}
