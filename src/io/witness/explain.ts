// Sentences about a witness that did not answer as an etcd does: what happened, and what to do. Used by cluster.ts.

import { quote } from './entry.ts';
import { TOO_LARGE, TOO_LATE } from './post.ts';

const MEND = 'mend witness.etcd in pair.yaml';

const BY_CODE: Readonly<Record<string, string>> = {
  [TOO_LARGE]: `sent far more than etcd would: something else listens there, ${MEND}`,
  ABORT_ERR: 'had not answered when the call was given up',
  ECONNREFUSED: `refused the connection: start etcd there, or ${MEND}`,
  EHOSTUNREACH: 'cannot be reached (no host answers at that address): is it up, and on the network?',
  ENETUNREACH: 'cannot be reached (this host has no route to it): check the network of this host',
  ENETDOWN: 'cannot be reached (the network of this host is down): check its cable and interface',
  ENOTFOUND: `has a host name that no name server knows: write its address, or ${MEND}`,
  EAI_AGAIN: 'has a host name, and no name server answered: write its address in pair.yaml',
  EPROTO: `speaks no TLS: write http:// instead of https:// if that is meant, or ${MEND}`,
  ERR_SSL_WRONG_VERSION_NUMBER: `speaks no TLS: write http:// instead of https:// if that is meant, or ${MEND}`,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: `speaks no TLS: write http:// instead of https:// if that is meant, or ${MEND}`,
  CERT_HAS_EXPIRED: 'has a certificate that has expired: renew it',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'has a certificate for another name or address: write the endpoint as the certificate has it, or issue it anew',
};

const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Why a request to `url` failed. */
export function explainFailure(url: string, sent: boolean, error: NodeJS.ErrnoException): string {
  const code = error.code ?? '';
  const known = BY_CODE[code];
  if (known !== undefined) return `${url} ${known}`;
  if (UNTRUSTED.has(code))
    return `${url} has a certificate that this host does not trust: name the authority's file in witness.caFile`;
  if (code === TOO_LATE) {
    return sent
      ? `${url} gave ${error.message}: is etcd frozen, or its disk slow?`
      : `${url} could not be connected to (${error.message}): is the host up, and no firewall between?`;
  }
  if (code.startsWith('HPE_'))
    return `${url} answered, and not by HTTP: something else listens there, ${MEND}`;
  if (/alert|certificate required|bad certificate/i.test(error.message))
    return `${url} refused this host's certificate: check witness.certFile and witness.keyFile`;
  if (error.message === 'socket hang up') {
    return sent && url.startsWith('http://')
      ? `${url} closed the connection without an answer: write https:// if that etcd wants TLS; otherwise it has just ended`
      : `${url} closed the connection without an answer: has etcd just ended?`;
  }
  return `${url} cannot be asked (${error.message})`;
}

const AUTH = 'check witness.user and witness.passwordFile';

/** Why etcd, or what stands in its place, refused a request. `message` is etcd's own, null when it is not etcd. */
export function explainRefusal(url: string, status: number, message: string | null, text: string): string {
  if (message === null) {
    const older = status === 404 ? ', or an etcd before 3.4, or its port for other members' : '';
    return `what listens at ${url} is no etcd${older} (it answered ${status} ${quote(text)}): ${MEND}`;
  }
  const said = `${url} answered "${message}"`;
  if (/user name is empty|user name not found|invalid auth token/.test(message))
    return `${said}: this etcd wants an account, set witness.user and witness.passwordFile`;
  if (/authentication failed/.test(message)) return `${said}: ${AUTH}`;
  if (/authentication is not enabled/.test(message))
    return `${said}: leave witness.user out, or switch it on (etcdctl auth enable)`;
  if (/permission denied/.test(message))
    return `${said}: grant the account readwrite on the prefix /twinkeep/ (etcdctl role grant-permission ROLE readwrite --prefix /twinkeep/)`;
  if (/no leader/.test(message))
    return `${said}: it sees too few members of its cluster, start the others or mend the network between them`;
  if (/request timed out|leader changed/.test(message))
    return `${said}: its cluster has no quorum now, or a slow disk`;
  if (/database space exceeded/.test(message))
    return `${said}: compact and defragment it, then etcdctl alarm disarm`;
  return said;
}
