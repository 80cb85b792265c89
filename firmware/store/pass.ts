import type { Table } from "./table";

/** What is known while the writes that lie one after the other are noted in C, which has no view but of bytes (`store/plain-writes`). */
export interface Pass {
  readonly table: Table;
  /** The keys of records that lie in parts. */
  apart: Float64Array;
  /** What is said of such records, which C leaves to the program: five numbers each, in the order of `leftNumbers`. */
  readonly left: Float64Array;
  /** As `passed` names them. */
  readonly numbers: Uint32Array;
}

/**
 * Given: where in the flash the bytes begin, the sequence of their sector, what the part programs at once, how many bytes of entries a
 * record has at most; and how many records the table has, which is told, too. Told: how many removals were noted, whether the last record
 * had its commit word, and how much is left to the program.
 */
export const passed = {
  ...{ address: 0, sequence: 1, unit: 2, longest: 3, size: 4 },
  ...{ removals: 5, committed: 6, left: 7 },
} as const;

export const leftNumbers = { key: 0, kind: 1, part: 2, parts: 3, address: 4, all: 5 } as const;
/** Of all that 4 KB of writes say some has to be left; a write for which there is no more room the program takes as a whole. */
const mostLeft = 48;

export function createPass(table: Table): Pass {
  const left = new Float64Array(mostLeft * leftNumbers.all);
  return { table, apart: new Float64Array(0), left, numbers: new Uint32Array(8) };
}
