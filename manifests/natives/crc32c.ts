/** In the place of `firmware/core/wire/crc32c`: the same, in C. */

/** The function in C of this name, which xsl links. */
declare function native<T>(name: string): T;

export const crc32c = native<(bytes: Uint8Array, before?: number) => number>("vertebra_crc32c");
