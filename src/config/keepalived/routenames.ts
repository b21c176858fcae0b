// The names that iproute2 gives to routing tables, protocols, scopes, realms, interface groups and DSCP values: the files that ip(8)
// reads. keepalived.conf may use them in routes and rules. Read through the parser's reader of files; routes.ts and rules-entries.ts
// look them up.
import type { ReadFiles } from './lines.ts';

export type Names = ReadonlyMap<string, number>;

export interface RouteNames {
  readonly tables: Names;
  readonly protocols: Names;
  readonly scopes: Names;
  readonly realms: Names;
  readonly groups: Names;
  readonly fields: Names;
}

/** What every kernel and every distribution agrees on. */
export const KNOWN_NAMES: RouteNames = {
  tables: new Map([
    ['local', 255],
    ['main', 254],
    ['default', 253],
  ]),
  protocols: new Map([
    ['redirect', 1],
    ['kernel', 2],
    ['boot', 3],
    ['static', 4],
    ['ra', 9],
    ['zebra', 11],
    ['bird', 12],
    ['dhcp', 16],
    ['keepalived', 18],
    ['babel', 42],
    ['bgp', 186],
    ['isis', 187],
    ['ospf', 188],
    ['rip', 189],
    ['eigrp', 192],
  ]),
  scopes: new Map([
    ['global', 0],
    ['universe', 0],
    ['site', 200],
    ['link', 253],
    ['host', 254],
    ['nowhere', 255],
  ]),
  realms: new Map([['cosmos', 0]]),
  groups: new Map([['default', 0]]),
  fields: new Map(),
};

const FILES: Readonly<Record<keyof RouteNames, string>> = {
  tables: 'rt_tables',
  protocols: 'rt_protos',
  scopes: 'rt_scopes',
  realms: 'rt_realms',
  groups: 'group',
  fields: 'rt_dsfield',
};

/** Later ones win: what an administrator wrote, over what the distribution brought. */
const FOLDERS = ['/usr/lib/iproute2', '/usr/share/iproute2', '/etc/iproute2'];

const LINES_MAX = 10_000;

function addNames(text: string, names: Map<string, number>): void {
  for (const line of text.split('\n', LINES_MAX)) {
    const found = /^\s*(0x[0-9a-f]{1,8}|[0-9]{1,10})\s+([^\s#]+)/i.exec(line);
    if (found?.[1] !== undefined && found[2] !== undefined) names.set(found[2], Number(found[1]));
  }
}

export function readRouteNames(read: ReadFiles): RouteNames {
  const of = (kind: keyof RouteNames): Names => {
    const names = new Map(KNOWN_NAMES[kind]);
    for (const folder of FOLDERS)
      for (const pattern of [FILES[kind], `${FILES[kind]}.d/*.conf`])
        for (const { text } of read(`${folder}/${pattern}`, `${folder}/`)) addNames(text, names);
    return names;
  };
  return {
    tables: of('tables'),
    protocols: of('protocols'),
    scopes: of('scopes'),
    realms: of('realms'),
    groups: of('groups'),
    fields: of('fields'),
  };
}
