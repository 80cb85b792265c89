import type { Known } from "../store/packed";
import type { Native } from "./native";

/** The functions in C that pack (`packing.c`), wherever they come from: the host's object, or an image's linker. */
export type PackingInC = Pick<Native["bulk"], "packBegin" | "packOn" | "packed">;

/** As `pack` of `store/packing`: C asks for each hash that it wants, and the platform's cryptography gives it. */
export function packInC(
  { packBegin, packOn, packed }: PackingInC,
  known: Known,
  value: Uint8Array,
  first: number | null,
  lender: number | null,
): Uint8Array {
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
