/**
 * What a record holds: `[flags][next expected, 2 bytes][bits of what came after it, 2 bytes, if any][sequence, 2 bytes, and a
 * fragment, if any]`, integers with the high byte first. It travels encrypted, so no stranger can acknowledge or ask.
 */

import { VertebraError } from "../core/errors";

const fragmentFlag = 1;
const selectiveFlag = 2;
const heardFlag = 4;
const againFlag = 8;
const aheadFlag = 16;

export interface Segment {
  /** The sender has opened a record under the keys of this one. */
  readonly heard: boolean;
  /** The sender saw a damaged frame: what is on its way and not acknowledged here may have been in it. */
  readonly again: boolean;
  /** The sender is in a later epoch of its membership than that by whose key the session was made. */
  readonly ahead: boolean;
  /** Sequence number of the next fragment expected: all before it arrived. Numbers count modulo 2^16. */
  readonly expected: number;
  /** Bit i: the fragment `expected + 1 + i` arrived too. */
  readonly selective: number;
  readonly fragment: { readonly sequence: number; readonly bytes: Uint8Array } | undefined;
}

export function encodeSegment({ heard, again, ahead, expected, selective, fragment }: Segment): Uint8Array {
  const head = selective === 0 ? 3 : 5;
  const out = new Uint8Array(head + (fragment ? 2 + fragment.bytes.length : 0));
  out[0] =
    (fragment ? fragmentFlag : 0) |
    (selective ? selectiveFlag : 0) |
    (heard ? heardFlag : 0) |
    (again ? againFlag : 0) |
    (ahead ? aheadFlag : 0);
  put16(out, 1, expected);
  if (selective !== 0) put16(out, 3, selective);
  if (fragment) {
    put16(out, head, fragment.sequence);
    out.set(fragment.bytes, head + 2);
  }
  return out;
}

/** Throws `link-segment` for what no sender makes. The fragment is a view into `bytes`. */
export function decodeSegment(bytes: Uint8Array): Segment {
  const flags = bytes[0] ?? 0;
  const head = flags & selectiveFlag ? 5 : 3;
  const rest = bytes.length - head;
  const wrong = flags & fragmentFlag ? rest < 3 : rest !== 0;
  const selective = flags & selectiveFlag && rest >= 0 ? get16(bytes, 3) : 0;
  if (wrong || flags >= 32 || (flags & selectiveFlag && selective === 0)) {
    throw new VertebraError(
      "link-segment",
      `The peer sent a record of ${bytes.length} bytes with flags ${flags} that this version can't read`,
      "Bring both participants to the same release.",
    );
  }
  return {
    heard: (flags & heardFlag) !== 0,
    again: (flags & againFlag) !== 0,
    ahead: (flags & aheadFlag) !== 0,
    expected: get16(bytes, 1),
    selective,
    fragment: flags & fragmentFlag ? { sequence: get16(bytes, head), bytes: bytes.subarray(head + 2) } : undefined,
  };
}

function put16(out: Uint8Array, at: number, value: number): void {
  out[at] = value >> 8;
  out[at + 1] = value;
}

function get16(bytes: Uint8Array, at: number): number {
  return bytes[at]! * 256 + bytes[at + 1]!;
}
