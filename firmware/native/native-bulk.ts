import type { Native } from "./native";

/** In the place of `core/wire/bulk` and `core/wire/crc32c` in the programs of the host: the same, in C. */

declare const native: Native;

export const { equal, compare, find, endOfItem, nextString, toHex, crc32c, textFromUtf8 } = native.bulk;

export function utf8FromText(text: string): Uint8Array | undefined {
  const bytes = native.bulk.utf8FromText(text);
  return bytes && new Uint8Array(bytes);
}
