/** Numbers in groups of seven bits, the lowest first, the eighth set in all but the last (docs/flash-format.md). */

/** Of seven bits in a number. */
const mostGroups = 8;

/** Returns where it ends. */
export function encodeNumber(value: number, into: Uint8Array, from: number): number {
  let at = from;
  let rest = value;
  // A division is one of floats, which a board does by hand.
  for (; rest >= 0x80; rest = rest < 0x80000000 ? rest >> 7 : Math.floor(rest / 0x80))
    into[at++] = (rest % 0x80) | 0x80;
  into[at] = rest;
  return at + 1;
}

export function sizeOfNumber(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  let size = 3;
  for (let most = 0x200000; value >= most; most *= 0x80) size++;
  return size;
}

/** Past the end of the bytes it reads zeros, and the cursor tells. */
export function decodeNumber(cursor: { readonly bytes: Uint8Array; at: number }): number {
  let value = 0;
  let place = 1;
  for (let groups = 0; groups < mostGroups; groups++) {
    const byte = cursor.bytes[cursor.at++] ?? 0;
    value += (byte & 0x7f) * place;
    if (byte < 0x80) break;
    place *= 0x80;
  }
  return value;
}
