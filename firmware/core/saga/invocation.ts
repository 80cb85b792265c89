import { valueText } from "../pact/same";
import { equal, toHex } from "../wire/bytes";
import type { AvatarId, Hash } from "../wire/types";
import { type Definitions, isOfPact, type Saga, type StageKnown } from "./definitions";
import type { SeenEntry } from "./entries";
import { type EntryReference, type Output, producedId, type SagaState } from "./state";

/** The last state of a reach that counts, final. */
export interface Head {
  readonly reference: EntryReference;
  readonly key: string;
  readonly issuer: AvatarId;
  readonly state: SagaState;
}

export interface Tip extends Pick<Head, "reference" | "key"> {
  readonly state: Pick<SagaState, "state">;
}

/**
 * What shares a state: one invocation (a transaction), all of a saga (an actor), or those of one key. Its states are a chain by
 * `previous`, and its invocations run one after another.
 */
export interface Reach {
  readonly key: string;
  /** Its last state: all that is asked of one that is over. */
  tip: Tip | null;
  running: Invocation | null;
  readonly waiting: Invocation[];
}

/** What an invocation waits for next. */
export type Next =
  | { readonly kind: "stage"; readonly stage: number }
  /** An intent is final: whether it was done. */
  | { readonly kind: "outcome"; readonly stage: number; readonly undoes: boolean }
  | { readonly kind: "undo"; readonly stage: number }
  | { readonly kind: "ended" };

/** A stage that did something, or may have. */
export interface Step {
  readonly stage: number;
  readonly outcome: "done" | "unknown";
  /** null where the entry is forgotten here. */
  readonly consumed: SeenEntry | null;
  readonly before: Uint8Array;
  readonly after: Uint8Array;
  /** Ids of the entries that it produced, and where they stand among its outputs. */
  readonly produced: readonly Hash[];
  readonly places: readonly number[];
  /** Whether it did something with a capability. */
  readonly acted: boolean;
}

export interface Invocation {
  readonly id: Hash;
  readonly key: string;
  readonly saga: Saga;
  readonly entry: SeenEntry;
  readonly reach: Reach;
  next: Next;
  head: Head | null;
  /** Monotonic ms since when `next` stands, and it has its turn in its reach; before the start of the clock where that was before. */
  since: number;
  /** Of the ms from then on so many that this participant was away, by its wall clock (`waits`). */
  away: number;
  /** Since when its first stage waits, also behind other invocations: one that nobody can run must not hold up all that come after it. */
  began: number;
  /** What the stage found, from its intent to its outcome: its entry, and the state before it. */
  consumed: SeenEntry | null;
  before: Uint8Array;
  /** Not undone yet, in the order in which they were done. */
  readonly steps: Step[];
  /** Entries that its stages consumed, by id: no reader waits for them any more. */
  readonly spent: Set<string>;
}

/** An invocation as it stands before a state answers it. */
export interface Standing {
  readonly next: Next;
  /** What the next run gets as its state: that of its reach. */
  readonly state: Uint8Array;
  readonly consumed: SeenEntry | null;
  /** The step to undo, on the way back. */
  readonly step: Step | undefined;
  readonly error: string;
}

export function standingOf(invocation: Invocation): Standing {
  const { next, consumed, steps, head } = invocation;
  return { next, consumed, state: stateBefore(invocation), step: steps.at(-1), error: head?.state.error ?? "" };
}

/** The text by which invocations share a reach. */
export function reachKey(saga: Saga, entry: SeenEntry): string {
  const { reach, keyField } = saga.description;
  if (reach === "invocation") return `entry ${entry.key}`;
  return reach === "saga" ? "saga" : `key ${fieldText(entry, keyField!)}`;
}

/** The value of a field, as text that is the same for equal values and no others. */
export function fieldText(entry: SeenEntry, name: string): string {
  const index = entry.pact.fields.findIndex((field) => field.name === name);
  return valueText(entry.values[index]!);
}

export function stageOf({ saga }: Invocation, index: number): StageKnown {
  return saga.stages[index]!;
}

/** The state that the next run gets: that of its reach. */
export function stateBefore({ reach }: Invocation): Uint8Array {
  return reach.tip?.state.state ?? new Uint8Array(0);
}

/** Ids of the entries among a stage's outputs, in their order. */
export function producedIds(
  definitions: Definitions,
  invocation: Invocation,
  stage: number,
  undoes: boolean,
  produced: readonly Output[],
): Hash[] {
  return produced.flatMap((output, index) =>
    output.kind === "entry" ? [producedId(definitions.crypto, invocation.id, stage, undoes, index)] : [],
  );
}

/** Ids that a stage without compensation leaves to be reversed: of what it produced, all that no stage after it consumed. */
export function toReverse({ spent }: Invocation, step: Step): Hash[] {
  return step.outcome === "done" ? step.produced.filter((id) => !spent.has(toHex(id))) : [];
}

/**
 * "Then runs back: each done stage's compensating behavior in reverse order." Drops the steps that leave nothing to undo and says
 * what comes next.
 */
export function nextOnTheWayBack(invocation: Invocation): Next {
  const { steps, saga } = invocation;
  for (let step = steps.at(-1); step !== undefined; step = steps.at(-1)) {
    const { compensation } = saga.stages[step.stage]!;
    const outlives = saga.description.reach !== "invocation" && !equal(step.before, step.after);
    if (compensation !== null || toReverse(invocation, step).length > 0 || outlives || step.acted) {
      return { kind: "undo", stage: step.stage };
    }
    steps.pop();
  }
  return { kind: "ended" };
}

/** Whether the entry could be what this stage waits for, by its pact alone. */
export function isConsumedBy(stage: StageKnown, entry: SeenEntry): boolean {
  return isOfPact(entry.pact, stage.consumedPact);
}
