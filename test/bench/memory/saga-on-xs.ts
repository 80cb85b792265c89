import { syncGroupId } from "../../../firmware/core/pact/pact";
import type { SagaEvent } from "../../../firmware/core/saga/events";
import { createSagaRuntime } from "../../../firmware/core/saga/runtime";
import { toHex } from "../../../firmware/core/wire/bytes";
import type { Sha256 } from "../../../firmware/core/wire/hash";
import type { Hash } from "../../../firmware/core/wire/types";
import { avatarOf, crypto, done, entryOf, lease, type Plan, provisionOf } from "../../saga/world";
import type { Counting } from "./counting";

/**
 * What the heap holds of a saga of three stages in one participant, which owns all its groups, and of invocations that wait for an
 * entry between any two stages, in bytes; and the bytecodes that it takes, but for hashes, which are C on a board. Prints it.
 */

declare const native: Counting;

export interface SagaMemory {
  /** Of the runtime, booted, without an invocation and without the provision that it has read. */
  readonly idle: number;
  /** Of an invocation, by how many of its stages are done. */
  readonly waiting: readonly number[];
  /** Of one that has ended, of many after the first. */
  readonly ended: number;
  /** Saga states that became final. */
  readonly states: number;
  readonly bytecodes: {
    /** Until the runtime is booted. */
    readonly start: number;
    /** For an invocation, all stages together, behaviors not. */
    readonly invocation: number;
    /** For an alarm when nothing is due. */
    readonly alarm: number;
  };
}

const invocations = 16;
const endedAfter = 256;
const pacts = ["begin", "second", "third"];
const plan: Plan = {
  members: ["ada"],
  pacts: [...pacts, "notice"],
  stages: pacts.map((pact) => ({ behavior: pact, consumes: pact, produces: ["notice"], correlate: ["order"] })),
  behaviors: Object.fromEntries(
    pacts.map((pact) => [pact, ({ entry }) => done({ pact }, ["notice", Number(entry!.values[0]), 1])]),
  ),
};

const provision = provisionOf(plan);
const groups = new Map(
  provision.groups.map((bytes) => [toHex(syncGroupId(crypto, bytes)), syncGroupId(crypto, bytes)]),
);
const groupOf = (pact: string) => groups.get([...provision.names].find(([, name]) => name === pact)![0])!;
const sequences = new Map<string, number>();
let hashing = 0;
const counted: Sha256 = {
  sha256(bytes) {
    const before = native.meter();
    const hash = crypto.sha256(bytes);
    hashing += native.meter() - before;
    return hash;
  },
};
/** Bytecodes of the runtime alone. */
let spent = 0;
function worked<T>(does: () => T): T {
  const before = native.meter() - hashing;
  const result = does();
  spent += native.meter() - hashing - before;
  return result;
}

const empty = native.used();
const runtime = worked(() =>
  createSagaRuntime({
    crypto: counted,
    avatar: avatarOf("ada"),
    provision,
    lease,
    room: Number.POSITIVE_INFINITY,
    hasSource: () => true,
  }),
);
let now = 0;

const events: SagaEvent[] = [];

function come(pact: string, order: number): void {
  tell(final(groupOf(pact), entryOf(pact, [order, 1]).entry, { id: null, token: null }));
}

function tell(event: SagaEvent): void {
  events.push(event);
  for (let next = events.shift(); next !== undefined; next = events.shift()) {
    now += 10;
    for (const action of worked(() => runtime.handle(next, { monotonic: now, wall: now }))) {
      if (action.kind === "push") events.push(final(action.group, action.entry, action));
      if (action.kind === "run") {
        const result = plan.behaviors[action.what.behavior.name]!(action.what, undefined as never);
        events.push({ kind: "result", run: action.run, result });
      }
    }
  }
}

/** An entry that becomes final as it is pushed, since nobody else owns its group. */
function final(
  group: Hash,
  entry: Uint8Array,
  { id, token }: { readonly id: Hash | null; readonly token: number | null },
): SagaEvent {
  const key = toHex(group);
  const sequence = sequences.get(key) ?? 0;
  sequences.set(key, sequence + 1);
  return { kind: "entry", entry: { group, sequence, issuer: avatarOf("ada"), id, entry }, token };
}

tell({ kind: "boot" });
const start = spent;
const idle = native.used() - empty;
const held = pacts.map((pact) => {
  for (let order = 0; order < invocations; order++) come(pact, order);
  return (native.used() - empty - idle) / invocations;
});
const invocation = (spent - start) / invocations;
const quiet = spent;
tell({ kind: "alarm" });
const bytecodes = { start, invocation, alarm: spent - quiet };
const before = native.used();
for (let order = 0; order < endedAfter; order++) for (const pact of pacts) come(pact, invocations + order);
const ended = (native.used() - before) / endedAfter;
const states = sequences.get(toHex(groupOf("states")))!;
const memory: SagaMemory = { idle, waiting: held.slice(0, -1), ended, states, bytecodes };
native.print(JSON.stringify(memory));
