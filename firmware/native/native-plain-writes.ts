import type { Flash } from "../ports";
import type { Pass } from "../store/pass";
import type { Native } from "./native";
import { noteInC } from "./plain-writes-asking";

/** In the place of `store/plain-writes` in the programs of the host: in C. */

declare const native: Native;

export function notePlainWrites(pass: Pass, flash: Flash, address: number, length: number): number {
  return noteInC(native.bulk.notePlainWrites, pass, flash, address, length);
}
