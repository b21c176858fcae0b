import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ed25519PublicKey, ed25519Signature } from './ed25519.ts';

/** A password of 32 bytes is a seed, and node:crypto can say what is right. */
const SEED = 'thirty-two bytes make a seed 123';
const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(SEED)]);
const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });

describe('the ed25519 of MariaDB', () => {
  it('is the Ed25519 of RFC 8032 for a password of 32 bytes', () => {
    const message = Buffer.from('what a server sends, 32 bytes of');
    expect(ed25519Signature(SEED, message)).toEqual(sign(null, message, privateKey));
    const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
    expect(ed25519PublicKey(SEED)).toEqual(spki.subarray(-32));
  });

  it('takes a password of any length', () => {
    // MariaDB 10.11: SELECT ed25519_password('secret').
    expect(ed25519PublicKey('secret').toString('base64')).toBe(
      'ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY=',
    );
  });
});
