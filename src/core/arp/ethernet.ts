// The Ethernet II header and MAC addresses, for the frames that this room writes and reads through packet sockets.

export const ETHERNET_HEADER_BYTES = 14;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_IPV6 = 0x86dd;
export const MAC_BYTES = 6;
export const MAC_BROADCAST: Uint8Array = new Uint8Array(MAC_BYTES).fill(0xff);
export const MAC_ZERO: Uint8Array = new Uint8Array(MAC_BYTES);

/** `02:00:00:00:00:01` -> 6 bytes; null when the text is no MAC address. */
export function parseMac(text: string): Uint8Array | null {
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text)) return null;
  return Uint8Array.from(text.split(':'), (pair) => Number.parseInt(pair, 16));
}

/** 6 bytes -> `02:00:00:00:00:01`, lower case. */
export function formatMac(mac: Uint8Array): string {
  return Array.from(mac, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** A frame of header and `payloadBytes` zeros. Frames below 60 bytes are padded by the driver. */
export function newFrame(
  destination: Uint8Array,
  source: Uint8Array,
  etherType: number,
  payloadBytes: number,
): Uint8Array {
  const frame = new Uint8Array(ETHERNET_HEADER_BYTES + payloadBytes);
  frame.set(destination, 0);
  frame.set(source, MAC_BYTES);
  frame[12] = etherType >> 8;
  frame[13] = etherType & 0xff;
  return frame;
}
