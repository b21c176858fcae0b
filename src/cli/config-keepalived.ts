// `twinkeep config check` of a keepalived.conf, alone or beside the other host's. Recognises the file by its name or content.
import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { parseKeepalivedFile } from '../config/keepalived/file.ts';
import { comparePeers, type KeepalivedConfig, type KeepalivedFinding } from '../config/keepalived/parse.ts';
import { maskKeepalived } from '../config/keepalived/secrets.ts';
import { OperatorError } from '../core/error.ts';
import { painter, printFindings } from './output.ts';

export interface KeepalivedOptions {
  readonly peer?: string;
  readonly onThisHost?: boolean;
  readonly json?: boolean;
}

const BLOCKS = /^[ \t]*(?:global_defs|vrrp_\w+|virtual_server|vrrp_script|static_routes)\b[^\n:]*(?:\{|$)/m;

/** By name where it says enough, otherwise by what stands in the file. */
export function isKeepalivedConf(path: string): boolean {
  const name = basename(path);
  if (/\.ya?ml$/i.test(name)) return false;
  if (/keepalived.*\.conf/i.test(name)) return true;
  try {
    const text = readFileSync(path, 'utf8');
    return !/^(?:pair|nodes|vips)\s*:/m.test(text) && BLOCKS.test(text);
  } catch {
    // Whoever reads it for good says what is wrong.
    return false;
  }
}

/** A file under /etc/keepalived is for this host; of another one only the addresses of the interfaces are compared. */
export const isForThisHost = (path: string, option: boolean | undefined): boolean =>
  option ?? resolve(path).startsWith('/etc/keepalived/');

interface Checked {
  readonly config: KeepalivedConfig;
  readonly findings: readonly KeepalivedFinding[];
}

function read(path: string, options: KeepalivedOptions): Checked {
  const here = isForThisHost(path, options.onThisHost);
  return parseKeepalivedFile(path, options.onThisHost === false ? 'elsewhere' : here ? 'here' : 'unknown');
}

/** Each finding with the line that it is about, also where that stands in an included file or a script. `known`: texts by their name. */
export function printKeepalivedFindings(
  findings: readonly KeepalivedFinding[],
  known: Readonly<Record<string, string>> = {},
): void {
  const sources = new Map<string, string>(Object.entries(known));
  const sourceOf = (file: string) => {
    if (!sources.has(file)) {
      try {
        sources.set(file, readFileSync(file, 'utf8'));
      } catch {
        sources.set(file, '');
      }
    }
    return sources.get(file) ?? '';
  };
  for (const finding of findings) {
    const kind = finding.severity === 'warning' ? 'warning' : 'mistake';
    printFindings([finding], sourceOf(finding.file), kind, maskKeepalived);
  }
}

const count = (n: number, one: string) => (n === 1 ? `one ${one}` : `${n} ${one}s`);

function summary(path: string, config: KeepalivedConfig, warnings: number): string {
  const instances = config.instances.map(
    (i) =>
      `${i.name} (id ${i.virtualRouterId}, priority ${i.priority}, ${i.addresses.map((a) => a.value.address).join(' ') || 'no address'})`,
  );
  const servers = config.virtualServers.length;
  const what = [
    instances.slice(0, 4).join(', ') + (instances.length > 4 ? ` and ${instances.length - 4} more` : ''),
    servers > 0 ? count(servers, 'virtual server') : '',
  ].filter(Boolean);
  const warned = warnings === 0 ? '' : `; ${count(warnings, 'warning')}`;
  return `${path}: ${what.join('; ') || 'no instance'}${warned}`;
}

export function checkKeepalived(path: string, options: KeepalivedOptions): void {
  const own = read(path, options);
  const peer = options.peer === undefined ? null : read(options.peer, { ...options, onThisHost: false });
  const between = peer === null ? [] : comparePeers(own.config, peer.config);
  // The peer's own mistakes are told by a check of the peer's file; here only those that make the comparison worthless.
  const all = [...own.findings, ...between, ...(peer?.findings.filter((f) => f.severity === 'fatal') ?? [])];
  const warnings = all.filter((f) => f.severity === 'warning');
  const mistakes = all.filter((f) => f.severity !== 'warning');
  if (options.json) {
    const answer = { ok: mistakes.length === 0, findings: mistakes, warnings };
    process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
    if (mistakes.length > 0) process.exitCode = 1;
    return;
  }
  printKeepalivedFindings(all);
  if (mistakes.length > 0)
    throw new OperatorError(
      'config-invalid',
      `${path} has ${count(mistakes.length, 'mistake')}${warnings.length > 0 ? ` and ${count(warnings.length, 'warning')}` : ''}`,
      'mend what is listed, then check it again',
    );
  process.stdout.write(
    `${painter(process.stdout)('green', 'valid:')} ${summary(path, own.config, warnings.length)}\n`,
  );
}
