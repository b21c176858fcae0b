// How packets reach a real server: lvs_method, lb_kind and sorry_server_lvs_method, with the options of a tunnel. Used by servers.ts.
import type { Forwarding } from '../../core/checker/pool-state.ts';
import { quote, type Report } from './findings.ts';
import type { Placed } from './spec.ts';

const TUNNELS = ['ipip', 'gue', 'gre'] as const;
const CHECKSUMS = ['nocsum', 'csum', 'remcsum'] as const;

const PORT = /^[0-9]{1,5}$/;

/** null: not given, or not to be understood (which is reported). */
export function readForwarding(
  typed: Placed<readonly string[]> | undefined,
  report: Report,
): Forwarding | null {
  if (typed === undefined) return null;
  const wrong = (message: string, hint: string): null => {
    report('error', typed.at, 'forwarding', message, hint);
    return null;
  };
  const [method = '', ...options] = typed.value;
  if (method === 'NAT' || method === 'DR') {
    const [extra] = options;
    if (extra !== undefined) wrong(`"${quote(extra)}" is no option of ${method}`, 'only TUN has options');
    return { method };
  }
  if (method !== 'TUN') return wrong(`"${quote(method)}" is no way to forward`, 'write NAT, DR or TUN');
  let tunnel: (typeof TUNNELS)[number] = 'ipip';
  let checksum: (typeof CHECKSUMS)[number] = 'nocsum';
  let port = 0;
  for (let i = 0; i < options.length; i++) {
    const option = options[i] ?? '';
    const value = options[i + 1] ?? '';
    const known = CHECKSUMS.find((c) => c === option);
    if (known !== undefined) checksum = known;
    else if (option === 'type') {
      const kind = TUNNELS.find((t) => t === value);
      if (kind === undefined)
        return wrong(`"${quote(value)}" is no kind of tunnel`, `write one of ${TUNNELS.join(', ')}`);
      tunnel = kind;
      i++;
    } else if (option === 'port') {
      if (!PORT.test(value) || Number(value) < 1 || Number(value) > 65_535)
        return wrong(`"${quote(value)}" is no port`, 'write a number from 1 to 65535');
      port = Number(value);
      i++;
    } else {
      return wrong(
        `"${quote(option)}" is no option of a tunnel`,
        'write TUN type ipip, TUN type gue port 6080, or TUN type gre',
      );
    }
  }
  if ((tunnel === 'gue') !== (port !== 0))
    return wrong(
      tunnel === 'gue' ? 'a gue tunnel needs a port' : `a tunnel of type ${tunnel} has no port`,
      'write TUN type gue port 6080',
    );
  if (tunnel === 'gre' && checksum === 'remcsum')
    return wrong('a gre tunnel knows no remcsum', 'write csum or nocsum');
  return { method: 'TUN', tunnel, port, checksum };
}
