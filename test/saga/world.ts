import { encodeEntry, type Value } from "../../firmware/core/pact/entry";
import { encodePact, pactId, syncGroupId } from "../../firmware/core/pact/pact";
import type { Published } from "../../firmware/core/pact/requirement";
import type { SagaProvision } from "../../firmware/core/saga/definitions";
import type { FinalEntry } from "../../firmware/core/saga/entries";
import type { Run, RunResult, SagaAction, SagaEvent } from "../../firmware/core/saga/events";
import { createSagaRuntime, type SagaRuntime } from "../../firmware/core/saga/runtime";
import { decodeState, reversalPact, type SagaState, sagaStatePact } from "../../firmware/core/saga/state";
import {
  behaviorOf,
  encodeBehavior,
  encodeDescription,
  encodeStage,
  type Reach,
} from "../../firmware/core/saga/structures";
import { compare, toHex } from "../../firmware/core/wire/bytes";
import { hash } from "../../firmware/core/wire/hash";
import { encodeSyncGroup } from "../../firmware/core/wire/structures";
import { decodeText, encodeText } from "../../firmware/core/wire/text";
import type { Hash, Pact, Requirement } from "../../firmware/core/wire/types";
import { nobleCrypto } from "../../firmware/device/noble";

/**
 * Saga runtimes beside each other in virtual time. Groups make final what is pushed, in one order for all, and skip a repeated id;
 * members hear of it late, not at all while they are cut off, and again from the store when they start.
 */

export const crypto = nobleCrypto();
export const lease = 1000;

/** A behavior of a test: what the run of that name gives. */
export type Does = (run: Run, world: SagaWorld) => RunResult;

export interface StagePlan {
  readonly behavior: string;
  readonly consumes: string;
  readonly reads?: readonly string[];
  readonly produces?: readonly string[];
  readonly compensate?: string;
  readonly requires?: readonly Requirement[];
  readonly correlate?: readonly string[];
  readonly deadline?: number;
  readonly retry?: { readonly times: number; readonly backoff: number };
}

export interface Plan {
  readonly members?: readonly string[];
  /** All with the fields `order` and `amount`, u32. */
  readonly pacts: readonly string[];
  readonly stages: readonly StagePlan[];
  readonly behaviors: Readonly<Record<string, Does>>;
  readonly reach?: Reach;
  readonly key?: string;
  readonly version?: number;
  /** ms from a run to its result. */
  readonly takes?: number;
  /** Bytes of memory for what is under way; no end to it where it is not said. */
  readonly room?: number;
}

export interface Member {
  readonly name: string;
  readonly avatar: Uint8Array;
  runtime: SagaRuntime;
  alive: boolean;
  /** Whether what it pushes becomes final, and it hears of what is. */
  connected: boolean;
  wake: number;
  readonly heard: FinalEntry[];
  readonly acts: string[];
  readonly held: (() => void)[];
}

interface Pushed {
  readonly runtime: SagaRuntime;
  readonly token: number;
}

export interface Log {
  readonly name: string;
  readonly id: Hash;
  readonly entries: FinalEntry[];
  /** Of each entry: the wall clock when it became final. */
  readonly times: number[];
}

const wallAt = (ms: number) => 1_000_000 + ms;

const fields = [
  { name: "order", type: { kind: "u32" } },
  { name: "amount", type: { kind: "u32" } },
] as const;

export type SagaWorld = ReturnType<typeof createSagaWorld>;

export function pactNamed(name: string): Pact {
  return { ...sagaStatePact(name, "two-thirds"), fields };
}

export const idOf = (pact: Pact) => pactId(crypto, encodePact(pact));

export function avatarOf(name: string): Uint8Array {
  return crypto.sha256(encodeText(name));
}

export function done(
  state: unknown,
  ...produced: readonly (readonly [pact: string, order: number, amount: number])[]
): RunResult {
  const outputs = produced.map(([pact, ...values]) => entryOf(pact, values));
  return { kind: "done", state: encodeText(JSON.stringify(state)), outputs };
}

export function failed(error: string, retry = false): RunResult {
  return { kind: "failed", error, retry, outputs: [] };
}

export function entryOf(pact: string, values: readonly Value[]) {
  const known = pactNamed(pact);
  return { kind: "entry", pact: idOf(known), entry: encodeEntry(fields, values, known.policy) } as const;
}

/** What a run was given as its state; undefined for an empty one. */
export function stateIn(run: Run): unknown {
  return run.state.length === 0 ? undefined : JSON.parse(decodeText(run.state));
}

export function provisionOf(
  plan: Plan,
  avatars: readonly Uint8Array[] = (plan.members ?? ["ada", "bea", "cyd"]).map(avatarOf),
): SagaProvision & { readonly names: ReadonlyMap<string, string> } {
  const owners = [...avatars].sort(compare);
  const pacts = [sagaStatePact("states", "two-thirds"), reversalPact, ...plan.pacts.map(pactNamed)];
  const groups = pacts.map((pact) => encodeSyncGroup({ pact: idOf(pact), owners }));
  const names = new Map(pacts.map((pact, index) => [toHex(syncGroupId(crypto, groups[index]!)), pact.name]));
  const limits = { computation: 1_000_000, memory: 100_000, output: 1_000 };
  const behavior = (name: string) =>
    encodeBehavior(behaviorOf(crypto, name, plan.version ?? 1, encodeText(`${name}${plan.version ?? 1}`), limits));
  const behaviorId = (name: string) => hash(crypto, "behavior", behavior(name));
  const pactIds = (named: readonly string[] = []) => named.map((name) => idOf(pactNamed(name))).sort(compare);
  const stages = plan.stages.map((stage) =>
    encodeStage({
      behavior: behaviorId(stage.behavior),
      consumedPact: idOf(pactNamed(stage.consumes)),
      accessedPacts: pactIds(stage.reads),
      producedPacts: pactIds(stage.produces),
      compensation: stage.compensate === undefined ? null : behaviorId(stage.compensate),
      requires: stage.requires ?? [],
      correlate: stage.correlate ?? [],
      deadline: stage.deadline ?? 0,
      retry: stage.retry ?? { times: 0, backoff: 0 },
    }),
  );
  const description = encodeDescription({
    name: "saga",
    version: plan.version ?? 1,
    stages: stages.map((stage) => hash(crypto, "stage", stage)),
    initiatingPact: idOf(pactNamed(plan.stages[0]!.consumes)),
    stateGroup: syncGroupId(crypto, groups[0]!),
    reach: plan.reach ?? "invocation",
    keyField: plan.key ?? null,
  });
  return {
    pacts: pacts.map(encodePact),
    groups,
    behaviors: Object.keys(plan.behaviors).map(behavior),
    stages,
    descriptions: [description],
    names,
  };
}

export function createSagaWorld(plan: Plan) {
  const provision = provisionOf(plan);
  const logs = new Map<string, Log>(
    [...provision.groups].map((bytes) => {
      const id = syncGroupId(crypto, bytes);
      return [toHex(id), { name: provision.names.get(toHex(id))!, id, entries: [], times: [] }];
    }),
  );
  const log = (name: string) => [...logs.values()].find((each) => each.name === name)!;
  const queue: { at: number; order: number; does: () => void }[] = [];
  const members = new Map<string, Member>();
  /** Which push of which process it was: one that was started anew doesn't know its pushes from before. */
  const pushed = new Map<FinalEntry, Pushed>();
  let order = 0;
  const after = (ms: number, does: () => void) => queue.push({ at: world.now + ms, order: order++, does });

  const world = {
    now: 0,
    provision,
    logs,
    members,
    /** Seen by each push; false loses it, as a full buffer does. */
    takes: (_member: Member, _push: Extract<SagaAction, { kind: "push" }>): boolean => true,
    /** What comes of an operation; undefined for never. */
    acts: (_member: Member, _operation: string): "done" | "refused" | "unknown" | undefined => "done",
    /** ms until one hears of a final entry. */
    hears: (_member: Member, _group: string): number => 10,
    log,
    member: (name: string) => members.get(name)!,

    /** An entry of the world outside any saga, final after 10 ms. */
    push(pact: string, entryOrder: number, amount: number) {
      const { entry } = entryOf(pact, [entryOrder, amount]);
      after(10, () => makeFinal(log(pact), { entry, issuer: avatarOf("outside"), id: null }));
    },
    run(until: number) {
      for (let steps = 0; ; steps++) {
        if (steps > 100_000) throw new Error("the world never comes to rest");
        const wakes = [...members.values()].filter(({ alive }) => alive).map(({ wake }) => wake);
        const next = Math.min(...queue.map(({ at }) => at), ...wakes);
        if (next > until) break;
        world.now = Math.max(world.now, next);
        queue.sort((a, b) => a.at - b.at || a.order - b.order);
        if (queue.length > 0 && queue[0]!.at <= world.now) {
          queue.shift()!.does();
          continue;
        }
        for (const member of members.values()) {
          if (!member.alive || member.wake > world.now) continue;
          member.wake = Number.POSITIVE_INFINITY;
          tell(member, { kind: "alarm" });
        }
      }
      world.now = until;
    },
    publish(name: string, published: Published) {
      for (const member of members.values()) tell(member, { kind: "capabilities", avatar: avatarOf(name), published });
    },
    crash(name: string) {
      members.get(name)!.alive = false;
    },
    /** From what is in its store, and with these definitions from here on. */
    start(name: string, told: SagaProvision = provision) {
      const member = members.get(name)!;
      member.runtime = createRuntime(name, told);
      member.alive = true;
      for (const entry of member.heard) tell(member, { kind: "entry", entry, token: null });
      tell(member, { kind: "boot" });
      hearWhatWasMissed(member);
    },
    cutOff(name: string) {
      members.get(name)!.connected = false;
    },
    heal(name: string) {
      const member = members.get(name)!;
      member.connected = true;
      for (const push of member.held.splice(0)) push();
      hearWhatWasMissed(member);
    },
    /** The states that became final, those that don't count among them. */
    states: (): SagaState[] => log("states").entries.map(({ entry }) => decodeState(entry)),
    statuses: () => world.states().map(({ stage, status }) => `${stage} ${status}`),
    amounts: (pact: string) => log(pact).entries.map(({ entry }) => entry.at(-1)!),
    /** All entries that became final, whatever of. */
    finals: () => [...logs.values()].reduce((sum, { entries }) => sum + entries.length, 0),
    /** All runs in the order in which they began. */
    runs: [] as { readonly member: string; readonly run: Run }[],
    underWay: (name: string) =>
      [...members.get(name)!.runtime.ledger.books.values()].reduce((sum, { invocations }) => sum + invocations.size, 0),
    tell,
  };

  function createRuntime(name: string, told: SagaProvision = provision): SagaRuntime {
    return createSagaRuntime({
      crypto,
      avatar: avatarOf(name),
      provision: told,
      lease,
      room: plan.room ?? Number.POSITIVE_INFINITY,
      hasSource: () => true,
    });
  }

  function makeFinal(
    group: Log,
    { entry, issuer, id, by }: Pick<FinalEntry, "entry" | "issuer" | "id"> & { readonly by?: Pushed },
  ) {
    // "Owners skip a repeat without giving it a sequence."
    if (id !== null && group.entries.some((each) => each.id !== null && toHex(each.id) === toHex(id))) return;
    const final: FinalEntry = { group: group.id, sequence: group.entries.length, issuer, id, entry };
    group.entries.push(final);
    if (by !== undefined) pushed.set(final, by);
    group.times.push(wallAt(world.now));
    for (const member of members.values()) after(world.hears(member, group.name), () => hear(member, group));
  }

  /** The next entry of the group, wherever this one stands: order within a group is kept. */
  function hear(member: Member, group: Log) {
    if (!member.alive || !member.connected) return;
    const next = group.entries[member.heard.filter((each) => each.group === group.id).length];
    if (next === undefined) return;
    member.heard.push(next);
    const by = pushed.get(next);
    tell(member, { kind: "entry", entry: next, token: by?.runtime === member.runtime ? by.token : null });
  }

  function hearWhatWasMissed(member: Member) {
    for (const group of logs.values()) {
      for (let missed = group.entries.length; missed > 0; missed--) after(10, () => hear(member, group));
    }
  }

  function tell(member: Member, event: SagaEvent) {
    if (!member.alive) return;
    const actions = member.runtime.handle(event, { monotonic: world.now, wall: wallAt(world.now) });
    const { runtime } = member;
    for (const action of actions) act(member, runtime, action);
  }

  function act(member: Member, runtime: SagaRuntime, action: SagaAction) {
    /** Of a process that is gone nothing comes any more. */
    const answer = (ms: number, event: SagaEvent) => after(ms, () => member.runtime === runtime && tell(member, event));
    if (action.kind === "push") {
      if (!world.takes(member, action)) return void answer(1, { kind: "refused", token: action.token });
      const group = logs.get(toHex(action.group))!;
      const push = () =>
        void after(20, () =>
          makeFinal(group, { ...action, issuer: member.avatar, by: { runtime, token: action.token } }),
        );
      if (member.connected) push();
      else member.held.push(push);
    }
    if (action.kind === "run") {
      world.runs.push({ member: member.name, run: action.what });
      const result = plan.behaviors[action.what.behavior.name]!(action.what, world);
      answer(plan.takes ?? 5, { kind: "result", run: action.run, result });
    }
    if (action.kind === "act") {
      for (const { operation } of action.operations) {
        const what = decodeText(operation);
        member.acts.push(what);
        const outcome = world.acts(member, what);
        if (outcome !== undefined)
          answer(5, { kind: "acted", run: action.run, outcome, error: outcome === "done" ? "" : "it jams" });
      }
    }
    if (action.kind === "wake") member.wake = action.at;
  }

  for (const name of plan.members ?? ["ada", "bea", "cyd"]) {
    members.set(name, {
      ...{ name, avatar: avatarOf(name), runtime: createRuntime(name), alive: true, connected: true },
      ...{ wake: Number.POSITIVE_INFINITY, heard: [], acts: [], held: [] },
    });
  }
  for (const member of members.values()) tell(member, { kind: "boot" });
  return world;
}
