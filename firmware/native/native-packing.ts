import type { Known, Strings } from "../store/packed";
import { packInC } from "./hash-asking";
import type { Native } from "./native";

/** In the place of `store/packing` in the programs of the host: the same, in C. */

declare const native: Native;

export function pack(known: Known, value: Uint8Array, first: number | null, lender: number | null): Uint8Array {
  return packInC(native.bulk, known, value, first, lender);
}

export function stringsIn(value: Uint8Array): Strings {
  return { bytes: value, places: new Uint32Array(native.bulk.stringsIn(value)) };
}
