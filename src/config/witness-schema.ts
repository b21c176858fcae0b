// The keys of `witness` in pair.yaml, a part of schema.ts. What involves two of them is in witness-rules.ts.
import { filePath, matching, orNone, texts } from './fields.ts';

/** The parts of an etcd endpoint: scheme, host, port. */
export const ENDPOINT = /^(https?):\/\/(\[[0-9A-Fa-f:.]+\]|[^\s/:@[\]?#]+):(\d{1,5})\/?$/;

function whyNoEndpoint(text: string): string | null {
  const { scheme = 'http', rest = '' } =
    /^(?:(?<scheme>https?):\/\/)?(?<rest>[^\s/]*)/.exec(text)?.groups ?? {};
  if (rest.includes('@'))
    return 'leave the account out of the URL: it is named in witness.user and witness.passwordFile';
  const host = /^(\[[0-9A-Fa-f:.]+\]|[^:]+)/.exec(rest)?.[1];
  const port = /:(\d{1,5})$/.exec(rest)?.[1] ?? '2379';
  return host === undefined ? null : `write \`${scheme}://${host}:${port}\` if that is what was meant`;
}

export const WITNESS = {
  etcd: texts(
    ENDPOINT,
    'a URL like http://192.0.2.50:2379',
    {
      meaning:
        'The client URLs of one etcd cluster (3.4 or newer) of 1, 3 or 5 members. It stands in a third place, so that it outlives either database host.',
      example: '["http://192.0.2.50:2379"]',
    },
    whyNoEndpoint,
  ),
  caFile: orNone(
    filePath({
      meaning: 'The authority that signed the certificates of https endpoints, as PEM.',
      example: '/etc/twinkeep/etcd-ca.pem',
    }),
    'the authorities that Node knows',
  ),
  certFile: orNone(
    filePath({
      meaning: 'The certificate that this host shows to etcd, as PEM. Needs keyFile.',
      example: '/etc/twinkeep/etcd.pem',
    }),
    'none',
  ),
  keyFile: orNone(
    filePath({ meaning: 'The key of certFile, as PEM.', example: '/etc/twinkeep/etcd.key' }),
    'none',
  ),
  user: orNone(
    matching(/^[^\s:\p{Cc}]{1,80}$/u, 'an account name without blanks and colons', {
      meaning:
        'The account, where etcd wants one. It needs readwrite on the prefix `/twinkeep/`. Needs passwordFile.',
      example: 'twinkeep',
    }),
    'none',
  ),
  passwordFile: orNone(
    filePath({
      meaning: 'Holds its password, alone on one line.',
      example: '/etc/twinkeep/etcd.password',
    }),
    'none',
  ),
};
