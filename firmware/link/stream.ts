/**
 * Messages as one stream of bytes: each with its length in front, seven bits a byte, the lowest first. Small messages share
 * a fragment and a large one spans many, and neither costs more than its bytes.
 */

import { VertebraError } from "../core/errors";
import { messageLimit } from "../core/wire/limits";

export interface Cutter {
  /** Puts a message behind the others. It is not copied, and must not be written to until it was cut. */
  add(message: Uint8Array): void;
  /** The next bytes of the stream, at most `most`; undefined where none wait. */
  cut(most: number): Uint8Array | undefined;
  /** Bytes not cut yet. */
  waiting(): number;
}

export function createCutter(): Cutter {
  const pieces: Uint8Array[] = [];
  let offset = 0;
  let waiting = 0;

  return {
    add(message) {
      const length = encodeLength(message.length);
      pieces.push(length, message);
      waiting += length.length + message.length;
    },
    cut(most) {
      if (waiting === 0) return undefined;
      const fragment = new Uint8Array(Math.min(most, waiting));
      for (let filled = 0; filled < fragment.length; ) {
        const piece = pieces[0]!;
        const part = piece.subarray(offset, offset + fragment.length - filled);
        fragment.set(part, filled);
        filled += part.length;
        offset += part.length;
        if (offset === piece.length) {
          pieces.shift();
          offset = 0;
        }
      }
      waiting -= fragment.length;
      return fragment;
    },
    waiting: () => waiting,
  };
}

export interface Assembler {
  /** The messages that the next bytes of the stream complete, maybe views into them. Throws `link-stream` for a length that no sender gives. */
  take(bytes: Uint8Array): Uint8Array[];
}

export function createAssembler(): Assembler {
  let length = 0;
  let shift = 0;
  let message: Uint8Array | undefined;
  let filled = 0;

  /** True when the length is whole. */
  function readLength(byte: number): boolean {
    length += (byte & 127) << shift;
    shift += 7;
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

  return {
    take(bytes) {
      const messages: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; ) {
        if (!message) {
          if (!readLength(bytes[at++]!)) continue;
          const whole = at + length <= bytes.length;
          message = whole ? bytes.subarray(at, at + length) : new Uint8Array(length);
          filled = whole ? length : 0;
          if (whole) at += length;
        } else {
          const part = bytes.subarray(at, at + message.length - filled);
          message.set(part, filled);
          filled += part.length;
          at += part.length;
        }
        if (filled < message.length) continue;
        messages.push(message);
        message = undefined;
        length = 0;
        shift = 0;
      }
      return messages;
    },
  };
}

function encodeLength(length: number): Uint8Array {
  if (length < 1 << 7) return Uint8Array.of(length);
  if (length < 1 << 14) return Uint8Array.of((length & 127) | 128, length >> 7);
  return Uint8Array.of((length & 127) | 128, ((length >> 7) & 127) | 128, length >> 14);
}
