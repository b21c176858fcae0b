// `twinkeep archive`: keeps a raw copy of the writer's binary log on a third host, in the foreground.
import type { Command } from 'commander';
import { CONFIG_OPTION_HELP, requirePair } from './pair-file.ts';

interface Options {
  readonly config?: string;
  readonly dir: string;
}

async function archive(options: Options): Promise<void> {
  const config = requirePair(options.config);
  const { runArchive } = await import('../app/archive.ts');
  process.exit(await runArchive({ config, folder: options.dir }));
}

export function register(program: Command): void {
  program
    .command('archive')
    .requiredOption('-d, --dir <folder>', 'where the raw logs are kept; made when missing')
    .option('-c, --config <file>', CONFIG_OPTION_HELP)
    .addHelpText(
      'after',
      `
Runs in the foreground until SIGTERM or Ctrl-C. pair.yaml says where it listens (archive.address); it needs the API token, the
password of the replication account, and the server's binary log client (mariadb-binlog or mysqlbinlog). It follows the writer
over failovers. Nothing is ever deleted: remove old folders yourself. GET /api/v1/archive shows what it has.

Example:
  twinkeep archive --config /etc/twinkeep/pair.yaml --dir /var/lib/twinkeep-archive
`,
    )
    .action(archive);
}
