import { packInC } from "../../firmware/native/hash-asking";
import type { Native } from "../../firmware/native/native";
import type { Known, Strings } from "../../firmware/store/packed";

/** In the place of `firmware/store/packing`: the same, in C. */

type InC = Native["bulk"];

/** The function in C of this name, which xsl links. */
declare function native<T>(name: string): T;

const placesIn = native<InC["stringsIn"]>("vertebra_stringsIn");
const inC = {
  packBegin: native<InC["packBegin"]>("vertebra_packBegin"),
  packOn: native<InC["packOn"]>("vertebra_packOn"),
  packed: native<InC["packed"]>("vertebra_packed"),
};

export function pack(known: Known, value: Uint8Array, first: number | null, lender: number | null): Uint8Array {
  return packInC(inC, known, value, first, lender);
}

export function stringsIn(value: Uint8Array): Strings {
  return { bytes: value, places: new Uint32Array(placesIn(value)) };
}
