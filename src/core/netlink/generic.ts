// Generic netlink (include/uapi/linux/genetlink.h): a command's header, and asking for the number of a family by its name.
import {
  attributeText,
  decodeAttributes,
  type MessageWriter,
  NLM_F_ACK,
  NLM_F_REQUEST,
  viewOf,
} from './message.ts';

export const GENL_ID_CTRL = 0x10;
/** Before the attributes of every generic message: command, version, two bytes unused. */
export const GENL_HEADER_BYTES = 4;

const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;

export function beginGeneric(
  writer: MessageWriter,
  family: number,
  command: number,
  version: number,
  flags: number,
  sequence: number,
): MessageWriter {
  return writer.begin(family, flags, sequence).u8(command).u8(version).u16(0);
}

export function encodeGetFamily(writer: MessageWriter, sequence: number, name: string): void {
  beginGeneric(writer, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1, NLM_F_REQUEST | NLM_F_ACK, sequence);
  writer.attributeText(CTRL_ATTR_FAMILY_NAME, name).end();
}

/** The number of the family, when this is the answer to encodeGetFamily for it. */
export function decodeFamily(body: Uint8Array, name: string): number | null {
  if (body.length < GENL_HEADER_BYTES) return null;
  const attributes = decodeAttributes(body, GENL_HEADER_BYTES);
  const id = attributes.get(CTRL_ATTR_FAMILY_ID);
  if (id === undefined || id.length < 2) return null;
  if (attributeText(attributes.get(CTRL_ATTR_FAMILY_NAME)) !== name) return null;
  return viewOf(id).getUint16(0, true);
}
