// MariaDB's authentication plugin ed25519, on the client's side: signs what the server sends. It is Ed25519 (RFC 8032) with the
// password, of any length, in the place of the seed, which node:crypto does not take. One signature is some ms of work.
import { createHash } from 'node:crypto';

const P = 2n ** 255n - 19n;
/** The order of the base point. */
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;
const BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202n;
const BASE_Y = 46316835694926478169428394003475163141307993866256225615783033603165251855960n;

/** Extended coordinates: x = X/Z, y = Y/Z, T = XY/Z. */
type Point = readonly [bigint, bigint, bigint, bigint];
const BASE: Point = [BASE_X, BASE_Y, 1n, mod(BASE_X * BASE_Y)];
const NEUTRAL: Point = [0n, 1n, 1n, 0n];

function mod(value: bigint, by: bigint = P): bigint {
  const rest = value % by;
  return rest < 0n ? rest + by : rest;
}

function add([x1, y1, z1, t1]: Point, [x2, y2, z2, t2]: Point): Point {
  const a = mod((y1 - x1) * (y2 - x2));
  const b = mod((y1 + x1) * (y2 + x2));
  const c = mod(2n * t1 * t2 * D);
  const d = mod(2n * z1 * z2);
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return [mod(e * f), mod(g * h), mod(f * g), mod(e * h)];
}

function times(scalar: bigint, point: Point): Point {
  let sum = NEUTRAL;
  let doubled = point;
  for (let rest = scalar; rest > 0n; rest >>= 1n) {
    if (rest & 1n) sum = add(sum, doubled);
    doubled = add(doubled, doubled);
  }
  return sum;
}

/** By Fermat. */
function inverse(value: bigint): bigint {
  let result = 1n;
  let base = mod(value);
  for (let exponent = P - 2n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = mod(result * base);
    base = mod(base * base);
  }
  return result;
}

function bytesOf(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse();
}

function numberOf(bytes: Buffer): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex') || '0'}`);
}

function encode([x, y, z]: Point): Buffer {
  const scale = inverse(z);
  const bytes = bytesOf(mod(y * scale));
  if (mod(x * scale) & 1n) bytes[31] = (bytes[31] ?? 0) | 0x80;
  return bytes;
}

const sha512 = (...parts: readonly Buffer[]): Buffer =>
  createHash('sha512').update(Buffer.concat(parts)).digest();

function keyOf(password: string): { readonly scalar: bigint; readonly prefix: Buffer } {
  const hash = sha512(Buffer.from(password));
  const low = Buffer.from(hash.subarray(0, 32));
  low[0] = (low[0] ?? 0) & 0xf8;
  low[31] = ((low[31] ?? 0) & 0x7f) | 0x40;
  return { scalar: numberOf(low), prefix: hash.subarray(32) };
}

/** As mysql.global_priv keeps it, but for the base64. */
export const ed25519PublicKey = (password: string): Buffer => encode(times(keyOf(password).scalar, BASE));

export function ed25519Signature(password: string, message: Buffer): Buffer {
  const { scalar, prefix } = keyOf(password);
  const publicKey = encode(times(scalar, BASE));
  const nonce = mod(numberOf(sha512(prefix, message)), L);
  const point = encode(times(nonce, BASE));
  const challenge = mod(numberOf(sha512(point, publicKey, message)), L);
  return Buffer.concat([point, bytesOf(mod(nonce + challenge * scalar, L))]);
}
