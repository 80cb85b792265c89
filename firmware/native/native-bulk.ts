import type { Native } from "./native";

/** In the place of `core/wire/bulk` and `core/wire/crc32c` in the programs of the host: the same, in C. */

declare const native: Native;

export const { equal, compare, isFilled, find, endOfItem, nextString, numberAtEnd, toHex, crc32c, textFromUtf8 } =
  native.bulk;

export function joined(first: Uint8Array, second: Uint8Array, third?: Uint8Array): Uint8Array {
  return new Uint8Array(native.bulk.joined(first, second, third));
}

export function named(name: string, bytes: Uint8Array): Uint8Array {
  return new Uint8Array(native.bulk.named(name, bytes));
}

export function utf8FromText(text: string): Uint8Array | undefined {
  const bytes = native.bulk.utf8FromText(text);
  return bytes && new Uint8Array(bytes);
}

export function bytesFromHex(text: string): Uint8Array | undefined {
  const bytes = native.bulk.bytesFromHex(text);
  return bytes && new Uint8Array(bytes);
}

export function encodePlain(value: unknown): Uint8Array | undefined {
  const bytes = native.bulk.encodePlain(value, Uint8Array.prototype, Array.prototype);
  return bytes && new Uint8Array(bytes);
}
