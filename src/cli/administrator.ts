// The administrator's way into the servers, for verbs that need one: options of the command line become an endpoint a node.

import { existsSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { Command } from 'commander';
import { readSecret } from '../config/secret.ts';
import type { NodeConfig, PairConfig } from '../config/types.ts';
import { OperatorError } from '../core/error.ts';
import type { Endpoint } from '../io/database/connection.ts';
import { socketLogin } from '../io/database/socketlogin.ts';

export interface AdministratorOptions {
  readonly adminUser: string;
  readonly adminPasswordFile?: string;
  readonly adminSocket: readonly string[];
}

const several = (value: string, before: readonly string[]): string[] => [...before, value];

export function withAdministrator(command: Command): Command {
  return command
    .option('--admin-user <name>', "the servers' administrator", 'root')
    .option('--admin-password-file <file>', 'holds that password; the servers are then reached over TCP')
    .option(
      '--admin-socket <node=path>',
      'unix socket of the server of a node, for an administrator without a password; may be given twice',
      several,
      [],
    );
}

export function isHere(node: NodeConfig): boolean {
  return Object.values(networkInterfaces()).some((list) =>
    list?.some(({ address }) => address === node.address),
  );
}

function socketOf(config: PairConfig, node: NodeConfig, options: AdministratorOptions): string | null {
  for (const given of options.adminSocket) {
    const at = given.indexOf('=');
    const named = given.slice(0, at);
    if (at <= 0 || !config.nodes.some((each) => each.name === named)) {
      throw new OperatorError(
        'admin-socket',
        `--admin-socket ${given} does not name a node of the pair and a path`,
        `write it as ${config.nodes.map((each) => `${each.name}=/run/mysqld/mysqld.sock`).join(' or ')}`,
      );
    }
    if (named === node.name) return given.slice(at + 1);
  }
  const { socket } = config.mysql;
  // Root on the host itself may be the administrator without being told how.
  const here = process.getuid?.() === 0 && options.adminPasswordFile === undefined && isHere(node);
  return here && socket !== null && existsSync(socket) ? socket : null;
}

/** Null: no way in was given. */
export function administratorOf(
  config: PairConfig,
  node: NodeConfig,
  options: AdministratorOptions,
): Endpoint | null {
  const socketPath = socketOf(config, node, options);
  const file = options.adminPasswordFile;
  if (socketPath === null && file === undefined) return null;
  return {
    host: node.address,
    port: config.mysql.port,
    ...(socketPath === null ? {} : { socketPath }),
    user: options.adminUser,
    password: file === undefined ? '' : readSecret(file, "administrator's password").value,
    authPlugins: socketLogin,
    tls: config.mysql.tls,
  };
}
