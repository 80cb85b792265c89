import "../../../firmware/device/main";
import type { Counting } from "./counting";

/** The program of a board, which tells every half second what it takes of memory. */

declare const native: Counting;

export interface BoardMemory {
  readonly event: "memory";
  readonly used: number;
  readonly taken: number;
  readonly peak: number;
}

const timer = native.timer.open(() => {
  const memory: BoardMemory = { event: "memory", used: native.used(), taken: native.taken(), peak: native.peak() };
  native.print(JSON.stringify(memory));
  native.timer.set(timer, native.clock.monotonic() + 500);
});
native.timer.set(timer, native.clock.monotonic());
