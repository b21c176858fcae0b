// Which pair.yaml a verb means, and its content: for every verb that needs the configuration.
import { existsSync, readFileSync } from 'node:fs';
import { maskSecrets } from '../config/forbidden.ts';
import { loadPair } from '../config/load.ts';
import type { PairConfig } from '../config/types.ts';
import { OperatorError } from '../core/error.ts';
import { InvalidConfig, printFindings } from './output.ts';

/** Description of the option, the same for every verb. */
export const CONFIG_OPTION_HELP =
  'pair.yaml (default: $TWINKEEP_CONFIG, else ./pair.yaml, else /etc/twinkeep/pair.yaml)';

const PLACES = ['pair.yaml', '/etc/twinkeep/pair.yaml'];

export function configPath(option: string | undefined): string {
  const named = option ?? process.env['TWINKEEP_CONFIG'];
  if (named !== undefined && named !== '') return named;
  const found = PLACES.find((place) => existsSync(place));
  if (found !== undefined) return found;
  throw new OperatorError(
    'config-missing',
    `there is no configuration file: neither --config nor TWINKEEP_CONFIG names one, and there is none at ./${PLACES.join(' or ')}`,
    'name yours with --config FILE; examples/pair.yaml is one to start from',
  );
}

/** The configuration, or an InvalidConfig that run() prints. Warnings go to stderr at once, unless `quiet`. */
export function requirePair(option: string | undefined, quiet = false): PairConfig {
  const path = configPath(option);
  const parsed = loadPair(path);
  const source = () => readFileSync(path, 'utf8');
  if (!parsed.ok) throw new InvalidConfig(path, parsed.findings, source());
  if (!quiet && parsed.warnings.length > 0) printFindings(parsed.warnings, source(), 'warning', maskSecrets);
  return parsed.config;
}
