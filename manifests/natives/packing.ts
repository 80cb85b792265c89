import type { Known, Strings } from "../../firmware/store/packed";

/** In the place of `firmware/store/packing`: the same, in C. */

/** The function in C of this name, which xsl links. */
declare function native<T>(name: string): T;

const placesIn = native<(value: Uint8Array) => ArrayBuffer>("vertebra_stringsIn");
const packBegin =
  native<(value: Uint8Array, first: number | null, lender: number | null) => ArrayBuffer | undefined>(
    "vertebra_packBegin",
  );
const packOn =
  native<
    (
      packing: ArrayBuffer,
      hash: Uint8Array | undefined,
      known: Uint8Array,
      knownPlaces: ArrayBufferLike,
      lent: Uint8Array,
      lentPlaces: ArrayBufferLike,
    ) => ArrayBuffer | boolean
  >("vertebra_packOn");
const packed = native<(packing: ArrayBuffer) => ArrayBuffer>("vertebra_packed");

export function pack(known: Known, value: Uint8Array, first: number | null, lender: number | null): Uint8Array {
  const packing = packBegin(value, first, lender);
  if (packing === undefined) return value;
  const { crypto, strings, lent } = known;
  // An engine of a board gives C no view of numbers, but the buffer that it is of.
  const knownPlaces = strings.places.buffer;
  const lentPlaces = lent.places.buffer;
  let come = packOn(packing, undefined, strings.bytes, knownPlaces, lent.bytes, lentPlaces);
  while (come !== true && come !== false) {
    const hash = crypto.sha256(new Uint8Array(come));
    come = packOn(packing, hash, strings.bytes, knownPlaces, lent.bytes, lentPlaces);
  }
  return come ? new Uint8Array(packed(packing)) : value;
}

export function stringsIn(value: Uint8Array): Strings {
  return { bytes: value, places: new Uint32Array(placesIn(value)) };
}
