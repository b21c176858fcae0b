// What every part of `twinkeep clone` needs of this host: both servers' logins, the journal, the way to the donor and to the
// manager of this node.

import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { CloneRun } from '../app/clonerun.ts';
import type { PairView } from '../app/view.ts';
import { readSecret } from '../config/secret.ts';
import type { NodeConfig, PairConfig } from '../config/types.ts';
import { listenForClones } from '../io/clone/channel.ts';
import { serveDonor } from '../io/clone/donor.ts';
import { type CloneFile, openCloneFile } from '../io/clone/journalfile.ts';
import type { DonorAt } from '../io/clone/receive.ts';
import { serviceCommands } from '../io/clone/service.ts';
import type { Endpoint } from '../io/database/connection.ts';
import { accepted, askNode } from './api.ts';

/** Of the heartbeat. */
export const SCHEMA = 'twinkeep';
const ROLE_EVERY_MS = 500;

export interface Context {
  readonly config: PairConfig;
  readonly self: NodeConfig;
  readonly donor: NodeConfig;
  readonly folder: string;
  readonly file: CloneFile;
  readonly donorAt: DonorAt;
  readonly admin: { readonly own: Endpoint; readonly donor: Endpoint };
  readonly refresh: () => Promise<void>;
  /** Reads the rest of the secrets, and finds how the server is stopped: asked for only when something is changed. */
  readonly runner: () => Omit<CloneRun, 'told' | 'proven'>;
}

export function contextOf(config: PairConfig, self: NodeConfig, bytesPerS: number | null): Context {
  const donor = config.nodes.find((node) => node.name !== self.name) as NodeConfig;
  const folder = join(config.stateDir, `${config.pair}.${self.name}`);
  const { mysql } = config;
  const account = {
    user: mysql.admin.user,
    password: readSecret(mysql.admin.passwordFile, 'password of the admin account').value,
    port: mysql.port,
  };
  const own = {
    host: '127.0.0.1',
    ...account,
    ...(mysql.socket === null ? {} : { socketPath: mysql.socket }),
  };
  const base = {
    config,
    self,
    donor,
    file: openCloneFile(folder),
    donorAt: {
      key: {
        pair: config.pair,
        secret: readSecret(config.secretFile, 'key of the pair').value,
        self: self.name,
        peer: donor.name,
      },
      address: donor.address,
      localAddress: self.address,
      port: config.clone.port,
    },
    admin: { own, donor: { host: donor.address, ...account } },
    refresh: async () => {
      accepted(await askNode(config, self, '/api/v1/clones/refresh', { method: 'POST' }));
    },
  };
  return {
    ...base,
    folder,
    runner: () => ({
      ...base,
      bytesPerS,
      commands: serviceCommands(mysql.service),
      replication: {
        user: mysql.replication.user,
        password: readSecret(mysql.replication.passwordFile, 'password of the replication account').value,
      },
    }),
  };
}

/** The old data that clones have kept, beside the data directory. */
export function keptBefore(datadir: string): string[] {
  const folder = dirname(datadir);
  return readdirSync(folder)
    .filter((name) => name.startsWith(`${basename(datadir)}.before-clone-`))
    .map((name) => join(folder, name));
}

/** Gives copies with the rights of this command, until it is ended. */
export async function donate({ config, self, donor: peer, donorAt, admin }: Context): Promise<void> {
  const write = (text: string): void => void process.stderr.write(`${text}\n`);
  let role = 'unknown';
  const ask = async (): Promise<void> => {
    const answer = await askNode(config, self, '/api/v1/pair').catch(() => null);
    const view = answer === null ? null : accepted<PairView>(answer);
    role = view?.nodes.find((node) => node.self)?.role ?? 'unknown';
  };
  await ask();
  setInterval(() => void ask(), ROLE_EVERY_MS);
  const at = { address: self.address, port: config.clone.port + 1 };
  const { listening } = listenForClones(donorAt.key, at, {
    line: (line) =>
      serveDonor(line, {
        name: self.name,
        admin: admin.own,
        role: () => role,
        say: (_level, _code, because) => write(because),
      }),
    warning: (_code, because) => write(because),
  });
  await listening;
  write(
    `gives copies of ${self.name} at ${at.address}:${at.port}; now run \`twinkeep clone --from ${self.name}\` on the host of ${peer.name}. Ctrl-C ends it.`,
  );
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  process.exit(0);
}
