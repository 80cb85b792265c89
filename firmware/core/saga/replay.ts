import { VertebraError } from "../errors";
import { equal } from "../wire/bytes";
import type { Definitions } from "./definitions";
import type { FinalEntry } from "./entries";
import type { Run, RunResult } from "./events";
import { type Head, type Invocation, stageOf } from "./invocation";
import { type Change, createLedger, type Ledger, takeEntry } from "./ledger";
import { checkResult, clip } from "./outcome";
import { runOf } from "./run";
import { isWithoutRun, type Output } from "./state";

/** A state that counts, and the run that made it; null where no behavior did, as for an outcome, a deadline or a cancelling. */
export interface Replayed {
  readonly invocation: Invocation;
  readonly head: Head;
  readonly run: Run | null;
}

type Accepted = Extract<Change, { kind: "accepted" }>;

/**
 * "From the entries alone, with `now` and the read cursors of each state, every state of an invocation can be recomputed and
 * compared." The states that count among these entries, which are all of their groups, in the order of each group.
 */
export function replay(definitions: Definitions, entries: Iterable<FinalEntry>): Replayed[] {
  const ledger = createLedger(definitions, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  const accepted: Accepted[] = [];
  for (const entry of entries) {
    for (const change of takeEntry(ledger, entry, 0).changes) if (change.kind === "accepted") accepted.push(change);
  }
  // Only now is all there that any of them read.
  return accepted.map((change) => ({
    invocation: change.invocation,
    head: change.head,
    run: runBehind(ledger, change),
  }));
}

function runBehind(ledger: Ledger, { invocation, head, was, consumed }: Accepted): Run | null {
  const { status, readCursors, now } = head.state;
  if (isWithoutRun(status) || was.next.kind === "outcome" || was.next.kind === "ended") return null;
  const undoes = was.next.kind === "undo";
  if (undoes && stageOf(invocation, was.next.stage).undoes === null) return null;
  return runOf(ledger, invocation, was, undoes ? was.step!.consumed : consumed, readCursors, now);
}

/** Whether the result of its run is what a state says: the same state and outputs, or the same failure. */
export function agrees(definitions: Definitions, { invocation, head, run }: Replayed, result: RunResult): boolean {
  const { status, state, error, produced } = head.state;
  const failed = status === "failed" || status === "unknown";
  try {
    const outputs = checkResult(definitions, stageOf(invocation, head.state.stage), run!, result);
    if (!sameOutputs(produced, outputs)) return false;
    if (result.kind === "failed") return failed && ends(error, result.error);
    return !failed && equal(state, result.state);
  } catch (refusal) {
    if (!(refusal instanceof VertebraError)) throw refusal;
    return failed && ends(error, `refused: ${refusal.message}`);
  }
}

/** An error ends with its reason, or is as long as an error may be. */
function ends(error: string, reason: string): boolean {
  return error.endsWith(clip(reason)) || error === clip(`${error} `);
}

function sameOutputs(produced: readonly Output[], outputs: readonly Output[]): boolean {
  return produced.length === outputs.length && produced.every((one, index) => sameOutput(one, outputs[index]!));
}

function sameOutput(one: Output, other: Output): boolean {
  if (one.kind === "entry") {
    return other.kind === "entry" && equal(one.group, other.group) && equal(one.entry, other.entry);
  }
  return other.kind === "operation" && one.capability === other.capability && equal(one.operation, other.operation);
}
