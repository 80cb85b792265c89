/** Items of CBOR (RFC 8949) as they lie in bytes, looked at without making anything of them. Nothing has a tag, nor a length that is open. */

/** Integers, byte strings, texts, arrays, maps, tags and the rest: the three high bits of its first byte. */
export function major(first: number): number {
  return first >> 5;
}

/** Bytes of the head of the item at `at`; -1 where none lies there whole before `end`, or it is a tag, or a length that is open. */
export function headSize(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end || major(bytes[at]!) === 6) return -1;
  const low = bytes[at]! & 31;
  const size = low < 24 ? 1 : 1 + (1 << (low - 24));
  return low > 27 || at + size > end ? -1 : size;
}

/** What a head of so many bytes at `at` says: a value, a length or how many items. */
export function argumentAt(bytes: Uint8Array, at: number, size: number): number {
  if (size === 1) return bytes[at]! & 31;
  let value = 0;
  for (let place = 1; place < size; place++) value = value * 256 + bytes[at + place]!;
  return value;
}

/** Bytes of the shortest head of a length. */
export function headBytes(length: number): number {
  if (length < 24) return 1;
  if (length < 0x100) return 2;
  return length < 0x10000 ? 3 : 5;
}

/** Writes the shortest head of a byte string below 64 KB; returns where it ends. */
export function writeHead(into: Uint8Array, from: number, length: number): number {
  const size = headBytes(length);
  if (size === 1) into[from] = 0x40 | length;
  else {
    into[from] = size === 2 ? 0x58 : 0x59;
    for (let place = size - 1, rest = length; place > 0; place--, rest >>= 8) into[from + place] = rest & 0xff;
  }
  return from + size;
}
