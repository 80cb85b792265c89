import type { VertebraError } from "../errors";
import type { Published } from "../pact/requirement";
import type { AvatarId, Hash } from "../wire/types";
import type { FinalEntry, SeenEntry } from "./entries";
import type { EntryReference, Output } from "./state";
import type { Behavior } from "./structures";
import type { Waits } from "./waits";

/** What drives the saga runtime. */
export type SagaEvent =
  /**
   * A final entry, each once and in the order of its group. Those that are known at a start come before `boot`. `token` is that of
   * the push since this start that it came of; null where it is another's, or from before.
   */
  | { readonly kind: "entry"; readonly entry: FinalEntry; readonly token: number | null }
  /** All that was final before is told: from here on it acts, and its leases run, on from what was kept of them. */
  | { readonly kind: "boot"; readonly waits?: Waits | null }
  /** What a participant can do, in place of what it could before. */
  | { readonly kind: "capabilities"; readonly avatar: AvatarId; readonly published: Published }
  | { readonly kind: "result"; readonly run: number; readonly result: RunResult }
  | { readonly kind: "acted"; readonly run: number; readonly outcome: Outcome; readonly error: string }
  /** A push was not taken; it is tried again a lease later. */
  | { readonly kind: "refused"; readonly token: number }
  /** This participant is to end what a person no longer wants; a notice says why not, where `cancellable` finds a reason. */
  | { readonly kind: "cancel"; readonly invocation: Hash; readonly reason: string }
  | { readonly kind: "alarm" };

export type Outcome = "done" | "refused" | "unknown";

export type RunOutput =
  | { readonly kind: "entry"; readonly pact: Hash; readonly entry: Uint8Array }
  | { readonly kind: "operation"; readonly capability: string; readonly operation: Uint8Array };

/** What came of a run. `retry` where it may go well another time: it threw, or met a limit; not where it called `fail`. */
export type RunResult =
  | { readonly kind: "done"; readonly state: Uint8Array; readonly outputs: readonly RunOutput[] }
  | {
      readonly kind: "failed";
      readonly error: string;
      readonly retry: boolean;
      readonly outputs: readonly RunOutput[];
    };

/** One run of a behavior, with all that it is given: the same run gives the same result, wherever and whenever. */
export interface Run {
  readonly invocation: Hash;
  readonly saga: Hash;
  readonly stage: number;
  readonly behavior: Behavior;
  /** Of a compensation: what is known of the stage that it undoes, and why. */
  readonly undoes: { readonly outcome: "done" | "unknown"; readonly reason: string } | null;
  /** null where a compensation's entry is forgotten. */
  readonly entry: SeenEntry | null;
  /** Empty for a new one. */
  readonly state: Uint8Array;
  readonly reads: readonly SeenEntry[];
  readonly readCursors: readonly EntryReference[];
  readonly now: number;
}

/** What the runtime asks of its driver, in this order: notices, pushes, runs, acts, and when to wake it. */
export type SagaAction =
  | { readonly kind: "notice"; readonly error: VertebraError }
  /** `id` goes beside the entry in its block, and owners skip a repeat; null for a saga state. */
  | {
      readonly kind: "push";
      readonly group: Hash;
      readonly entry: Uint8Array;
      readonly id: Hash | null;
      readonly token: number;
    }
  /** Run the behavior in a sandbox and answer with `result`. */
  | { readonly kind: "run"; readonly run: number; readonly what: Run }
  /** Do these operations, once, and answer with `acted`. */
  | { readonly kind: "act"; readonly run: number; readonly operations: readonly Operation[] }
  | { readonly kind: "wake"; readonly at: number };

export type Operation = Extract<Output, { kind: "operation" }>;
