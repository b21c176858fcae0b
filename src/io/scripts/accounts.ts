// Users and groups by name, as the C library knows them (files, LDAP, whatever nsswitch.conf says). Asked when a configuration is read,
// never while VRRP waits for it.

import koffi from 'koffi';

const library = koffi.load(null);

const Passwd = koffi.struct({
  name: 'char *',
  password: 'char *',
  uid: 'uint32_t',
  gid: 'uint32_t',
  gecos: 'char *',
  home: 'char *',
  shell: 'char *',
});

const Group = koffi.struct({ name: 'char *', password: 'char *', gid: 'uint32_t', members: 'void *' });

const getpwnam = library.func('getpwnam', koffi.pointer(Passwd), ['str']);
const getgrnam = library.func('getgrnam', koffi.pointer(Group), ['str']);

export interface UserIds {
  readonly uid: number;
  /** The user's own group. */
  readonly gid: number;
}

/** null: there is no such user. */
export function findUser(name: string): UserIds | null {
  const found: unknown = getpwnam(name);
  if (found === null) return null;
  const { uid, gid } = koffi.decode(found, Passwd) as UserIds;
  return { uid, gid };
}

/** The id of a group; null: there is none of that name. */
export function findGroup(name: string): number | null {
  const found: unknown = getgrnam(name);
  return found === null ? null : (koffi.decode(found, Group) as { gid: number }).gid;
}
