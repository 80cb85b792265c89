import type { Native } from "../../../firmware/native/native";

/** What the counting host has beside the natives of the host (counting.c), in bytes. */
export interface Counting extends Native {
  /** Of RAM, now. */
  taken(): number;
  /** Of RAM, the most since the last call. */
  peak(): number;
  /** Of heap that is in use, once the garbage is collected. */
  used(): number;
  /** Of bytecode that lies in flash. */
  flashed(): number;
  /** The text of a file. A module whose source is "flash:" and a file is that one, precompiled. */
  text(file: string): string;
}
