// Whether a password is the one that a server keeps for an account, from what the server keeps: set-up may not log in as an
// account that is for another host. The formats: MariaDB and MySQL "Authentication Plugins".
import { createHash } from 'node:crypto';
import { ed25519PublicKey } from './ed25519.ts';

const sha = (algorithm: 'sha1' | 'sha256', ...parts: readonly Buffer[]): Buffer =>
  createHash(algorithm).update(Buffer.concat(parts)).digest();

/** "*" and the hex of the SHA-1 of the SHA-1. */
const nativeHash = (password: string): string =>
  `*${sha('sha1', sha('sha1', Buffer.from(password)))
    .toString('hex')
    .toUpperCase()}`;

const CRYPT64 = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** The order in which SHA-crypt writes its bytes, three at a time. */
const TRIPLES = [
  [0, 10, 20],
  [21, 1, 11],
  [12, 22, 2],
  [3, 13, 23],
  [24, 4, 14],
  [15, 25, 5],
  [6, 16, 26],
  [27, 7, 17],
  [18, 28, 8],
  [9, 19, 29],
] as const;

function crypt64(hash: Buffer): string {
  const write = (value: number, digits: number): string =>
    Array.from({ length: digits }, (_, i) => CRYPT64.charAt((value >> (6 * i)) & 63)).join('');
  const byte = (i: number): number => hash[i] ?? 0;
  const triples = TRIPLES.map(([a, b, c]) => write((byte(a) << 16) | (byte(b) << 8) | byte(c), 4));
  return triples.join('') + write((byte(31) << 8) | byte(30), 3);
}

/** SHA-256 crypt (Drepper), with a salt of any length. */
function sha256Crypt(password: Buffer, salt: Buffer, rounds: number): string {
  const repeated = (bytes: Buffer, length: number): Buffer =>
    Buffer.alloc(length, bytes.length === 0 ? 0 : bytes);
  const alternate = sha('sha256', password, salt, password);
  const parts = [password, salt, repeated(alternate, password.length)];
  for (let rest = password.length; rest > 0; rest >>= 1) parts.push(rest & 1 ? alternate : password);
  let hash = sha('sha256', ...parts);
  const p = repeated(sha('sha256', ...Array<Buffer>(password.length).fill(password)), password.length);
  const s = repeated(sha('sha256', ...Array<Buffer>(16 + (hash[0] ?? 0)).fill(salt)), salt.length);
  for (let round = 0; round < rounds; round += 1) {
    const odd = round % 2 === 1;
    hash = sha(
      'sha256',
      odd ? p : hash,
      ...(round % 3 === 0 ? [] : [s]),
      ...(round % 7 === 0 ? [] : [p]),
      odd ? hash : p,
    );
  }
  return crypt64(hash);
}

/** "$A$005$", 20 bytes of salt, 43 characters of hash; the number is thousands of rounds, in hex. */
function cachingSha2Matches(kept: Buffer, password: string): boolean {
  const [, thousands = ''] = /^\$A\$([0-9A-F]{3})\$/.exec(kept.toString('latin1')) ?? [];
  if (thousands === '' || kept.length !== 70) return false;
  const hash = sha256Crypt(
    Buffer.from(password),
    kept.subarray(7, 27),
    Number.parseInt(thousands, 16) * 1000,
  );
  return hash === kept.subarray(27).toString('latin1');
}

/** `kept`: authentication_string, as bytes. Null: an unknown plugin, which keeps what we cannot read. */
export function passwordMatches(plugin: string, kept: Buffer, password: string): boolean | null {
  switch (plugin) {
    case '':
    case 'mysql_native_password':
      return kept.toString('latin1').toUpperCase() === nativeHash(password);
    case 'ed25519':
      return (
        kept.toString('latin1').replace(/=$/, '') ===
        ed25519PublicKey(password).toString('base64').replace(/=$/, '')
      );
    case 'caching_sha2_password':
      return cachingSha2Matches(kept, password);
    default:
      return null;
  }
}
