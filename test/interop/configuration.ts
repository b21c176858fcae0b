// The keepalived.conf files of the cases, from the few words in which they differ. Version 3 and 0.1 s unless a case says otherwise, so that a
// failover takes a third of a second.

export const VIP = '10.9.0.100';
export const VRID = 51;

export interface InstanceWords {
  readonly name?: string;
  readonly vrid?: number;
  readonly priority?: number;
  readonly version?: 2 | 3;
  /** Seconds. */
  readonly advert?: number;
  readonly state?: 'MASTER' | 'BACKUP';
  readonly interfaceName?: string;
  readonly vips?: readonly string[];
  /** Further lines of the instance. */
  readonly lines?: readonly string[];
}

export function instance(words: InstanceWords = {}): string {
  const version = words.version ?? 3;
  return `vrrp_instance ${words.name ?? 'VI_1'} {
  state ${words.state ?? 'BACKUP'}
  interface ${words.interfaceName ?? 'eth0'}
  version ${version}
  virtual_router_id ${words.vrid ?? VRID}
  priority ${words.priority ?? 100}
  advert_int ${words.advert ?? (version === 3 ? 0.1 : 1)}
  ${(words.lines ?? []).join('\n  ')}
  virtual_ipaddress {
    ${(words.vips ?? [`${VIP}/24`]).join('\n    ')}
  }
}
`;
}

/** A whole file. `before` stands between global_defs and the instances: scripts, processes. */
export function file(instances: readonly string[], before = '', globals: readonly string[] = []): string {
  return `global_defs {
  router_id interop
  script_user root
  ${globals.join('\n  ')}
}
${before}
${instances.join('\n')}`;
}

/** The commonest file: one instance. */
export function single(words: InstanceWords = {}): string {
  return file([instance(words)]);
}

export function authentication(type: 'PASS' | 'AH', password: string): string {
  return `authentication {\n    auth_type ${type}\n    auth_pass ${password}\n  }`;
}
