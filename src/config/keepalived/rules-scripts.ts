// What is wrong with the scripts of a configuration: names, paces, rights, and what stands in them where the disk could be read.
// Used by rules.ts.
import { type Command, commandsOf } from './commands.ts';
import { quote, type Report } from './findings.ts';
import type { Host, ScriptFile } from './host.ts';
import type { Rule } from './rules.ts';
import { hasPassword, looksAtScript } from './scripttext.ts';
import type { KeepalivedConfig, ScriptConfig } from './types.ts';

/** A database that is gone for longer than this before anyone looks is gone for too long. */
export const DETECTION_MS_MAX = 10_000;
const DEFAULT_USER = 'keepalived_script';

const pace = (s: ScriptConfig, report: Report): void => {
  const detectionMs = s.intervalMs * s.fall;
  if (detectionMs > DETECTION_MS_MAX)
    report(
      'warning',
      s.at,
      'interval-long',
      `a failure is noticed only after up to ${detectionMs / 1000} s (interval ${s.intervalMs / 1000} s, fall ${s.fall}); for so long clients meet a dead server`,
      'write interval 1 or 2, fall 2, and a timeout below the interval',
    );
  if (s.intervalMs % 1000 !== 0)
    report(
      'warning',
      s.at,
      'interval-fraction',
      'fractions of a second in a script interval are known from keepalived 2.3.2 on; older ones take 1 s',
      'write whole seconds if an older keepalived reads this file',
    );
  if (s.timeoutMs !== null && s.timeoutMs > s.intervalMs)
    report(
      'warning',
      s.at,
      'timeout-long',
      `the timeout of ${s.name} is longer than its interval, so a hanging script is found later than a failing one`,
      'write a timeout below the interval',
    );
};

export const scripts: Rule = (config, report) => {
  const names = new Set(config.scripts.map((s) => s.name));
  const groups = [...config.instances, ...config.syncGroups];
  for (const { name, tracked } of groups)
    for (const t of tracked.scripts)
      if (!names.has(t.value.name))
        report(
          'error',
          t.at,
          'script-unknown',
          `${name} tracks a script "${t.value.name}" that no vrrp_script defines`,
          names.size > 0
            ? `defined are ${[...names].slice(0, 8).join(', ')}`
            : `add vrrp_script ${t.value.name} { ... }`,
        );
  for (const s of config.scripts) {
    if (!groups.some((g) => g.tracked.scripts.some((t) => t.value.name === s.name)))
      report(
        'warning',
        s.at,
        'script-unused',
        `no instance tracks the script ${s.name}, so it never runs`,
        `add track_script { ${s.name} } to the instance`,
      );
    pace(s, report);
  }
};

/** The C daemon looks for violations only among the scripts that are there. */
export const scriptSecurity: Rule = (config, report, host) => {
  if (config.global.scriptSecurity) return;
  const first = commandsOf(config).find((c) => !isMissing(c, host));
  if (first === undefined) return;
  report(
    'error',
    first.script.at,
    'script-security',
    'scripts run as root here, and nothing checks who may change them',
    'add enable_script_security and script_user NAME to global_defs, above the scripts',
  );
};

const programOf = (c: Command): string => c.script.command[0] ?? '';
/** `</dev/tcp/127.0.0.1/80`: no program, but an old way to ask a shell whether a port is open. The C daemon looks no further. */
const isRedirection = (c: Command): boolean => programOf(c).startsWith('<');
const isMissing = (c: Command, host: Host | null): boolean =>
  isRedirection(c) || host?.script?.(programOf(c)) === null;

/** With script security and nobody to run them as, the C daemon throws the scripts out, and the instance is checked by nothing. */
export const scriptUser: Rule = (config, report, host) => {
  const { scriptUser: user, scriptSecurity: secured } = config.global;
  const left = commandsOf(config).filter((c) => c.ownUser === null);
  const [first] = left;
  const at = config.reading.values.global_defs?.flatMap((g) => g.value.values.script_user ?? []).at(-1)?.at;
  if (user !== null && host?.hasUser?.(user.user) === false)
    report(
      'error',
      at ?? { file: '', line: 1, column: 1 },
      'script-user-unknown',
      `this host has no account "${quote(user.user)}": keepalived takes every script out that has no user of its own, and checks nothing`,
      `make it (useradd --system --shell /usr/sbin/nologin ${quote(user.user)}), or name one that exists`,
    );
  else if (user === null && secured && first !== undefined && host?.hasUser?.(DEFAULT_USER) !== true)
    report(
      host?.hasUser === undefined ? 'warning' : 'error',
      first.script.at,
      'script-user-missing',
      `enable_script_security without script_user needs an account ${DEFAULT_USER}; ${host?.hasUser === undefined ? 'where there is none' : 'there is none here, and'} keepalived takes the scripts out and checks nothing`,
      'add script_user NAME to global_defs, above the scripts, with an account that may do what they do',
    );
};

/** As whom a command runs; null: not known. */
function userOf(c: Command, config: KeepalivedConfig, host: Host): string | null {
  const named = c.ownUser ?? config.global.scriptUser?.user;
  if (named !== undefined) return named;
  return host.hasUser === undefined ? null : host.hasUser(DEFAULT_USER) ? DEFAULT_USER : 'root';
}

function reportRights(c: Command, file: ScriptFile, user: string | null, report: Report): void {
  if (user === null || user === 'root' || user === '0' || !file.executable || file.executableByAll) return;
  report(
    'warning',
    c.script.at,
    'script-user-rights',
    `${c.owner} runs as ${quote(user)}, and ${file.path}, or a folder above it, is not open to every account: it may fail for ever, although it works by hand as root`,
    `try it: su -s /bin/sh ${quote(user)} -c '${file.path}; echo $?'; then chmod 755, or name root as script_user`,
  );
}

function reportFile(c: Command, file: ScriptFile | null, secured: boolean, report: Report): void {
  const program = quote(programOf(c));
  const shown = c.script.at;
  if (file === null) {
    const effect = c.tracked
      ? 'keepalived disables it, and the instance is checked by nothing'
      : c.kind === 'check'
        ? 'the check fails for ever'
        : 'nobody is told';
    report(
      c.tracked ? 'error' : 'warning',
      shown,
      'script-not-found',
      `${program} (${c.owner}) is not on this host: ${effect}`,
      'put it there, or mend the path',
    );
    return;
  }
  if (!file.executable)
    report(
      'warning',
      shown,
      'script-not-executable',
      `${file.path} (${c.owner}) may not be executed${c.kind === 'check' ? ', so the check fails for ever' : ''}`,
      `chmod 755 ${file.path}`,
    );
  if (file.changeable === null) return;
  const effect = secured
    ? 'with script security keepalived disables it'
    : 'whoever may change it becomes root';
  report(
    secured && c.tracked ? 'error' : 'warning',
    shown,
    'script-unsafe',
    `${file.path} (${c.owner}), or a folder above it, can be changed by ${file.changeable}: ${effect}`,
    `chown root:root and chmod go-w for ${file.path} and the folders above it`,
  );
}

/** What the disk and the commands themselves show. */
export const scriptFiles: Rule = (config, report, host) => {
  const read = new Set<string>();
  for (const c of commandsOf(config)) {
    if (hasPassword(c.script.command))
      report(
        'warning',
        c.script.at,
        'script-password',
        `a password stands on the command line of ${c.owner}: every account of the host sees it in the list of processes`,
        'put it into a file of mode 0600 and give --defaults-extra-file=FILE (mysql, mysqladmin), and change it',
      );
    looksAtScript(c, c.script.command.join(' '), (_line, _column) => c.script.at, report);
    if (host?.script === undefined || isRedirection(c)) continue;
    const file = host.script(programOf(c));
    reportFile(c, file, config.global.scriptSecurity, report);
    if (file !== null) reportRights(c, file, userOf(c, config, host), report);
    if (file?.text == null || read.has(file.path)) continue;
    read.add(file.path);
    looksAtScript(c, file.text, (line, column) => ({ file: file.path, line, column }), report);
  }
};

/** A checker that looks once a minute, which is the default, finds a dead server after a minute. */
export const checkers: Rule = ({ virtualServers }, report) => {
  for (const v of virtualServers)
    for (const r of v.realServers)
      for (const c of r.checkers) {
        const detectionMs = c.intervalMs + c.retries * (c.timeoutMs + c.delayBeforeRetryMs);
        if (c.intervalMs <= DETECTION_MS_MAX) continue;
        report(
          'warning',
          c.at,
          'delay-loop-long',
          `${c.kind} looks every ${c.intervalMs / 1000} s: a dead ${r.address} is noticed only after up to ${detectionMs / 1000} s`,
          'write delay_loop 2 into the virtual_server',
        );
      }
};
