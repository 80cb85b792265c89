import type { Known, Strings } from "../store/packed";
import type { Native } from "./native";

/** In the place of `store/packing` in the programs of the host: the same, in C. */

declare const native: Native;

export function pack(known: Known, value: Uint8Array, first: number | null, lender: number | null): Uint8Array {
  const { packBegin, packOn, packed } = native.bulk;
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
  return { bytes: value, places: new Uint32Array(native.bulk.stringsIn(value)) };
}
