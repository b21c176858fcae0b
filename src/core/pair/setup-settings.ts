// Set-up's look at each server by itself: its settings against my.cnf as rendered, its family, its channels.
import type { Refusal, RequiredSetting, SetupNode } from './setup-facts.ts';

/** Wrong here, and commits are lost or the pair cannot work: set-up refuses. The rest of my.cnf is advice. */
const SAFETY: ReadonlySet<string> = new Set([
  'server_id',
  'log_bin',
  'binlog_format',
  'log_slave_updates',
  'gtid_domain_id',
  'gtid_strict_mode',
  'sync_binlog',
  'innodb_flush_log_at_trx_commit',
  'relay_log_recovery',
  'sync_relay_log',
  'slave_exec_mode',
  'skip_slave_start',
  'rpl_semi_sync_master_timeout',
  'rpl_semi_sync_master_wait_point',
  'rpl_semi_sync_master_wait_no_slave',
  'init_rpl_role',
  // MySQL's words for the same.
  'gtid_mode',
  'enforce_gtid_consistency',
  'log_replica_updates',
  'replica_exec_mode',
  'replica_preserve_commit_order',
  'slave_preserve_commit_order',
  'skip_replica_start',
  'rpl_semi_sync_source_timeout',
  'rpl_semi_sync_source_wait_point',
  'rpl_semi_sync_source_wait_no_replica',
]);
/** The agent changes these while the server runs, so they tell of my.cnf only before there is a channel. */
const AGENTS: ReadonlySet<string> = new Set([
  'read_only',
  'super_read_only',
  'rpl_semi_sync_master_enabled',
  'rpl_semi_sync_slave_enabled',
  'rpl_semi_sync_source_enabled',
  'rpl_semi_sync_replica_enabled',
  'event_scheduler',
]);

/** Values as the server shows them: 1 for ON, without quotes. */
function sameValue(shown: string, wanted: string): boolean {
  const plain = (value: string): string => {
    const upper = value.trim().toUpperCase();
    return upper === 'ON' || upper === 'TRUE' ? '1' : upper === 'OFF' || upper === 'FALSE' ? '0' : upper;
  };
  return plain(shown) === plain(wanted);
}

/** null: as wanted, or not to be seen on a running server. */
function wrongSetting(node: SetupNode, setting: RequiredSetting): string | null {
  const { seen } = node;
  if (setting.name === 'log_bin') return seen.logBin ? null : 'OFF';
  if (setting.name === 'init_rpl_role') {
    // IDLE_SLAVE at boot, ACTIVE_SLAVE once the receiver runs; without the option AUTH_MASTER, whatever runs.
    const slave = seen.rplStatus.endsWith('_SLAVE');
    const right = seen.rplStatus === '' || slave === (setting.value.toUpperCase() === 'SLAVE');
    return right ? null : `not set to that (Rpl_status ${seen.rplStatus})`;
  }
  const shown = seen.variables[setting.name];
  // The variables of a plugin are there when it is.
  if (shown === undefined && setting.name.startsWith('rpl_semi_sync_'))
    return 'not there (no such plugin is loaded)';
  if (shown === undefined || sameValue(shown, setting.value)) return null;
  return shown;
}

/** As `config render my.cnf` takes it. */
function serverOption({ family, version }: SetupNode['seen']): string {
  if (family === 'mariadb') return '';
  if (family === 'mysql' && version.startsWith('5.')) return ' --server mysql-5.7';
  return ` --server ${family}`;
}

const rendered = ({ name, seen }: SetupNode): string =>
  `put the output of \`twinkeep config render my.cnf --node ${name}${serverOption(seen)}\` where the server reads it last, and restart the server`;

export function settingProblems(node: SetupNode): { refusals: Refusal[]; warnings: string[] } {
  const refusals: Refusal[] = [];
  const warnings: string[] = [];
  for (const setting of node.required) {
    const fresh = node.seen.channel === null;
    const shown = wrongSetting(node, setting);
    if (shown === null || (AGENTS.has(setting.name) && !fresh && setting.name in node.seen.variables))
      continue;
    const line = `${setting.name} = ${setting.value}`;
    if (SAFETY.has(setting.name) || AGENTS.has(setting.name)) {
      refusals.push({
        code: 'setting',
        message: `${node.name}: ${setting.name} is ${shown}; the pair needs ${line}`,
        hint: AGENTS.has(setting.name)
          ? `if it was only changed while the server runs: SET GLOBAL ${line}; otherwise ${rendered(node)}`
          : rendered(node),
      });
    } else warnings.push(`${node.name}: ${setting.name} is ${shown}; config render my.cnf says ${line}`);
  }
  return { refusals, warnings };
}

const resetAll = ({ seen }: SetupNode): string =>
  seen.family === 'mysql' && !/^5\./.test(seen.version)
    ? 'STOP REPLICA; RESET REPLICA ALL'
    : 'STOP SLAVE; RESET SLAVE ALL';

/** What keeps one server from being half of a pair, whatever the other is. */
export function serverProblems(node: SetupNode, peer: SetupNode): Refusal[] {
  const { seen } = node;
  const refusals: Refusal[] = [];
  if (seen.otherChannels.length > 0) {
    refusals.push({
      code: 'other-channel',
      message: `${node.name} has further replication channels: ${seen.otherChannels.join(', ')}`,
      hint: `a node of the pair replicates from the other node only; remove them with ${resetAll(node)}`,
    });
  }
  if (seen.channel !== null && (seen.channel.host !== peer.address || seen.channel.user === '')) {
    refusals.push({
      code: 'channel-elsewhere',
      message: `${node.name} replicates from ${seen.channel.host}:${seen.channel.port}, not from ${peer.name} (${peer.address})`,
      hint: `if that is no longer wanted: ${resetAll(node)} on ${node.name}, then run setup again`,
    });
  }
  return refusals;
}
