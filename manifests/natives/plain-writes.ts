import type { Native } from "../../firmware/native/native";
import { noteInC } from "../../firmware/native/plain-writes-asking";
import type { Flash } from "../../firmware/ports";
import type { Pass } from "../../firmware/store/pass";

/** In the place of `firmware/store/plain-writes`: in C. */

/** The function in C of this name, which xsl links. */
declare function native<T>(name: string): T;

const note = native<Native["bulk"]["notePlainWrites"]>("vertebra_notePlainWrites");

export function notePlainWrites(pass: Pass, flash: Flash, address: number, length: number): number {
  return noteInC(note, pass, flash, address, length);
}
