import { maxSnapshotBytes } from "../core/saga/limits";
import type { Journal } from "../store/journal";

/** How a board divides the room of its journal: what its participant keeps, and what else a board does. */
export interface Shares {
  /** Bytes for the records of the participant. */
  readonly participant: number;
  /** Bytes for what is known of sagas, a snapshot and their waits, for a start after this one. */
  readonly sagas: number;
}

/** Of what is quarantined, whether the actuators are stopped, and which behavior runs, at most. */
const boardBytes = 16 * 1024;

/** Of a small flash the board has a quarter at most. */
export function sharesOf({ stats }: Pick<Journal, "stats">): Shares {
  const { room } = stats();
  const ofBoard = Math.min(boardBytes + 2 * maxSnapshotBytes, Math.floor(room / 4));
  return { participant: room - ofBoard, sagas: Math.max(0, ofBoard - boardBytes) };
}

/** The final records of a journal, with the lengths of their values, in the order of their keys. */
export function finalsOf({ records }: Pick<Journal, "records">): [string, number][] {
  const finals = [...records].filter(([key]) => key.startsWith("final/"));
  return finals.map(([key, value]): [string, number] => [key, value.length]).sort(([a], [b]) => (a < b ? -1 : 1));
}
