import { VertebraError } from "../errors";
import { encodeText } from "../wire/text";
import type { Definitions, StageKnown } from "./definitions";
import { referenceOf } from "./entries";
import type { Run, RunResult } from "./events";
import { type Invocation, stageOf, stateBefore, toReverse } from "./invocation";
import { maxErrorBytes, maxOutputs } from "./limits";
import { checkOutput, refused } from "./output";
import { encodeReversal, encodeState, type Output, type SagaState, type Status } from "./state";

/** What a stage says when it has run: the next state of an invocation. A loser's never counts, so nothing comes of it. */

/** The state that follows the invocation's last one; what is not given is as nothing happened. */
export function stateAfter(
  invocation: Invocation,
  status: Status,
  given: Partial<Pick<SagaState, "consumed" | "produced" | "error" | "now" | "readCursors" | "state">>,
): SagaState {
  const { next, reach, saga } = invocation;
  return {
    previous: reach.tip?.reference ?? null,
    description: saga.id,
    stage: next.kind === "ended" ? 0 : next.stage,
    status,
    consumed: given.consumed ?? null,
    produced: given.produced ?? [],
    error: clip(given.error ?? ""),
    now: given.now ?? 0,
    readCursors: given.readCursors ?? [],
    state: given.state ?? stateBefore(invocation),
  };
}

/** The state of a stage that is not run, nor will be: it ends the way forward. */
export function withoutRun(invocation: Invocation, status: "expired" | "cancelled", error: string): SagaState {
  const { next, entry } = invocation;
  const begins = next.kind === "stage" && next.stage === 0;
  return stateAfter(invocation, status, { consumed: begins ? referenceOf(entry) : null, error });
}

/**
 * The state of a run that ended, encoded for the state group. What breaks a pact, names one that the stage does not produce, or is
 * too large fails the stage: "refused by validation".
 */
export function stateOfRun(
  definitions: Definitions,
  invocation: Invocation,
  run: Run,
  result: RunResult,
): { readonly state: SagaState; readonly entry: Uint8Array } {
  const { policy } = invocation.saga.stateGroup.pact.pact;
  try {
    const state = resultState(definitions, invocation, run, result);
    return { state, entry: encodeState(state, policy) };
  } catch (error) {
    if (!(error instanceof VertebraError) || error.code === "assertion") throw error;
    const refused: RunResult = { kind: "failed", error: `refused: ${error.message}`, retry: false, outputs: [] };
    const state = resultState(definitions, invocation, run, refused);
    return { state, entry: encodeState(state, policy) };
  }
}

function resultState(definitions: Definitions, invocation: Invocation, run: Run, result: RunResult): SagaState {
  const produced = checkResult(definitions, stageOf(invocation, run.stage), run, result);
  const consumed = run.entry === null ? null : ([run.entry.group, run.entry.sequence] as const);
  const told = { consumed, produced, now: run.now, readCursors: run.readCursors };
  if (result.kind === "failed") {
    // A compensation that fails leaves behind what nobody can vouch for.
    const error = run.undoes === null ? result.error : after(invocation, run, result.error);
    return stateAfter(invocation, run.undoes === null ? "failed" : "unknown", { ...told, error });
  }
  const acts = produced.some(({ kind }) => kind === "operation");
  const done = run.undoes === null ? "done" : "compensated";
  // An intent to undo has undone nothing yet: its outcome says so.
  const soFar = acts ? (invocation.head?.state.error ?? "") : after(invocation, run, "");
  const error = run.undoes === null ? "" : soFar;
  return stateAfter(invocation, acts ? "intent" : done, { ...told, error, state: result.state });
}

/** What a run put out, with the groups that it is for. Throws `saga-output` or `entry-…` for what its stage may not give. */
export function checkResult(definitions: Definitions, stage: StageKnown, run: Run, result: RunResult): Output[] {
  const produced = result.outputs.map((output) => checkOutput(definitions, stage, output));
  if (produced.length > maxOutputs) throw refused(`${produced.length} outputs are above the most of ${maxOutputs}`);
  const { output } = run.behavior.limits;
  if (result.kind === "done" && result.state.length > output) {
    throw refused(`its state has ${result.state.length} bytes, above its limit of ${output}`);
  }
  return produced;
}

/** "The last state says what was undone and what is unknown": each state of the way back adds its part. */
function after(invocation: Invocation, { stage, behavior }: Run, failure: string): string {
  return wayBack(invocation, stage, failure === "" ? `undone by ${behavior.name}` : `not undone: ${failure}`);
}

export function wayBack(invocation: Invocation, stage: number, what: string): string {
  const before = invocation.head?.state.error ?? "";
  return `${before === "" ? "" : `${before}; `}stage ${stage} ${what}`;
}

/** Undoes a step without a compensating behavior: by a reversal entry, and by the state that was before it. */
export function reversal(definitions: Definitions, invocation: Invocation): SagaState {
  const step = invocation.steps.at(-1)!;
  const ids = toReverse(invocation, step);
  const group = definitions.reversals;
  const { saga } = invocation;
  // States of one invocation die with it; those of a saga or key must be as they were.
  const state = saga.description.reach === "invocation" ? stateBefore(invocation) : step.before;
  if (ids.length > 0 && group === undefined) {
    const error = wayBack(invocation, step.stage, "not undone: there is no group of reversal entries");
    return stateAfter(invocation, "unknown", { error, state });
  }
  const produced: Output[] = ids.length > 0 ? [{ kind: "entry", group: group!.id, entry: encodeReversal(ids) }] : [];
  if (step.acted) {
    const error = wayBack(invocation, step.stage, "not undone: it acted, and no behavior takes that back");
    return stateAfter(invocation, "unknown", { produced, error, state });
  }
  const error = wayBack(invocation, step.stage, ids.length > 0 ? "reversed" : "undone by its state before");
  return stateAfter(invocation, "compensated", { produced, error, state });
}

/** At most 512 bytes of whole characters: a behavior throws what it likes. */
export function clip(text: string, most = maxErrorBytes): string {
  const kept: string[] = [];
  let length = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    const whole = code >= 0xd800 && code <= 0xdfff ? "?" : character;
    length += encodeText(whole).length;
    if (length > most) break;
    kept.push(whole);
  }
  return kept.join("");
}
