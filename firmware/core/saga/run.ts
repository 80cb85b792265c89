import { assert } from "../errors";
import { readCursors, readsAt, type SeenEntry } from "./entries";
import type { Run } from "./events";
import { type Invocation, type Standing, stageOf } from "./invocation";
import type { Ledger } from "./ledger";
import type { EntryReference } from "./state";

/** How far the groups are seen now that the run of what an invocation waits for would read. */
export function cursorsNow({ views }: Ledger, invocation: Invocation): EntryReference[] {
  const { next } = invocation;
  return next.kind === "ended" ? [] : readCursors(views, stageOf(invocation, next.stage));
}

/**
 * The run that answers how an invocation stands: of a stage's behavior, or of the one that undoes it. `now` and `cursors` are
 * those of the moment, or those of a state that is recomputed.
 */
export function runOf(
  { views }: Ledger,
  invocation: Invocation,
  { next, state, step, error }: Standing,
  entry: SeenEntry | null,
  cursors: readonly EntryReference[],
  now: number,
): Run {
  assert(next.kind === "stage" || next.kind === "undo", "an invocation runs what it waits for");
  const stage = stageOf(invocation, next.stage);
  const undoes = next.kind === "undo" ? { outcome: step!.outcome, reason: error } : null;
  return {
    invocation: invocation.id,
    saga: invocation.saga.id,
    stage: next.stage,
    behavior: undoes === null ? stage.does : stage.undoes!,
    undoes,
    entry,
    state,
    reads: readsAt(views, stage, cursors),
    readCursors: cursors,
    now,
  };
}
