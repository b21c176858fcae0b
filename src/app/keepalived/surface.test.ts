// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${NAME} is keepalived's own syntax here
import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { OperatorError } from '../../core/error.ts';
import { dumpPath, writeDump } from './dumpfile.ts';
import { findingLine, type LoadOptions, loadConfig } from './surfaceload.ts';
import { logFileOf, openDaemonLog, timeText } from './surfacelog.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'twinkeep-surface-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function file(text: string, name = 'k.conf'): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

const load = (path: string, more: Partial<LoadOptions> = {}) =>
  loadConfig({ file: path, configId: null, allIncludes: false, ...more });

function codeOf(work: () => unknown): string {
  try {
    work();
    return 'nothing thrown';
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

describe('reading the configuration', () => {
  test('an include that finds nothing is fatal only with --all-config', () => {
    const path = file('include nothing/*.conf\n');
    expect(load(path).status).not.toBe(2);
    expect(codeOf(() => load(path, { allIncludes: true }))).toBe(
      "config-file: Config files missing 'nothing/*.conf'.",
    );
  });

  test('a file that is missing, or a folder, is named with the reason', () => {
    expect(codeOf(() => load(join(folder, 'none')))).toContain("none': there is no such file.");
    expect(codeOf(() => load(folder))).toContain(`'${folder}': it cannot be read (EISDIR).`);
  });

  test('what is random stays what it was at the next reading, so that a reload changes nothing', () => {
    const path = file('vrrp_instance V {\n  interface eth0\n  virtual_router_id ${_RANDOM 1 255}\n}\n');
    const first = load(path).config.instances[0]?.virtualRouterId;
    expect(first).toBeGreaterThanOrEqual(1);
    for (let i = 0; i < 8; i++) expect(load(path).config.instances[0]?.virtualRouterId).toBe(first);
  });

  test('what is wrong is logged with the place as the C daemon writes it', () => {
    const path = file('\nfoo bar\n');
    const [finding] = load(path).findings;
    expect(finding && findingLine(finding)).toContain(`(${path}: Line 2) \`foo\` is not known`);
  });
});

describe('dump files', () => {
  test('are where the file says, or in /tmp, there with the instance in the name when that is asked for', () => {
    const plain = load(file('')).config;
    expect(dumpPath(plain, 'data', '_blue')).toBe('/tmp/keepalived.data');
    expect(dumpPath(plain, 'check', '')).toBe('/tmp/keepalived_check.data');
    const named = load(file('global_defs {\n  data_use_instance\n  json_dump_file /run/x.json\n}\n')).config;
    expect(dumpPath(named, 'stats', '_blue_left')).toBe('/tmp/keepalived_blue_left.stats');
    expect(dumpPath(named, 'json', '_blue_left')).toBe('/run/x.json');
  });

  test('replace a symbolic link, leave nothing else behind, and are for their owner', () => {
    const victim = file('untouched', 'victim');
    const path = join(folder, 'k.json');
    symlinkSync(victim, path);
    writeDump(path, '[]');
    expect(readFileSync(victim, 'utf8')).toBe('untouched');
    expect(lstatSync(path).isFile()).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, 'utf8')).toBe('[]');
    expect(readdirSync(folder).sort()).toEqual(['k.json', 'victim']);
  });

  test('that cannot be written say so, and leave nothing behind', () => {
    expect(codeOf(() => writeDump(join(folder, 'none/k.data'), ''))).toContain('(ENOENT)');
    expect(codeOf(() => writeDump(folder, ''))).toMatch(/dump-file: Can't open .* \(E/);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('the log', () => {
  test('writes each part to a file of its own, one line an entry, detail only when asked', () => {
    const path = join(folder, 'ka.log');
    const log = openDaemonLog({ console: 'nothing', facility: null, file: path, detail: false });
    log.say('main', 'info', 'Starting');
    log.say('vrrp', 'info', 'two\nlines');
    log.say('vrrp', 'detail', 'too much');
    expect(readFileSync(path, 'utf8')).toMatch(/^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}: Starting\n$/);
    expect(readFileSync(join(folder, 'ka_vrrp.log'), 'utf8')).toMatch(/: two lines\n$/);
  });

  test('puts the part before the last dot of the file’s name, not of its folder’s', () => {
    expect(logFileOf('/var/log/ka.log', 'vrrp')).toBe('/var/log/ka_vrrp.log');
    expect(logFileOf('/var/log.d/ka', 'checkers')).toBe('/var/log.d/ka_healthcheckers');
    expect(logFileOf('/var/log.d/ka', 'main')).toBe('/var/log.d/ka');
  });

  test('says the time as ctime(3) does', () => {
    const at = new Date(2026, 10, 1, 9, 5, 7).getTime();
    expect(timeText(at)).toBe('Sun Nov  1 09:05:07 2026');
  });
});
