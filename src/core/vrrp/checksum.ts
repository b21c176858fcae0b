// The internet checksum (RFC 1071), and the pseudo-headers that VRRPv3 and ICMPv6 put before their payload.
// Used by the encoders and decoders of this room and by arp/neighbour.ts.

/** Sum of 16-bit big-endian words, not yet folded nor inverted. An odd last byte counts as the high half of a word. */
export function sumWords(bytes: Uint8Array, initial = 0): number {
  let sum = initial;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  return sum;
}

/** Folds the carries of a sum into 16 bits and inverts it: the value that belongs in the checksum field. */
export function finishSum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = Math.floor(folded / 0x10000) + (folded & 0xffff);
  return ~folded & 0xffff;
}

/**
 * Checksum over `bytes`, RFC 1071. Over bytes that already hold a right checksum the result is 0.
 * `initial` is a sum to start from, e.g. a pseudo-header's.
 */
export function internetChecksum(bytes: Uint8Array, initial = 0): number {
  return finishSum(sumWords(bytes, initial));
}

/**
 * Sum of the pseudo-header: source, destination, zero, protocol, payload length in bytes.
 * 4-byte addresses give the IPv4 form (RFC 9568 5.2.8), 16-byte ones the IPv6 form (RFC 8200 8.1); for lengths below
 * 65536 both add the same two words after the addresses.
 */
export function pseudoHeaderSum(
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  payloadLength: number,
): number {
  return sumWords(source, sumWords(destination, protocol + payloadLength));
}
