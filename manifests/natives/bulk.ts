/** In the place of `firmware/core/wire/bulk`: the same, in C. */

/** The function in C of this name, which xsl links. */
declare function native<T>(name: string): T;

export const equal = native<(a: Uint8Array, b: Uint8Array) => boolean>("vertebra_equal");
export const compare = native<(a: Uint8Array, b: Uint8Array) => number>("vertebra_compare");
export const toHex = native<(bytes: Uint8Array) => string>("vertebra_toHex");
export const textFromUtf8 = native<(bytes: Uint8Array) => string | number>("vertebra_textFromUtf8");
const utf8Of = native<(text: string) => ArrayBuffer | undefined>("vertebra_utf8FromText");

export function utf8FromText(text: string): Uint8Array | undefined {
  const bytes = utf8Of(text);
  return bytes && new Uint8Array(bytes);
}
