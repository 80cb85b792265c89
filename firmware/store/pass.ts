import type { Table } from "./table";

/** What is known while the writes that lie one after the other are noted in C, which has no view but of bytes (`store/plain-writes`). */
export interface Pass {
  readonly table: Table;
  /** The keys of records that lie in parts. */
  apart: Float64Array;
  /** As `passed` names them. */
  readonly numbers: Uint32Array;
}

/**
 * Given: where in the flash the bytes begin, the sequence of their sector, what the part programs at once, how many bytes of entries a
 * record has at most; and how many records the table has, which is told, too. Told: how many removals were noted, and whether the last record had its commit word.
 */
export const passed = { address: 0, sequence: 1, unit: 2, longest: 3, size: 4, removals: 5, committed: 6 } as const;

export function createPass(table: Table): Pass {
  return { table, apart: new Float64Array(0), numbers: new Uint32Array(7) };
}
