// Why the kernel refused a route, a rule or a stacked interface, and what to do: the hints that netlink.ts gives.

import { OperatorError } from '../../core/error.ts';
import type { NewStackedLink } from '../../core/netlink/macvlan.ts';
import { explain } from './explain.ts';
import type { LinuxError } from './libc.ts';

export const ROUTE_HINTS: Readonly<Record<string, string>> = {
  EINVAL: 'The kernel does not take these words together; `ip route add` with the same words says the same.',
  ENETUNREACH:
    'The router is on no network of an interface that is up: check its address and dev, or add onlink.',
  EHOSTUNREACH: 'The router is reached over another router: name the last one, or add onlink.',
  ENETDOWN: 'The interface is down; the route can be set once it is up.',
  EOPNOTSUPP: 'The kernel was built without what the route asks for.',
};

export const RULE_HINTS: Readonly<Record<string, string>> = {
  EINVAL: 'The kernel does not take these words together; `ip rule add` with the same words says the same.',
  EOPNOTSUPP: 'The kernel was built without policy routing (IP_MULTIPLE_TABLES).',
};

export function explainStacking(refused: LinuxError, wanted: NewStackedLink, doing: string): unknown {
  const { kind } = wanted.type;
  if (refused.errno === 'EOPNOTSUPP' || refused.errno === 'ENOTSUPP') {
    return new OperatorError(
      'kernel-feature',
      `cannot ${doing}: this kernel has no ${kind} (${refused.errno})`,
      `Load the module (modprobe ${kind}), or remove use_${kind === 'macvlan' ? 'vmac' : 'ipvlan'}: the VIPs then live on the interface itself.`,
    );
  }
  if (refused.errno === 'EINVAL' || refused.errno === 'EBUSY') {
    return new OperatorError(
      'stacked-link',
      `cannot ${doing}: ${refused.message}`,
      `The interface below must be able to carry one: a loopback and an interface that already carries the other kind (macvlan, ipvlan) cannot.`,
    );
  }
  return explain(refused, { doing, needs: 'CAP_NET_ADMIN' });
}
