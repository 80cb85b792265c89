import "../../../firmware/device/main";
import type { Native } from "../../../firmware/native/native";

/** The program of a board, which tells every second what it takes of memory, and how long its processor was busy. */

/** What the emulated board tells of itself (firmware/native/rv32/sensors.c). */
interface Machine {
  /** Cycles that were not spent waiting. */
  busy(): number;
  /** Bytes: of RAM, of static data, of tables, of C's stack at most, of the engine's heaps and stack. */
  memory(): readonly [number, number, number, number, number];
  /** Bytes of heap that are in use, once the garbage is collected. */
  live(): number;
}

export interface MachineLine {
  readonly event: "machine";
  readonly busy: number;
  readonly ram: number;
  /** All that was ever taken of it. */
  readonly taken: number;
  readonly stack: number;
  readonly live: number;
}

declare const native: Native & { readonly machine: Machine };

let counting = 0;
const timer = native.timer.open(() => {
  const { machine } = native;
  const busy = machine.busy();
  const [ram, statics, tables, stack, heaps] = machine.memory();
  const line: MachineLine = {
    event: "machine",
    busy: busy - counting,
    ram,
    taken: statics + tables + stack + heaps,
    stack,
    live: machine.live(),
  };
  native.print(JSON.stringify(line));
  // The collection that was asked for is none of the board's.
  counting += machine.busy() - busy;
  native.timer.set(timer, native.clock.monotonic() + 1000);
});
native.timer.set(timer, native.clock.monotonic());
