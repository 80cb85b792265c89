/** In the place of `firmware/core/wire/bulk`: the same, in C. */

/** The function in C of this name, which xsl links. */
declare function native<T>(name: string): T;

export const equal = native<(a: Uint8Array, b: Uint8Array) => boolean>("vertebra_equal");
export const compare = native<(a: Uint8Array, b: Uint8Array) => number>("vertebra_compare");
export const isFilled = native<(bytes: Uint8Array, byte: number) => boolean>("vertebra_isFilled");
export const find = native<(bytes: Uint8Array, wanted: Uint8Array, from: number) => number>("vertebra_find");
export const endOfItem = native<(bytes: Uint8Array, at: number, end: number) => number>("vertebra_endOfItem");
export const nextString =
  native<(bytes: Uint8Array, at: number, end: number, least: number) => number>("vertebra_nextString");
export const numberAtEnd = native<(text: string) => number>("vertebra_numberAtEnd");
export const toHex = native<(bytes: Uint8Array) => string>("vertebra_toHex");
export const textFromUtf8 = native<(bytes: Uint8Array) => string | number>("vertebra_textFromUtf8");
const joinedOf =
  native<(first: Uint8Array, second: Uint8Array, third: Uint8Array | undefined) => ArrayBuffer>("vertebra_joined");
const namedOf = native<(name: string, bytes: Uint8Array) => ArrayBuffer>("vertebra_named");
const bytesOfHex = native<(text: string) => ArrayBuffer | undefined>("vertebra_bytesFromHex");
const plainOf =
  native<(value: unknown, ofBytes: object, ofArrays: object) => ArrayBuffer | undefined>("vertebra_encodePlain");
const utf8Of = native<(text: string) => ArrayBuffer | undefined>("vertebra_utf8FromText");

export function joined(first: Uint8Array, second: Uint8Array, third?: Uint8Array): Uint8Array {
  return new Uint8Array(joinedOf(first, second, third));
}

export function named(name: string, bytes: Uint8Array): Uint8Array {
  return new Uint8Array(namedOf(name, bytes));
}

export function utf8FromText(text: string): Uint8Array | undefined {
  const bytes = utf8Of(text);
  return bytes && new Uint8Array(bytes);
}

export function bytesFromHex(text: string): Uint8Array | undefined {
  const bytes = bytesOfHex(text);
  return bytes && new Uint8Array(bytes);
}

export function encodePlain(value: unknown): Uint8Array | undefined {
  const bytes = plainOf(value, Uint8Array.prototype, Array.prototype);
  return bytes && new Uint8Array(bytes);
}
