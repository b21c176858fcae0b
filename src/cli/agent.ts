// `twinkeep agent`: checks the configuration and the secrets, then runs the agent in this very process, in the
// foreground, logging to stderr.

import type { Command } from 'commander';
import { readSecret } from '../config/secret.ts';
import type { PairConfig } from '../config/types.ts';
import { NODE_OPTION_HELP, whichHost } from './node.ts';
import { CONFIG_OPTION_HELP, requirePair } from './pair-file.ts';

interface Options {
  readonly config?: string;
  readonly node?: string;
}

/** A missing secret is said before anything starts, not by a process that is started again and again. */
function checkSecrets(config: PairConfig, isReplica: boolean): void {
  readSecret(config.mysql.admin.passwordFile, 'password of the admin account');
  readSecret(config.api.tokenFile, 'API token');
  if (isReplica) readSecret(config.mysql.replication.passwordFile, 'password of the replication account');
  else readSecret(config.secretFile, 'key of the pair');
}

async function agent(options: Options): Promise<void> {
  const config = requirePair(options.config);
  const node = whichHost(config, options.node);
  checkSecrets(
    config,
    config.replicas.some(({ name }) => name === node.name),
  );
  const { becomeAgent } = await import('../app/launch.ts');
  becomeAgent({ config, node: node.name });
}

export function register(program: Command): void {
  program
    .command('agent')
    .option('-c, --config <file>', CONFIG_OPTION_HELP)
    .option('-n, --node <name>', NODE_OPTION_HELP)
    .addHelpText(
      'after',
      `
Runs in the foreground until SIGTERM or Ctrl-C; then it hands the writer role over, if it has it, and ends.
On the host of a further replica (\`replicas\` in pair.yaml) it keeps that one replicating from a fit node of the pair.
Needs CAP_NET_ADMIN and CAP_NET_RAW (root has them), the servers' accounts made by \`twinkeep setup\`, and no fixed path.

Example:
  twinkeep agent --config /etc/twinkeep/pair.yaml --node a
`,
    )
    .action(agent);
}
