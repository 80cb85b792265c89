import { decodeState, type SagaState } from "../../firmware/core/saga/state";
import { toHex } from "../../firmware/core/wire/bytes";
import { encode } from "../../firmware/core/wire/cbor";
import { hash } from "../../firmware/core/wire/hash";
import type { Hash } from "../../firmware/core/wire/types";
import type { SagaPlan } from "./saga-plan";
import type { DefinedSagas } from "./saga-provision";
import type { Group, World } from "./world";

/**
 * A second judge of saga states, written from PROTOCOL 9 and docs/sagas.md and not from the runtime: which final states count, what each
 * invocation waits for, and which entries must come to be. It is given all that became final anywhere.
 */

/** A final entry that readers are told of. */
export interface Told {
  readonly group: Group;
  readonly sequence: number;
  /** Its reference as text. */
  readonly key: string;
  /** In hex, as the id. */
  readonly issuer: string;
  readonly id: string | null;
  readonly entry: Uint8Array;
}

export type Awaited =
  | { readonly kind: "stage" | "undo"; readonly stage: number }
  | { readonly kind: "outcome"; readonly stage: number; readonly undoes: boolean }
  | { readonly kind: "nothing" };

export interface Counted {
  readonly told: Told;
  readonly state: SagaState;
  readonly answers: Exclude<Awaited, { kind: "nothing" }>;
  readonly undoes: boolean;
  /** The state of its reach before it. */
  readonly before: Uint8Array;
  /** What it produced and must become final, and what it produced that must not. */
  readonly effects: readonly Effect[];
  readonly withheld: readonly Effect[];
}

export interface Effect {
  readonly id: string;
  /** The group's id in hex. */
  readonly group: string;
  readonly entry: Uint8Array;
}

/** A stage that did something, or may have. */
export interface Deed {
  readonly counted: Counted;
  readonly before: Uint8Array;
  readonly ids: readonly string[];
  readonly acted: boolean;
}

export interface Invocation {
  readonly id: Hash;
  readonly saga: SagaPlan;
  readonly begunBy: Told;
  readonly reach: Reach;
  readonly states: Counted[];
  awaits: Awaited;
  /** All stages that did something, also such as were undone. */
  readonly deeds: Deed[];
  /** Those that are not undone yet. */
  readonly standing: Deed[];
  /** Ids of what its stages consumed. */
  readonly consumed: Set<string>;
  before: Uint8Array;
}

export interface Reach {
  tip: Counted | null;
  running: Invocation | null;
}

export interface Judgement {
  readonly invocations: readonly Invocation[];
  readonly counted: readonly Counted[];
  readonly voided: readonly { readonly told: Told; readonly state: SagaState; readonly why: string }[];
}

const nothing = new Uint8Array(0);

/** `entries` by the group's name, each group in its order. */
export function judge(world: World, defined: DefinedSagas, entries: ReadonlyMap<string, readonly Told[]>): Judgement {
  const { crypto } = world;
  const all = new Map([...entries.values()].flat().map((told) => [told.key, told]));
  const invocations: Invocation[] = [];
  const counted: Counted[] = [];
  const voided: { told: Told; state: SagaState; why: string }[] = [];
  for (const [description, saga] of defined.plans) {
    const begun = (entries.get(saga.begins) ?? []).map((told) => open(crypto, description, saga, told));
    invocations.push(...begun);
    const court = createCourt(world, saga, begun, all);
    for (const told of entries.get(saga.states) ?? []) {
      const state = decodeState(told.entry);
      if (toHex(state.description) !== description) continue;
      const found = court(told, state);
      if (typeof found === "string") voided.push({ told, state, why: found });
      else counted.push(found);
    }
  }
  return { invocations, counted, voided };
}

function open(crypto: World["crypto"], description: string, saga: SagaPlan, begunBy: Told): Invocation {
  const reference = [begunBy.group.id, begunBy.sequence];
  const bytes = Uint8Array.from(description.match(/../g)!, (byte) => Number.parseInt(byte, 16));
  return {
    ...{ id: hash(crypto, "invocation", encode([reference, bytes])), saga, begunBy },
    ...{ reach: { tip: null, running: null }, states: [], awaits: { kind: "stage", stage: 0 }, before: nothing },
    ...{ deeds: [], standing: [], consumed: new Set() },
  };
}

/** Takes the final states of one saga in their order: a state that counts, or why one doesn't. */
function createCourt(
  { crypto }: World,
  saga: SagaPlan,
  begun: Invocation[],
  all: ReadonlyMap<string, Told>,
): (told: Told, state: SagaState) => Counted | string {
  const reaches = new Map<string, Reach>();
  for (const [index, invocation] of begun.entries()) {
    const key = reachOf(saga, invocation.begunBy);
    const reach = reaches.get(key) ?? invocation.reach;
    reaches.set(key, reach);
    begun[index] = Object.assign(invocation, { reach });
  }
  /** References of what stages consumed, and ids of what invocations produced. */
  const taken = new Set<string>();
  const causes = new Map<string, Invocation>();

  function find(state: SagaState): Invocation | string {
    const previous = state.previous === null ? null : keyOf(state.previous);
    const consumed = state.consumed === null ? null : keyOf(state.consumed);
    const reach = previous === null ? undefined : [...reaches.values()].find(({ tip }) => tip?.told.key === previous);
    if (previous !== null && reach === undefined) return "its previous state is not the last one of any reach";
    if (reach?.running) return reach.running;
    const first = begun.find(({ begunBy, states }) => begunBy.key === consumed && states.length === 0);
    if (first === undefined || state.stage !== 0) return "it begins nothing";
    if (first.reach.running !== null) return "another runs";
    return (first.reach.tip?.told.key ?? null) === previous ? first : "its previous state is of another reach";
  }

  function take(told: Told, state: SagaState): Counted | string {
    const invocation = find(state);
    if (typeof invocation === "string") return invocation;
    const { awaits, reach } = invocation;
    if (awaits.kind === "nothing" || awaits.stage !== state.stage) return "another stage is awaited";
    if (!statuses[answerOf(awaits)].includes(state.status)) return "its status is no answer";
    if (awaits.kind === "stage") {
      const wrong = wrongConsumption(invocation, state);
      if (wrong !== null) return wrong;
    }
    const counted = countedOf(told, state, invocation, awaits);
    reach.running = invocation;
    reach.tip = counted;
    invocation.states.push(counted);
    for (const { id } of [...counted.effects, ...counted.withheld]) {
      if (state.status !== "intent") causes.set(id, invocation);
    }
    if (awaits.kind === "stage" && state.consumed !== null) {
      const key = keyOf(state.consumed);
      taken.add(key);
      const { id } = all.get(key)!;
      if (id !== null) invocation.consumed.add(id);
    }
    proceed(invocation, counted);
    if (invocation.awaits.kind === "nothing") reach.running = null;
    return counted;
  }

  /** "An entry is consumed by one stage", and what an invocation produced is its own. */
  function wrongConsumption(invocation: Invocation, { consumed, status, stage }: SagaState): string | null {
    if (consumed === null) return ["expired", "cancelled"].includes(status) ? null : "it consumed nothing";
    if (stage === 0) return null;
    if (taken.has(keyOf(consumed))) return "it consumes what another did";
    const cause = causes.get(all.get(keyOf(consumed))?.id ?? "");
    return cause === undefined || cause === invocation ? null : "it consumes what is another's";
  }

  function countedOf(told: Told, state: SagaState, { id, reach }: Invocation, awaits: Counted["answers"]): Counted {
    const undoes = awaits.kind === "undo" || (awaits.kind === "outcome" && awaits.undoes);
    const made = state.produced.flatMap((output, index): Effect[] => {
      if (output.kind !== "entry") return [];
      const produced = hash(crypto, "produced", encode([id, undoes ? -1 - state.stage : state.stage, index]));
      return [{ id: toHex(produced), group: toHex(output.group), entry: output.entry }];
    });
    // "Its outputs are pushed when it is final"; of what was refused or is unknown nothing comes.
    const hidden = ["intent", "refused"].includes(state.status);
    const withheld = hidden || (state.status === "unknown" && awaits.kind !== "undo");
    return {
      ...{ told, state, answers: awaits, undoes, before: reach.tip?.state.state ?? nothing },
      ...{ effects: withheld ? [] : made, withheld: withheld ? made : [] },
    };
  }

  return take;
}

const statuses: Readonly<Record<"stage" | "outcome" | "undo" | "undone", readonly SagaState["status"][]>> = {
  stage: ["done", "intent", "failed", "expired", "cancelled"],
  outcome: ["done", "refused", "unknown"],
  undo: ["compensated", "intent", "unknown"],
  undone: ["compensated", "unknown"],
};

function answerOf(awaits: Counted["answers"]): keyof typeof statuses {
  return awaits.kind === "outcome" && awaits.undoes ? "undone" : awaits.kind;
}

/** What follows from a state that counts. */
function proceed(invocation: Invocation, counted: Counted): void {
  const { saga, deeds, standing } = invocation;
  const { state, undoes, answers, effects } = counted;
  const { stage, status } = state;
  const before = answers.kind === "outcome" ? invocation.before : counted.before;
  if (status === "intent") {
    invocation.before = before;
    invocation.awaits = { kind: "outcome", stage, undoes };
    return;
  }
  if (undoes) standing.pop();
  else if (status === "done" || status === "unknown") {
    const acted = status === "done" && state.produced.some(({ kind }) => kind === "operation");
    const deed = { counted, before, ids: effects.map(({ id }) => id), acted };
    deeds.push(deed);
    standing.push(deed);
  }
  if (status === "done" && stage + 1 < saga.stages.length) invocation.awaits = { kind: "stage", stage: stage + 1 };
  else if (status === "done") invocation.awaits = { kind: "nothing" };
  else invocation.awaits = wayBack(invocation);
}

function wayBack(invocation: Invocation): Awaited {
  const { standing } = invocation;
  for (let deed = standing.at(-1); deed !== undefined; deed = standing.at(-1)) {
    if (leavesSomething(invocation, deed)) return { kind: "undo", stage: deed.counted.state.stage };
    standing.pop();
  }
  return { kind: "nothing" };
}

/** Whether there is anything to undo of what a stage did. */
export function leavesSomething({ saga, consumed }: Invocation, { counted, before, ids, acted }: Deed): boolean {
  const { state } = counted;
  if (saga.stages[state.stage]!.compensation !== "none" || acted) return true;
  if (saga.reach !== "invocation" && toHex(before) !== toHex(state.state)) return true;
  return ids.some((id) => !consumed.has(id));
}

function reachOf({ reach }: SagaPlan, { key, entry }: Told): string {
  if (reach === "invocation") return key;
  // The amount is the last field, and below 24.
  return reach === "saga" ? "all" : String(entry.at(-1));
}

function keyOf([group, sequence]: readonly [Hash, number]): string {
  return `${toHex(group)}/${sequence}`;
}
