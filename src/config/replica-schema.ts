// The keys of `replicas` in pair.yaml, a part of schema.ts: further servers that replicate from the pair. What involves two
// keys is in replica-rules.ts.
import { ip, matching, orNone, whole } from './fields.ts';
import type { NamedSections } from './section.ts';

const REPLICA = {
  address: ip({
    meaning: "The host's own address. Never a VIP.",
    example: '192.0.2.13',
  }),
  // As of a node (schema.ts).
  interface: matching(
    /^(?!\.{1,2}$)[^\s/:\p{Cc}]{1,15}$/u,
    'the name of a network interface, up to 15 characters',
    { meaning: 'The interface that the address is on.', example: 'eth0' },
  ),
  priority: orNone(
    whole(1, 254, {
      meaning: 'Among fresh replicas the higher one is the first choice for reads.',
      example: '50',
    }),
    '50 for the first replica, 49 for the second, and so on',
  ),
  source: matching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, '`standby`, `writer`, or the name of a node', {
    meaning:
      'Whom it replicates from: whichever node is the standby, whichever is the writer, or a node by its name. Each as long as it is fit; then the other one. A replica of the writer may get transactions that a failover takes back, one of the standby never does.',
    fallback: 'standby',
    example: 'standby',
  }),
};

export const REPLICAS: NamedSections<typeof REPLICA> = {
  kind: 'named',
  optional: true,
  meaning:
    'Further servers that replicate from the pair, each under a name of its own, seven at most. They take no writes, acknowledge nothing to the writer and never become writer. Without this section: none.',
  namePattern: /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/,
  nameForm: '1 to 32 small letters, digits and hyphens',
  example: 'replicas: { r1: { address: 192.0.2.13, interface: eth0 } }',
  keys: REPLICA,
};
