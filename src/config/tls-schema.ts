// The keys of `mysql.tls` in pair.yaml, a part of schema.ts, and the rule between them.
import { choice, filePath, orNone } from './fields.ts';
import type { Rule } from './rule.ts';

export const TLS = {
  mode: choice(['off', 'preferred', 'required', 'verify'], {
    meaning:
      'TLS to the servers, by the agents and by the replication channels. `preferred`: the agents use it where the server offers it, the channels always. `required`: always. `verify`: and the server shows a certificate that the authority of caFile has signed. Never over the Unix socket.',
    fallback: 'off',
    example: 'required',
  }),
  caFile: orNone(
    filePath({
      meaning:
        "The authority that signed the servers' certificates, as PEM, for `verify`. At the same place on both hosts, and readable to the servers, whose channels read it as well.",
      example: '/etc/twinkeep/mysql-ca.pem',
    }),
    'none',
  ),
};

export const tlsRule: Rule = ({ mysql }, report) => {
  const { mode, caFile } = mysql.tls;
  if (mode === undefined || caFile === undefined) return;
  if (mode === 'verify' && caFile === null) {
    report(
      'mysql.tls',
      'missing-key',
      'mysql.tls.caFile is missing: `verify` needs the authority that signed the certificates',
      "add `caFile: /etc/twinkeep/mysql-ca.pem` (MySQL's own is ca.pem in its data directory), or set `mode: required`",
    );
  }
  if (mode !== 'verify' && caFile !== null) {
    report(
      'mysql.tls.caFile',
      'tls-unused',
      `a caFile is given, and mode ${mode} does not look at certificates`,
      'set `mode: verify`, or remove the caFile',
    );
  }
};
