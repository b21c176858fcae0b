// A password on its way to the other host over the API: sealed with the pair's key (AES-256-GCM), for one account of one pair.
// A recorded one that is sent again changes nothing: the manager takes a password only when the server takes it.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SEALED_BYTES_MAX = 4096;

const keyFrom = (pairKey: string): Buffer =>
  Buffer.from(hkdfSync('sha256', pairKey, '', 'twinkeep: passwords of accounts', 32));

/** `about` names pair and account; it is not secret. Base64. */
export function seal(pairKey: string, about: string, secret: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', keyFrom(pairKey), nonce).setAAD(Buffer.from(about));
  const body = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64');
}

/** Null: not sealed with this key, or for something else, or damaged. */
export function unseal(pairKey: string, about: string, sealed: string): string | null {
  const bytes = Buffer.from(sealed, 'base64');
  if (bytes.length <= NONCE_BYTES + TAG_BYTES || bytes.length > SEALED_BYTES_MAX) return null;
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const tag = bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
  const cipher = createDecipheriv('aes-256-gcm', keyFrom(pairKey), nonce)
    .setAAD(Buffer.from(about))
    .setAuthTag(tag);
  try {
    return Buffer.concat([cipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), cipher.final()]).toString(
      'utf8',
    );
  } catch {
    return null;
  }
}
