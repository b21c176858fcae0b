// Classic BPF programs for sockets (linux/filter.h): what the kernel drops wakes nobody.

import { addressOf, setOptionBytes } from './libc.ts';
import { SOL_SOCKET } from './sockaddr.ts';

const SO_ATTACH_FILTER = 26;

export const LOAD_HALF = 0x28;
export const LOAD_WORD = 0x20;
export const JUMP_EQUAL = 0x15;
const RETURN = 0x06;

/** A 16-bit code, two jump offsets (when equal, when not), and a 32-bit operand. */
export type Instruction = readonly [code: number, equal: number, different: number, operand: number];

export const DROP: Instruction = [RETURN, 0, 0, 0];
export const KEEP: Instruction = [RETURN, 0, 0, 0xffff_ffff];

export function assemble(program: readonly Instruction[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(new ArrayBuffer(program.length * 8));
  const view = new DataView(bytes.buffer);
  for (const [i, [code, equal, different, operand]] of program.entries()) {
    view.setUint16(i * 8, code, true);
    view.setUint8(i * 8 + 2, equal);
    view.setUint8(i * 8 + 3, different);
    view.setUint32(i * 8 + 4, operand, true);
  }
  return bytes;
}

/** The kernel copies the program: the buffers are needed for this call only. */
export function attachFilter(fd: number, program: Uint8Array<ArrayBuffer>): void {
  const header = new Uint8Array(new ArrayBuffer(16));
  const view = new DataView(header.buffer);
  view.setUint16(0, program.length / 8, true);
  view.setBigUint64(8, addressOf(program.buffer), true);
  setOptionBytes(fd, SOL_SOCKET, SO_ATTACH_FILTER, header, 'setsockopt(SO_ATTACH_FILTER)');
}
