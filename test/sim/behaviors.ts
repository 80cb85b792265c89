import { encodeEntry } from "../../firmware/core/pact/entry";
import type { Run, RunOutput, RunResult } from "../../firmware/core/saga/events";
import { encode } from "../../firmware/core/wire/cbor";
import type { Hash } from "../../firmware/core/wire/types";
import { policy } from "../core/network";
import { createDigest } from "./digest";
import { orderFields } from "./pacts";
import type { SagaPlan, SagaStagePlan } from "./saga-plan";

/** The behaviors of the sagas of hostile worlds. What each gives follows from all that its run is given, so that a replay notices any of it. */

/** Of the behavior of a stage, and of the one that undoes it. */
export function behaviorName(saga: string, stage: number, undoes: boolean): string {
  return `${saga}.${stage}${undoes ? ".undo" : ""}`;
}

export const servo = "servo";

/** What the behavior of this run gives; `pacts` are ids by name. */
export function behave(sagas: readonly SagaPlan[], pacts: ReadonlyMap<string, Hash>, run: Run): RunResult {
  const [name] = run.behavior.name.split(".");
  const plan = sagas.find((saga) => saga.name === name)!.stages[run.stage]!;
  const order = (run.entry?.values[0] as number | undefined) ?? 0;
  const mixed = mixedFrom(run);
  const produce = (pact: string): RunOutput => {
    return { kind: "entry", pact: pacts.get(pact)!, entry: encodeEntry(orderFields, [order, mixed % 1_000], policy) };
  };
  const failure = run.undoes === null ? failureOf(plan, run, order, produce) : failureToUndo(run, order);
  if (failure !== null) return failure;
  const moves = run.undoes === null ? plan.acts : plan.compensation === "acts";
  const outputs = run.undoes === null ? plan.produces.map(produce) : undoing(plan).map(produce);
  return {
    kind: "done",
    state: encode([order, mixed]),
    outputs: moves ? [{ kind: "operation", capability: servo, operation: operationOf(run) }, ...outputs] : outputs,
  };
}

function undoing({ compensation }: SagaStagePlan): string[] {
  return compensation === "produces" ? ["notes"] : [];
}

function failureOf(
  { fails, produces }: SagaStagePlan,
  { now, stage }: Run,
  order: number,
  produce: (pact: string) => RunOutput,
): RunResult | null {
  if (fails === "some" && (order + stage) % 3 === 0) {
    const told = produces.includes("notes") ? [produce("notes")] : [];
    return { kind: "failed", error: "out of luck", retry: false, outputs: told };
  }
  if (fails === "throws" && now % 3 === 0) return { kind: "failed", error: "it threw", retry: true, outputs: [] };
  if (fails !== "breaks" || (order + stage) % 2 === 0) return null;
  const unnamed: RunOutput = { kind: "operation", capability: "laser", operation: new Uint8Array(1) };
  return { kind: "done", state: new Uint8Array(0), outputs: [unnamed] };
}

function failureToUndo({ stage }: Run, order: number): RunResult | null {
  if ((order + stage) % 5 !== 1) return null;
  return { kind: "failed", error: "it can't be undone", retry: false, outputs: [] };
}

/** Names the act: of whichever run, it is the same act. */
function operationOf({ invocation, stage, undoes }: Run): Uint8Array {
  return encode([invocation, stage, undoes === null ? 0 : 1]);
}

function mixedFrom({ entry, state, reads, readCursors, now, undoes }: Run): number {
  const digest = createDigest();
  digest.words(`${entry?.key} ${now} ${undoes?.outcome} ${undoes?.reason} ${reads.length} ${readCursors.length}`);
  for (const bytes of [state, entry?.entry ?? state, ...reads.map((each) => each.entry)]) digest.bytes(bytes);
  for (const { key } of reads) digest.words(key);
  return Number.parseInt(digest.hex().slice(0, 8), 16);
}
