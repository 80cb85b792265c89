import { drawPlan } from "./plan";
import type { Kind } from "./worlds";

/**
 * A deliberate fault in the core, which the simulator must catch: exact pieces of its text and what stands there instead. A piece that
 * is not found once is an error, so that the list goes with the code.
 */
export interface Mutant {
  readonly name: string;
  /** The seed of a world in which it is caught; `npm run sim -- --mutants` finds it again when it moves. */
  readonly caughtBy: number;
  /** The kind of that world; hostile where it is absent. */
  readonly kind?: Kind;
  readonly changes: readonly Change[];
}

export interface Change {
  /** Below firmware/core, or below firmware where it begins with link, store or device. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export const one = (name: string, caughtBy: number, file: string, from: string, to: string): Mutant => ({
  name,
  caughtBy,
  changes: [{ file, from, to }],
});

/** So many seeds from `first` on in whose worlds it could show: what runs sagas is idle in most. */
export function* seedsFor({ changes, kind }: Mutant, first: number, count: number): Generator<number, undefined> {
  const ofSagas = changes.some(({ file }) => file.startsWith("saga/") || file === "chain/repeats.ts");
  for (let seed = first; count > 0; seed++) {
    if (ofSagas && kind === undefined && drawPlan(seed).sagas === undefined) continue;
    yield seed;
    count--;
  }
  return undefined;
}
