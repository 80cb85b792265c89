/** One line of JSON in, one out: bytes are hex, entries and pacts as they are encoded. */

export type Request =
  | { readonly kind: "describe"; readonly source: string; readonly limits: SandboxLimits }
  | {
      readonly kind: "run";
      readonly source: string;
      readonly limits: SandboxLimits;
      readonly pacts: readonly PactGiven[];
      readonly stage: number;
      readonly undoes: { readonly outcome: "done" | "unknown"; readonly reason: string } | null;
      readonly entry: EntryGiven | null;
      /** JSON; empty for none, null for what can't be JSON. */
      readonly state: string | null;
      readonly reads: readonly EntryRead[];
      readonly now: number;
    };

export interface SandboxLimits {
  readonly computation: number;
  readonly memory: number;
}

/** With the fields of what it extends as its own. */
export interface PactGiven {
  readonly id: string;
  readonly pact: string;
}

export interface EntryGiven {
  readonly pact: string;
  readonly entry: string;
}

export interface EntryRead extends EntryGiven {
  /** In its group. */
  readonly sequence: number;
}

export type OutputGiven = EntryGiven | { readonly capability: string; readonly operation: string };

export type Reply =
  /** `states`: of each stage why its first state is none, null where it is one. */
  | { readonly kind: "described"; readonly saga: unknown; readonly states: readonly (string | null)[] }
  | { readonly kind: "broken"; readonly error: string }
  | {
      readonly kind: "done";
      readonly state: string;
      readonly outputs: readonly OutputGiven[];
      readonly logs: readonly string[];
      /** Bytecodes that the behavior took. */
      readonly computation: number;
    }
  | {
      readonly kind: "failed";
      readonly error: string;
      readonly retry: boolean;
      readonly outputs: readonly OutputGiven[];
      readonly logs: readonly string[];
      readonly computation: number;
    };
