// What IPVS lists, as the words of ipvs.ts. Hostile bytes give null; nothing throws.
import { formatIp } from '../ip/address.ts';
import { GENL_HEADER_BYTES } from './generic.ts';
import type { IpvsProtocol, ListedDestination, Service, ServiceId, ServiceOptions } from './ipvs.ts';
import {
  AF_INET,
  AF_INET6,
  ATTR,
  CHECKSUMS,
  DESTINATION,
  FLAGS_OF_OURS,
  METHOD_MASK,
  METHODS,
  PROTOCOL,
  SERVICE,
  TUNNELS,
} from './ipvs-numbers.ts';
import { attributeText, attributeU8, attributeU32, decodeAttributes, viewOf } from './message.ts';

/** Of a mask without gaps: its leading ones. */
const prefixOf = (mask: number): number => Math.clz32(~mask);

const nestedIn = (body: Uint8Array, type: number): Map<number, Uint8Array> | null => {
  if (body.length < GENL_HEADER_BYTES) return null;
  const payload = decodeAttributes(body, GENL_HEADER_BYTES).get(type);
  return payload === undefined ? null : decodeAttributes(payload, 0);
};

const attributeU16 = (payload: Uint8Array | undefined, littleEndian = true): number | null =>
  payload === undefined || payload.length < 2 ? null : viewOf(payload).getUint16(0, littleEndian);

function decodeAddress(payload: Uint8Array | undefined, family: 4 | 6): string | null {
  const length = family === 4 ? 4 : 16;
  return payload === undefined || payload.length < length ? null : formatIp(payload.subarray(0, length));
}

const familyOf = (payload: Uint8Array | undefined): 4 | 6 | null => {
  const number = attributeU16(payload);
  return number === AF_INET ? 4 : number === AF_INET6 ? 6 : null;
};

function decodeServiceId(a: Map<number, Uint8Array>, family: 4 | 6): ServiceId | null {
  const mark = attributeU32(a.get(SERVICE.mark));
  if (mark !== null && mark !== 0) return { kind: 'mark', mark, family };
  const number = attributeU16(a.get(SERVICE.protocol));
  const protocol = (Object.keys(PROTOCOL) as IpvsProtocol[]).find((name) => PROTOCOL[name] === number);
  const text = decodeAddress(a.get(SERVICE.address), family);
  const port = attributeU16(a.get(SERVICE.port), false);
  if (protocol === undefined || text === null || port === null) return null;
  return { kind: 'address', protocol, address: text, port };
}

function decodeServiceOptions(a: Map<number, Uint8Array>, family: 4 | 6): ServiceOptions {
  const netmask = a.get(SERVICE.netmask);
  const whole = family === 4 ? 32 : 128;
  const mask = netmask !== undefined && netmask.length >= 4 ? viewOf(netmask) : null;
  const prefix =
    family === 4 ? prefixOf(mask?.getUint32(0) ?? 0xffff_ffff) : (mask?.getUint32(0, true) ?? whole);
  return {
    scheduler: attributeText(a.get(SERVICE.scheduler)) ?? '',
    flags: (attributeU32(a.get(SERVICE.flags)) ?? 0) & FLAGS_OF_OURS,
    persistenceTimeoutS: attributeU32(a.get(SERVICE.timeout)) ?? 0,
    persistencePrefix: prefix,
    engine: attributeText(a.get(SERVICE.engine)),
  };
}

/** One entry of the list of services; null: of a kind that is not known here. */
export function decodeService(body: Uint8Array): Service | null {
  const a = nestedIn(body, ATTR.service);
  const family = familyOf(a?.get(SERVICE.family));
  if (a === null || family === null) return null;
  const id = decodeServiceId(a, family);
  return id === null ? null : { id, options: decodeServiceOptions(a, family) };
}

/** One entry of the list of a service's destinations. Kernels before 3.18 do not say the family: it is the service's. */
export function decodeDestination(body: Uint8Array, serviceFamily: 4 | 6): ListedDestination | null {
  const a = nestedIn(body, ATTR.destination);
  if (a === null) return null;
  const text = decodeAddress(
    a.get(DESTINATION.address),
    familyOf(a.get(DESTINATION.family)) ?? serviceFamily,
  );
  const port = attributeU16(a.get(DESTINATION.port), false);
  if (text === null || port === null) return null;
  const number = (type: number): number => attributeU32(a.get(type)) ?? 0;
  const method = METHODS[number(DESTINATION.method) & METHOD_MASK] ?? 'NAT';
  const kind = TUNNELS[attributeU8(a.get(DESTINATION.tunnel)) ?? 0];
  return {
    address: text,
    port,
    method,
    weight: number(DESTINATION.weight),
    upperThreshold: number(DESTINATION.upper),
    lowerThreshold: number(DESTINATION.lower),
    tunnel:
      method !== 'TUN'
        ? null
        : {
            kind: kind ?? 'ipip',
            port: attributeU16(a.get(DESTINATION.tunnelPort), false) ?? 0,
            checksum: CHECKSUMS[attributeU16(a.get(DESTINATION.tunnelFlags)) ?? 0] ?? 'nocsum',
          },
    activeConnections: number(DESTINATION.activeConnections),
    inactiveConnections: number(DESTINATION.inactiveConnections),
    persistentConnections: number(DESTINATION.persistentConnections),
  };
}
