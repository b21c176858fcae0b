// The adverts of one instance, out and in: encoded once and kept, sent to the group or to every peer, and checked on arrival.

import type { Link } from '../../../core/netlink/link.ts';
import {
  type Advertisement,
  encodeAdvertisement,
  VRRP_GROUP_IPV4,
  VRRP_GROUP_IPV6,
  VRRP_TTL,
} from '../../../core/vrrp/advertisement.ts';
import { decodeAdvertisement, type Reception, type ReceptionContext } from '../../../core/vrrp/reception.ts';
import { openVrrpSocket, type ReceivedPacket } from '../../../io/linux/rawsocket.ts';
import type { Environment } from './environment.ts';
import type { WireInstance } from './protocol.ts';

export interface Advertiser {
  send(advertisement: Advertisement): void;
  decode(packet: ReceivedPacket): Reception;
  reload(settings: WireInstance): void;
  close(): void;
}

/** Adverts of so many priorities and destinations are kept encoded. */
const ENCODED_MAX = 256;

/** Where an instance sends to when it has no unicast peers. */
function groupAddress({ multicastGroup, family }: WireInstance): string {
  return multicastGroup ?? (family === 4 ? VRRP_GROUP_IPV4 : VRRP_GROUP_IPV6);
}

function ttlRanges(settings: WireInstance): NonNullable<ReceptionContext['ttlRangeOf']> {
  const ranges = new Map(
    settings.unicastPeers
      .filter(({ minTtl, maxTtl }) => minTtl !== null || maxTtl !== null)
      .map(({ address, minTtl, maxTtl }) => [address, { min: minTtl ?? 0, max: maxTtl ?? 255 }]),
  );
  return (source) => ranges.get(source) ?? null;
}

/**
 * `link` is where adverts come in, `via` where they leave: the VMAC, or the same. Throws an OperatorError when the sockets are not
 * to be had.
 */
export function openAdvertiser(
  first: WireInstance,
  link: Link,
  via: Link,
  source: string,
  environment: Environment,
  hear: (packet: ReceivedPacket) => void,
): Advertiser {
  let settings = first;
  const { family, version, authentication } = first;
  const ah = authentication.kind === 'ah';
  const unicast = first.unicastPeers.length > 0;
  const needs = { link, family, ah, unicast, group: first.multicastGroup, source };
  const listening = environment.sockets.listen(needs, first.vrid, hear);
  const through = via.index === link.index ? null : outgoing();
  const encoded = new Map<string, Uint8Array>();
  let context = contextOf();
  let identification = 0;
  let ahSequence = 0;
  let refusal: string | null = null;

  function outgoing() {
    const protocols = ah ? ([51] as const) : ([112] as const);
    try {
      return openVrrpSocket({
        interfaceName: via.name,
        family,
        protocols,
        sourceAddress: source,
        // It only sends. A member of the group would be heard of by IGMP with the virtual MAC, from a backup too.
        destination: 'unicast',
      });
    } catch (error) {
      listening.close();
      throw error;
    }
  }

  function contextOf(): ReceptionContext {
    return {
      version,
      vrid: settings.vrid,
      authentication,
      advertIntervalMs: settings.advertIntervalMs,
      ahSequenceLast: 0,
      unicastPeers: settings.unicastPeers.map(({ address }) => address),
      unicastAnySource: !settings.checkUnicastSource,
      ttlRangeOf: ttlRanges(settings),
      allowsNoAddress: settings.addresses.length === 0,
      ownAddress: source,
      v3ChecksumWithoutPseudoHeader: settings.v3ChecksumAsV2,
    };
  }

  function bytesOf(advertisement: Advertisement, destination: string): Uint8Array {
    if (ah) ahSequence++;
    const key = `${advertisement.priority} ${destination}`;
    const known = ah ? undefined : encoded.get(key);
    if (known !== undefined) {
      // The identification is the only thing that differs from advert to advert; the kernel makes the header's checksum.
      if (family === 4) {
        identification = (identification + 1) & 0xffff;
        known[4] = identification >> 8;
        known[5] = identification & 0xff;
      }
      return known;
    }
    identification = (identification + 1) & 0xffff;
    const bytes = encodeAdvertisement(advertisement, {
      source,
      destination,
      authentication,
      identification,
      ttl: unicast ? settings.unicastTtl : VRRP_TTL,
      v3ChecksumWithoutPseudoHeader: settings.v3ChecksumAsV2,
      v3ChecksumAsToGroup: settings.oldUnicastChecksum,
      ...(ah ? { ahSequence } : {}),
    });
    if (encoded.size >= ENCODED_MAX) encoded.clear();
    encoded.set(key, bytes);
    return bytes;
  }

  function sendTo(advertisement: Advertisement, destination: string): void {
    const bytes = bytesOf(advertisement, destination);
    const refused = through === null ? listening.send(bytes, destination) : through.send(bytes, destination);
    if (refused !== null && refused !== refusal)
      environment.say(
        'warn',
        'send',
        `(${settings.name}) could not send an advert to ${destination} on ${via.name}: ${refused}`,
      );
    refusal = refused;
  }

  return {
    send(advertisement) {
      if (advertisement.priority === 0)
        environment.say('detail', 'zero-sent', `(${settings.name}) sent 0 priority`);
      if (!unicast) sendTo(advertisement, groupAddress(settings));
      else for (const { address } of settings.unicastPeers) sendTo(advertisement, address);
    },
    decode(packet) {
      const { source: from, destination, hopLimit } = packet;
      const received = { ...context, ahSequenceLast: ahSequence };
      const six = family === 6 ? { ipv6: { source: from, destination, hopLimit } } : {};
      const reception = decodeAdvertisement(packet.bytes, { ...received, ...six });
      if (reception.ok && reception.ahSequence !== null)
        ahSequence = Math.max(ahSequence, reception.ahSequence);
      return reception;
    },
    reload(fresh) {
      settings = fresh;
      context = contextOf();
      encoded.clear();
    },
    close() {
      listening.close();
      through?.close();
    },
  };
}
