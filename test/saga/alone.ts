import { syncGroupId } from "../../firmware/core/pact/pact";
import { withId } from "../../firmware/core/pact/produced";
import { type Conductor, createConductor, type Order } from "../../firmware/core/saga/conductor";
import type { SagaProvision } from "../../firmware/core/saga/definitions";
import { toHex } from "../../firmware/core/wire/bytes";
import { type Block, tailOf } from "./conductors";
import { avatarOf, crypto, done, entryOf, failed, type Plan, provisionOf, stateIn } from "./world";

/** A conductor whose participant is alone in its world. */

/** An invocation counts one more, by an entry that its first stage produces; number 13 never. */
export const counting: Plan = {
  pacts: ["order", "answer", "other"],
  stages: [
    { behavior: "ask", consumes: "order", produces: ["answer"] },
    { behavior: "count", consumes: "answer" },
  ],
  behaviors: {
    ask: (run) => done(stateIn(run) ?? 0, ["answer", Number(run.entry!.values[0]), 1]),
    count: (run) => (run.entry!.values[0] === 13 ? failed("no") : done(Number(stateIn(run)) + 1)),
  },
  reach: "saga",
};
export const countingByKey: Plan = { ...counting, reach: "key", key: "order" };

export const now = { monotonic: 0, wall: 0 };

/** One participant that owns all groups: what it pushes is final at once. */
export function alone(plan: Plan, told: SagaProvision = provisionOf(plan, [avatarOf("ada")])) {
  const names = new Map([...provisionOf(plan, [avatarOf("ada")]).names].map(([key, name]) => [name, key]));
  const ids = told.groups.map((bytes) => syncGroupId(crypto, bytes));
  const groups = new Map(ids.map((id) => [toHex(id), id]));
  const blocks: Block[] = [];
  const next = new Map<string, number>();
  const waiting: (() => readonly Order[])[] = [];
  const found = {
    conductor: start(told, null),
    told,
    blocks,
    kept: [] as Uint8Array[],
    notices: [] as string[],
    runs: 0,
    /** An entry of a block of its own. */
    push(pact: string, ...values: readonly [number, number]) {
      const { entry } = entryOf(pact, values);
      final(names.get(pact)!, entry);
      settle();
    },
    final,
    /** From what it kept last, and the last blocks of each group. */
    restart(tail: number, provision: SagaProvision = told) {
      const { kept } = found;
      found.conductor = start(provision, kept.at(-1) ?? null);
      for (const block of tailOf(blocks, tail)) {
        waiting.push(() => found.conductor.take({ kind: "final", block }, now));
      }
      waiting.push(() => found.conductor.handle({ kind: "boot" }, now));
      settle();
    },
  };

  function final(key: string, entry: Uint8Array) {
    const group = groups.get(key)!;
    const firstEntry = next.get(key) ?? 0;
    next.set(key, firstEntry + 1);
    const block = { group, firstEntry, issuer: avatarOf("ada"), entries: [entry], repeats: [] };
    blocks.push(block);
    waiting.push(() => found.conductor.take({ kind: "final", block }, now));
  }

  function settle() {
    for (let each = waiting.shift(); each !== undefined; each = waiting.shift()) {
      for (const order of each()) {
        if (order.kind === "keep" && order.what === "snapshot") found.kept.push(order.bytes);
        if (order.kind === "notice") found.notices.push(`${order.error.code}: ${order.error.message}`);
        if (order.kind === "push") final(toHex(order.event.group), withId(order.event));
        if (order.kind !== "run") continue;
        found.runs++;
        const result = plan.behaviors[order.what.behavior.name]!(order.what, undefined as never);
        waiting.push(() => found.conductor.handle({ kind: "result", run: order.run, result }, now));
      }
    }
  }

  waiting.push(() => found.conductor.handle({ kind: "boot" }, now));
  settle();
  return found;
}

export function start(provision: SagaProvision, snapshot: Uint8Array | null): Conductor {
  const options = {
    crypto,
    world: "00",
    avatar: avatarOf("ada"),
    published: new Map(),
    lease: 1000,
    lane: 0,
    hasSource: () => true,
    room: Number.POSITIVE_INFINITY,
  };
  return createConductor({ ...options, provision, kept: { snapshot, waits: null } });
}
