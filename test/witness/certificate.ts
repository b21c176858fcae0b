// A certificate for 127.0.0.1 that signs itself, made with openssl for one test.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function tlsFiles(): {
  certFile: string;
  keyFile: string;
  certificate: string;
  key: string;
  remove: () => void;
} {
  const dir = mkdtempSync(join(tmpdir(), 'tk-cert-'));
  const [certFile, keyFile] = [join(dir, 'cert.pem'), join(dir, 'key.pem')];
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...[
        '-subj',
        '/CN=etcd',
        '-addext',
        'subjectAltName=IP:127.0.0.1',
        '-keyout',
        keyFile,
        '-out',
        certFile,
      ],
    ],
    { stdio: 'ignore' },
  );
  const remove = () => rmSync(dir, { recursive: true, force: true });
  return {
    certFile,
    keyFile,
    certificate: readFileSync(certFile, 'utf8'),
    key: readFileSync(keyFile, 'utf8'),
    remove,
  };
}
