import { readable } from "../errors";
import { decodeEntry, encodeEntry, type Value } from "../pact/entry";
import { encodePact, pactId } from "../pact/pact";
import { decode, encode } from "../wire/cbor";
import { hash, type Sha256 } from "../wire/hash";
import { maxEntryBytes } from "../wire/limits";
import { bytes, hash32, text, tuple, wrong } from "../wire/shape";
import type { Field, Hash, Pact, Policy } from "../wire/types";
import { maxErrorBytes, maxOutputs } from "./limits";

/**
 * The Saga State: an entry of the pact that each saga has of its own (PROTOCOL 9). A pact has no null, so `previous` and
 * `consumed` are arrays of none or one reference.
 */

/** `[group, sequence]` of a final entry. */
export type EntryReference = readonly [group: Hash, sequence: number];

const statuses = ["done", "intent", "failed", "expired", "refused", "unknown", "compensated", "cancelled"] as const;

/**
 * `done`: the stage did what it is for. `intent`: it is about to act on a capability. `failed`, `expired` (its deadline came),
 * `refused` (by the capability), `unknown` (whether it acted) and `cancelled` (by an owner of the state group) end the way forward;
 * `compensated` and `unknown` are the steps of the way back.
 */
export type Status = (typeof statuses)[number];

/** Whether a stage ended so without a behavior: there is nothing to recompute. */
export function isWithoutRun(status: Status): boolean {
  return status === "expired" || status === "cancelled";
}

/** What a stage puts out: an entry for a group, or an operation of a capability. */
export type Output =
  | { readonly kind: "entry"; readonly group: Hash; readonly entry: Uint8Array }
  | { readonly kind: "operation"; readonly capability: string; readonly operation: Uint8Array };

export interface SagaState {
  /** The state before it in its reach; null for the first. */
  readonly previous: EntryReference | null;
  readonly description: Hash;
  /** Index of the stage in the description. */
  readonly stage: number;
  /** null where a deadline came before the entry. */
  readonly consumed: EntryReference | null;
  readonly produced: readonly Output[];
  readonly status: Status;
  readonly error: string;
  /** ms since 1970 as the behavior was told. */
  readonly now: number;
  /** Per group that it could read: the sequence before which. Sorted by group. */
  readonly readCursors: readonly EntryReference[];
  /** What the next stage gets as its state; empty for none. */
  readonly state: Uint8Array;
}

const references = { kind: "array", items: { kind: "reference" } } as const;

const stateFields: readonly Field[] = [
  { name: "previous", type: references, max: 1 },
  { name: "description", type: { kind: "bytes" }, min: 32, max: 32 },
  { name: "stage", type: { kind: "u8" } },
  { name: "consumed", type: references, max: 1 },
  { name: "produced", type: { kind: "array", items: { kind: "bytes" } }, max: maxOutputs },
  { name: "status", type: { kind: "enum", values: statuses } },
  { name: "error", type: { kind: "text" }, max: maxErrorBytes },
  { name: "now", type: { kind: "u64" } },
  { name: "readCursors", type: references },
  { name: "state", type: { kind: "bytes" } },
];

/** The Saga State pact of the saga called so. All states are to be kept (`retention` 0): a replay recomputes them. */
export function sagaStatePact(name: string, quorum: Policy["quorum"]): Pact {
  const policy = { quorum, ordered: true, private: false, writers: "owners", retention: 0 } as const;
  const size = { largestEntry: maxEntryBytes, whenFull: "wait" } as const;
  return { name, version: 1, extends: null, fields: stateFields, policy: { ...policy, ...size } };
}

/** Whether entries of these fields are saga states. */
export function isStatePact(fields: readonly Field[]): boolean {
  return fields.length === stateFields.length && fields.every(({ name }, index) => name === stateFields[index]!.name);
}

/** "A reversal entry `[references]` that readers see as an event and that drops them from views": the ids of what was produced. */
export const reversalPact: Pact = {
  name: "reversal",
  version: 1,
  extends: null,
  fields: [{ name: "entries", type: { kind: "array", items: { kind: "bytes" } }, max: maxOutputs }],
  policy: sagaStatePact("reversal", "two-thirds").policy,
};

export function reversalPactId(crypto: Sha256): Hash {
  return pactId(crypto, encodePact(reversalPact));
}

export function encodeReversal(ids: readonly Hash[]): Uint8Array {
  return encodeEntry(reversalPact.fields, [ids], reversalPact.policy);
}

/** Throws `entry-…` where it breaks the pact, and above the largest entry. */
export function encodeState(state: SagaState, policy: Policy): Uint8Array {
  const { previous, description, stage, consumed, produced, status, error, now, readCursors } = state;
  const values: Value[] = [
    previous === null ? [] : [previous],
    description,
    stage,
    consumed === null ? [] : [consumed],
    produced.map(encodeOutput),
    status,
    error,
    now,
    readCursors,
    state.state,
  ];
  return encodeEntry(stateFields, values, policy);
}

/** Undefined for what is no state: nobody counts it. */
export function readState(entry: Uint8Array): SagaState | undefined {
  return readable(() => decodeState(entry));
}

/** Throws `entry-…`, `cbor-…` or `structure-…`. */
export function decodeState(entry: Uint8Array): SagaState {
  const [previous, description, stage, consumed, produced, status, error, now, readCursors, state] = decodeEntry(
    stateFields,
    entry,
  );
  if (typeof now !== "number") throw wrong("structure-field", "saga state: now", "is beyond 2^53, and so no time");
  return {
    previous: (previous as readonly EntryReference[])[0] ?? null,
    description: description as Hash,
    stage: stage as number,
    consumed: (consumed as readonly EntryReference[])[0] ?? null,
    produced: (produced as readonly Uint8Array[]).map(decodeOutput),
    status: status as Status,
    error: error as string,
    now,
    readCursors: readCursors as readonly EntryReference[],
    state: state as Uint8Array,
  };
}

function encodeOutput(output: Output): Uint8Array {
  return output.kind === "entry"
    ? encode(["entry", output.group, output.entry])
    : encode(["operation", output.capability, output.operation]);
}

function decodeOutput(encoded: Uint8Array): Output {
  const [kind, to, what] = tuple("saga state: produced", decode(encoded), 3);
  const content = bytes("saga state: produced", what);
  if (kind === "entry") return { kind, group: hash32("saga state: produced: group", to), entry: content };
  if (kind === "operation") return { kind, capability: text("saga state: capability", to, 64), operation: content };
  throw wrong("structure-field", "saga state: produced", "is neither an entry nor an operation");
}

/** "Its id is the hash of that entry's reference and the description." */
export function invocationId(crypto: Sha256, initiating: EntryReference, description: Hash): Hash {
  return hash(crypto, "invocation", encode([initiating, description]));
}

/** `H(invocation, stage, index)`: the same whoever runs the stage, so that doing it twice is harmless. */
export function producedId(crypto: Sha256, invocation: Hash, stage: number, undoes: boolean, index: number): Hash {
  return hash(crypto, "produced", encode([invocation, undoes ? -1 - stage : stage, index]));
}
