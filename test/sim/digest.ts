/** A running digest of bytes and words, 64 bits: to tell two runs apart, and messages within one. Not against an enemy. */
export interface Digest {
  words(text: string): void;
  bytes(bytes: Uint8Array): void;
  hex(): string;
}

export function createDigest(): Digest {
  let one = 0xdeadbeef;
  let other = 0x41c6ce57;
  const byte = (value: number) => {
    one = Math.imul(one ^ value, 2_654_435_761);
    other = Math.imul(other ^ value, 1_597_334_677);
    one ^= one >>> 15;
  };
  return {
    words(text) {
      for (let index = 0; index < text.length; index++) byte(text.charCodeAt(index));
    },
    bytes(bytes) {
      for (let index = 0; index < bytes.length; index++) byte(bytes[index]!);
    },
    hex: () => (one >>> 0).toString(16).padStart(8, "0") + ((other ^ one) >>> 0).toString(16).padStart(8, "0"),
  };
}

/** Of bytes that nobody changes: the same message is looked at when it is answered, sent and written down. */
const known = new WeakMap<Uint8Array, string>();

export function digestOf(bytes: Uint8Array): string {
  let hex = known.get(bytes);
  if (hex === undefined) {
    const digest = createDigest();
    digest.bytes(bytes);
    hex = digest.hex();
    known.set(bytes, hex);
  }
  return hex;
}
