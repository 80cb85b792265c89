import { decodeFinalRecord } from "../../firmware/core/block/final-record";
import type { Action } from "../../firmware/core/events";
import { encodeEntry } from "../../firmware/core/pact/entry";
import { type Conductor, createConductor, type Order } from "../../firmware/core/saga/conductor";
import type { Outcome } from "../../firmware/core/saga/events";
import { decodeState } from "../../firmware/core/saga/state";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import { hash } from "../../firmware/core/wire/hash";
import { decodeFinalityProof } from "../../firmware/core/wire/proofs";
import { decodeBlockHeader } from "../../firmware/core/wire/structures";
import { behave, servo } from "./behaviors";
import { orderFields } from "./pacts";
import { type Draw, seeded } from "./random";
import type { SagasPlan } from "./saga-plan";
import { type DefinedSagas, defineSagas } from "./saga-provision";
import { type Group, give, losePower, type Member, timeOf, type World, whenIsIt } from "./world";

/** The conductors of a world beside its participants, the behaviors that they run, and a servo that remembers who moved it. */
export interface Sagas extends DefinedSagas {
  readonly plan: SagasPlan;
  readonly acts: readonly Act[];
  conductorOf(member: Member): Conductor | undefined;
  /** Before its participant starts: what the store holds is final. */
  load(member: Member): void;
  /** After its participant started. */
  start(member: Member): void;
  /** It was asleep, and what came meanwhile comes now. */
  awake(member: Member): void;
  /** Its participant asked this of its driver. */
  take(member: Member, action: Action): void;
  /** The member has a servo from its next start on, or has none. */
  equip(name: string, able: boolean): void;
  /** Members that have something else than what they told when they started. */
  changed(): readonly Member[];
  /** A person wants one of the invocations that this member knows of to end. */
  cancel(member: Member, which: number): void;
  /** Starts of members that had invocations under way. */
  restarts(): number;
  /** Starts from a snapshot. */
  resumed(): number;
  /** After the faults all invocations came to their end. */
  healed(): void;
  allEnded(): boolean;
  enter(member: Member, group: Group, order: number, amount: number): void;
}

/** One movement of the servo. */
export interface Act {
  readonly member: string;
  /** The bytes of the operation in hex. */
  readonly operation: string;
  readonly outcome: Outcome;
  /** When it was asked for, ms. */
  readonly at: number;
}

interface Conducting {
  readonly conductor: Conductor;
  readonly able: boolean;
  /** Raised by each wish for an alarm, so that earlier ones are void. */
  wishes: number;
  /** What came while the member was asleep. */
  readonly held: (() => void)[];
}

/** `isolate` takes all links from a member for so many ms. */
export function createSagas(world: World, plan: SagasPlan, isolate: (member: Member, length: number) => void): Sagas {
  const draw = seeded(world.plan.seed ^ 0xac7);
  const defined = defineSagas(world, plan.sagas);
  const conducting = new Map<string, Conducting>();
  const able = new Set(plan.able);
  const acts: Act[] = [];
  /** Snapshots, which outlive a loss of power. */
  const kept = new Map<string, Uint8Array>();
  /** So does how long something has waited, on boards and gateways. */
  const keptWaits = new Map<string, Uint8Array>();
  let hasBefallen = false;
  let restarts = 0;
  let resumed = 0;
  let ended = false;

  /** In so many ms, if the member has not lost its power until then. */
  function later(member: Member, ms: number, happen: () => void): void {
    const now = conducting.get(member.name);
    world.schedule.at(world.schedule.now() + ms, () => {
      if (now === undefined || conducting.get(member.name) !== now || member.participant === undefined) return;
      if (member.asleep) now.held.push(happen);
      else happen();
    });
  }

  function handle(member: Member, event: Parameters<Conductor["handle"]>[0]): void {
    const { conductor } = conducting.get(member.name)!;
    perform(member, conductor.handle(event, timeOf(world, member)));
  }

  /** The power can fail between any two of them. */
  function perform(member: Member, orders: readonly Order[]): void {
    for (const order of orders) {
      if (member.participant === undefined) return;
      if (member.fuse !== null && --member.fuse.left < 0) {
        losePower(world, member);
        return;
      }
      world.watcher.ordered(member, order);
      follow(member, order);
    }
  }

  /** Once, and not any more when faults have ended. */
  function befalls(mishap: SagasPlan["mishap"]): boolean {
    if (plan.mishap !== mishap || hasBefallen || world.schedule.now() >= world.plan.length) return false;
    hasBefallen = true;
    return true;
  }

  function follow(member: Member, order: Order): void {
    switch (order.kind) {
      case "push":
        give(world, member, order.event);
        if (isIntent(world, order.event) && befalls("cut off")) {
          later(member, draw.below(1_000), () => isolate(member, plan.lease * (2 + draw.below(10))));
        }
        break;
      case "run": {
        const result = behave(plan.sagas, defined.pacts, order.what);
        later(member, 1 + draw.below(plan.takes), () => handle(member, { kind: "result", run: order.run, result }));
        break;
      }
      case "act": {
        const at = world.schedule.now();
        // The power can fail before the movement, and between it and its answer.
        later(member, draw.below(plan.takes), () => {
          const event = moved(member, order, at);
          later(member, 1 + draw.below(plan.takes), () => handle(member, event));
        });
        break;
      }
      case "wake": {
        const now = conducting.get(member.name)!;
        const wish = ++now.wishes;
        const at = Math.max(world.schedule.now(), whenIsIt(world, member, order.at));
        later(member, at - world.schedule.now(), () => {
          if (wish === now.wishes) handle(member, { kind: "alarm" });
        });
        break;
      }
      case "keep":
        if (order.what === "waits") keptWaits.set(member.name, order.bytes);
        else if (plan.boards.includes(member.name)) kept.set(member.name, order.bytes);
        break;
      case "notice":
        break;
    }
  }

  /** Does the operations now; what came of them is told later. */
  function moved(member: Member, { run, operations }: Extract<Order, { kind: "act" }>, at: number) {
    const outcome = drawOutcome(draw);
    for (const { operation } of operations)
      acts.push({ member: member.name, operation: toHex(operation), outcome, at });
    if (befalls("gone")) {
      member.vanished = true;
      losePower(world, member);
    }
    return { kind: "acted", run, outcome, error: outcome === "done" ? "" : "it jams" } as const;
  }

  return {
    ...{ ...defined, plan, acts },
    conductorOf: (member) => conducting.get(member.name)?.conductor,
    load(member) {
      if (!plan.conductors.includes(member.name)) return;
      const { crypto, tag } = world;
      const has = able.has(member.name);
      const snapshot = kept.get(member.name) ?? null;
      const waits = keptWaits.get(member.name) ?? null;
      const conductor = createConductor({
        ...{
          crypto,
          world: tag,
          avatar: member.avatar,
          provision: defined.provision,
          lease: plan.lease,
          lane: 0,
          hasSource: () => true,
          room: Number.POSITIVE_INFINITY,
        },
        kept: { snapshot, waits },
        published: new Map(has ? [[servo, 1]] : []),
      });
      if (snapshot !== null) resumed++;
      conducting.set(member.name, { conductor, able: has, wishes: 0, held: [] });
      const groups = [...world.groups.values()].filter(({ holds }) => holds !== undefined);
      // Groups have no order among each other.
      while (groups.length > 0) {
        const [group] = groups.splice(draw.below(groups.length), 1);
        for (const block of finalBlocks(world, member, group!)) {
          if (block.firstEntry + block.count <= conductor.needed(group!.id)) continue;
          perform(member, conductor.take({ kind: "final", block }, timeOf(world, member)));
        }
      }
    },
    start(member) {
      const { conductor } = conducting.get(member.name) ?? {};
      if (conductor === undefined || member.participant === undefined) return;
      if ([...conductor.ledger.books.values()].some(({ invocations }) => invocations.size > 0)) restarts++;
      handle(member, { kind: "boot" });
    },
    awake(member) {
      for (const happen of conducting.get(member.name)?.held.splice(0) ?? []) {
        if (member.participant !== undefined) happen();
      }
    },
    take(member, action) {
      const { conductor } = conducting.get(member.name) ?? {};
      if (conductor !== undefined) perform(member, conductor.take(action, timeOf(world, member)));
    },
    equip(name, has) {
      if (has) able.add(name);
      else able.delete(name);
    },
    changed: () =>
      [...conducting].flatMap(([name, now]) => (now.able === able.has(name) ? [] : [world.members.get(name)!])),
    cancel(member, which) {
      const { conductor } = conducting.get(member.name)!;
      const known = [...conductor.ledger.books.values()].flatMap(({ invocations }) => [...invocations.values()]);
      const chosen = known[which % known.length];
      if (chosen !== undefined) handle(member, { kind: "cancel", invocation: chosen.id, reason: "as a person wishes" });
    },
    restarts: () => restarts,
    resumed: () => resumed,
    healed() {
      ended = true;
    },
    allEnded: () => ended,
    enter(member, group, order, amount) {
      const entry = encodeEntry(orderFields, [order, amount], group.pact.policy);
      give(world, member, { kind: "push", world: world.tag, group: group.id, entry, id: null, token: order });
    },
  };
}

function isIntent({ groups }: World, { group, entry }: Extract<Order, { kind: "push" }>["event"]): boolean {
  const { holds } = [...groups.values()].find(({ id }) => equal(id, group))!;
  return holds === "states" && decodeState(entry).status === "intent";
}

function drawOutcome(draw: Draw): Outcome {
  return draw.one(["done", "done", "done", "refused", "unknown"]);
}

/** The final blocks of a group in a member's store, as its participant told them. */
export function finalBlocks({ crypto, tag }: World, member: Member, group: Group) {
  const blocks = [];
  const records = member.store.records();
  for (let position = 0; ; position++) {
    const stored = records.get(`final/${tag}/${group.key}/${String(position).padStart(12, "0")}`);
    if (stored === undefined) return blocks;
    const { firstEntry, count, proof, entries, repeats } = decodeFinalRecord(stored);
    const { blockHeader } = decodeFinalityProof(proof);
    const { issuer, counter, time } = decodeBlockHeader(blockHeader);
    const block = hash(crypto, "block", blockHeader);
    const told = { position, firstEntry, issuer, counter, time, block, count, entries, repeats };
    blocks.push({ world: tag, group: group.id, ...told });
  }
}
