/**
 * Messages as one stream of bytes: each with its length in front, seven bits a byte, the lowest first. Small messages share
 * a fragment and a large one spans many, and neither costs more than its bytes.
 */

import { VertebraError } from "../core/errors";
import { messageLimit } from "../core/wire/limits";

export interface Cutter {
  readonly pieces: Uint8Array[];
  /** Bytes of the first piece that were cut. */
  offset: number;
  /** Bytes not cut yet. */
  waiting: number;
}

export function createCutter(): Cutter {
  return { pieces: [], offset: 0, waiting: 0 };
}

/** Puts a message behind the others. It is not copied, and must not be written to until it was cut. */
export function addMessage(cutter: Cutter, message: Uint8Array): void {
  const length = encodeLength(message.length);
  cutter.pieces.push(length, message);
  cutter.waiting += length.length + message.length;
}

/** The next bytes of the stream, at most `most`; undefined where none wait. */
export function cutNext(cutter: Cutter, most: number): Uint8Array | undefined {
  if (cutter.waiting === 0) return undefined;
  const fragment = new Uint8Array(Math.min(most, cutter.waiting));
  for (let filled = 0; filled < fragment.length; ) {
    const piece = cutter.pieces[0]!;
    const part = piece.subarray(cutter.offset, cutter.offset + fragment.length - filled);
    fragment.set(part, filled);
    filled += part.length;
    cutter.offset += part.length;
    if (cutter.offset === piece.length) {
      cutter.pieces.shift();
      cutter.offset = 0;
    }
  }
  cutter.waiting -= fragment.length;
  return fragment;
}

/** The message that has begun: its length so far, and how many bits of that came, then its bytes and how many of them came. */
export interface Assembler {
  length: number;
  shift: number;
  message: Uint8Array | undefined;
  filled: number;
}

export function createAssembler(): Assembler {
  return { length: 0, shift: 0, message: undefined, filled: 0 };
}

/** The messages that the next bytes of the stream complete, maybe views into them. Throws `link-stream` for a length that no sender gives. */
export function assemble(assembler: Assembler, bytes: Uint8Array): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const begun = assembler.message;
    if (begun === undefined) {
      if (!readLength(assembler, bytes[at++]!)) continue;
      const { length } = assembler;
      const whole = at + length <= bytes.length;
      assembler.message = whole ? bytes.subarray(at, at + length) : new Uint8Array(length);
      assembler.filled = whole ? length : 0;
      if (whole) at += length;
    } else {
      const part = bytes.subarray(at, at + begun.length - assembler.filled);
      begun.set(part, assembler.filled);
      assembler.filled += part.length;
      at += part.length;
    }
    const { message, filled } = assembler;
    if (message === undefined || filled < message.length) continue;
    messages.push(message);
    assembler.message = undefined;
    assembler.length = 0;
    assembler.shift = 0;
  }
  return messages;
}

/** True when the length is whole. */
function readLength(assembler: Assembler, byte: number): boolean {
  assembler.length += (byte & 127) << assembler.shift;
  assembler.shift += 7;
  const { length, shift } = assembler;
  if (byte & 128 && shift < 21) return false;
  if (byte & 128 || length === 0 || length > messageLimit) {
    throw new VertebraError(
      "link-stream",
      `The peer announced a message of ${length} bytes; the least is 1 and the most ${messageLimit}`,
      "Bring both participants to the same release.",
    );
  }
  return true;
}

function encodeLength(length: number): Uint8Array {
  if (length < 1 << 7) return Uint8Array.of(length);
  if (length < 1 << 14) return Uint8Array.of((length & 127) | 128, length >> 7);
  return Uint8Array.of((length & 127) | 128, ((length >> 7) & 127) | 128, length >> 14);
}
