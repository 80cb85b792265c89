import { capabilitiesPact } from "../../firmware/core/capability/published";
import { encodePact, syncGroupId } from "../../firmware/core/pact/pact";
import { readProduced, withId } from "../../firmware/core/pact/produced";
import { type Conductor, createConductor, type Order, type ToldFinal } from "../../firmware/core/saga/conductor";
import type { SagaProvision } from "../../firmware/core/saga/definitions";
import type { Invocation } from "../../firmware/core/saga/invocation";
import type { Book, Ledger } from "../../firmware/core/saga/ledger";
import { compare, toHex } from "../../firmware/core/wire/bytes";
import { encodeSyncGroup } from "../../firmware/core/wire/structures";
import { encodeText } from "../../firmware/core/wire/text";
import type { Draw } from "../sim/random";
import { avatarOf, crypto, entryOf, idOf, type Plan, provisionOf } from "./world";

/**
 * Conductors beside each other in virtual time. What they push becomes final in blocks, in one order for each group; each hears of
 * it when it happens to, and starts again from what it kept and the last blocks of each group.
 */

export type Block = ToldFinal["block"];

export const lease = 1000;
const names = ["ada", "bea", "cyd"];
const avatars = names.map(avatarOf);

export interface Member {
  readonly name: string;
  conductor: Conductor;
  readonly heard: Block[];
  /** How many blocks of each group it heard of. */
  readonly heardOf: Map<string, number>;
  readonly kept: Uint8Array[];
  waits: Uint8Array | null;
  /** When its monotonic clock began. */
  bootedAt: number;
  away: boolean;
  readonly notices: string[];
  wake: number;
}

interface Pushed {
  readonly entry: Uint8Array;
  readonly token: number;
  /** null for one from outside. */
  readonly by: Conductor | null;
}

/** Definitions of a plan, with the group in which participants tell what they can do. */
export function definitionsOf(plan: Plan): SagaProvision & { readonly names: ReadonlyMap<string, string> } {
  const provision = provisionOf(plan, avatars);
  const pact = capabilitiesPact("two-thirds");
  const group = encodeSyncGroup({ pact: idOf(pact), owners: [...avatars].sort(compare) });
  const groups = [...provision.groups, group];
  const named = new Map([...provision.names, [toHex(syncGroupId(crypto, group)), "capabilities"]]);
  return { ...provision, pacts: [...provision.pacts, encodePact(pact)], groups, names: named };
}

export function conductorOf(
  provision: SagaProvision,
  name: string,
  snapshot: Uint8Array | null,
  waits: Uint8Array | null = null,
): Conductor {
  const published = new Map<string, number | string>(name === "cyd" ? [] : [["servo", 1]]);
  const kept = { snapshot, waits };
  return createConductor({
    crypto,
    world: "00",
    avatar: avatarOf(name),
    provision,
    published,
    lease,
    lane: 0,
    hasSource: () => true,
    room: Number.POSITIVE_INFINITY,
    kept,
  });
}

/** The last so many blocks of each group, in the order in which they came. */
export function tailOf(blocks: readonly Block[], most: number): Block[] {
  const counts = new Map<string, number>();
  const kept = [...blocks].reverse().filter(({ group }) => {
    const count = (counts.get(toHex(group)) ?? 0) + 1;
    counts.set(toHex(group), count);
    return count <= most;
  });
  return kept.reverse();
}

/** `wall` is what a wall clock shows at a time, 0 for none. */
export function createConductorWorld(
  plan: Plan,
  draw: Draw,
  tail: number,
  wall: (now: number) => number = (now) => 1_000_000 + now,
) {
  const provision = definitionsOf(plan);
  const groups = new Map([...provision.names].map(([key, name]) => [name, key]));
  const ids = new Map(provision.groups.map((bytes) => [toHex(syncGroupId(crypto, bytes)), syncGroupId(crypto, bytes)]));
  const blocks = new Map<string, Block[]>([...ids.keys()].map((key) => [key, []]));
  /** Ids that became final in any group; one is of one group. */
  const told = new Set<string>();
  const sealing = new Map<string, Pushed[]>();
  const queue: { readonly at: number; readonly order: number; readonly does: () => void }[] = [];
  let now = 0;
  let order = 0;
  const timeOf = ({ bootedAt }: Member) => ({ monotonic: now - bootedAt, wall: wall(now) });
  const finals: { readonly at: number; readonly group: string; readonly entry: Uint8Array }[] = [];
  const after = (ms: number, does: () => void) => queue.push({ at: now + ms, order: order++, does });

  /** In the next block of its issuer, with what else that has until then. */
  function seal(key: string, issuer: Uint8Array, pushed: Pushed) {
    const at = `${key} ${toHex(issuer)}`;
    const waiting = sealing.get(at) ?? [];
    waiting.push(pushed);
    sealing.set(at, waiting);
    if (waiting.length > 1) return;
    after(1 + draw.below(60), () => {
      sealing.delete(at);
      const block = crypto.sha256(encodeText(`block ${order}`));
      tellSealed(key, block, waiting);
      const entries = waiting.map(({ entry }) => entry);
      after(1, () => becomesFinal(key, issuer, block, entries));
    });
  }

  /** Unless who pushed has ended since: then it was sealed before the start, for all that it knows. */
  function tellSealed(key: string, block: Uint8Array, pushed: readonly Pushed[]) {
    const member = members.find(({ conductor }) => pushed.every((each) => each.by === conductor));
    if (member === undefined) return;
    const tokens = pushed.map(({ token }) => token);
    const sealed = { kind: "sealed", world: "00", group: ids.get(key)!, block, counter: 1, tokens } as const;
    obey(member, member.conductor.take(sealed, timeOf(member)));
  }

  function becomesFinal(key: string, issuer: Uint8Array, block: Uint8Array, entries: readonly Uint8Array[]) {
    const all = blocks.get(key)!;
    const repeats: number[] = [];
    for (const [index, entry] of entries.entries()) {
      const id = idText(entry);
      if (id !== "" && told.has(id)) repeats.push(index);
      told.add(id);
    }
    const last = all.at(-1);
    const firstEntry = last === undefined ? 0 : last.firstEntry + last.entries!.length;
    all.push({ group: ids.get(key)!, firstEntry, issuer, block, entries, repeats });
    for (const entry of entries) finals.push({ at: now, group: provision.names.get(key) ?? "capabilities", entry });
    for (const member of members) after(1 + draw.below(200), () => hear(member, key));
  }

  /** The next block of the group, wherever this one stands. */
  function hear(member: Member, key: string) {
    const next = blocks.get(key)![member.heardOf.get(key) ?? 0];
    if (next === undefined || member.away) return;
    member.heardOf.set(key, (member.heardOf.get(key) ?? 0) + 1);
    member.heard.push(next);
    obey(member, member.conductor.take({ kind: "final", block: next }, timeOf(member)));
  }

  function handle(member: Member, event: Parameters<Conductor["handle"]>[0]) {
    obey(member, member.conductor.handle(event, timeOf(member)));
  }

  function obey(member: Member, orders: readonly Order[]) {
    const { conductor } = member;
    /** Of what was under way before a restart nothing comes. */
    const later = (event: Parameters<Conductor["handle"]>[0]) =>
      after(1 + draw.below(50), () => member.conductor === conductor && handle(member, event));
    for (const each of orders) {
      if (each.kind === "keep" && each.what === "snapshot") member.kept.push(each.bytes);
      else if (each.kind === "keep") member.waits = each.bytes;
      else if (each.kind === "wake") member.wake = each.at + member.bootedAt;
      else if (each.kind === "notice") member.notices.push(`${each.error.code}: ${each.error.message}`);
      else if (each.kind === "push") {
        const { group, id, entry, token } = each.event;
        const pushed = { entry: withId({ id, entry }), token, by: conductor };
        after(1, () => seal(toHex(group), avatarOf(member.name), pushed));
      } else if (each.kind === "run") {
        const result = plan.behaviors[each.what.behavior.name]!(each.what, undefined as never);
        later({ kind: "result", run: each.run, result });
      } else later({ kind: "acted", run: each.run, outcome: draw.chance(0.8) ? "done" : "refused", error: "it jams" });
    }
  }

  const members: Member[] = names.map((name) => ({
    ...{ name, conductor: conductorOf(provision, name, null), heard: [], heardOf: new Map(), kept: [], notices: [] },
    ...{ waits: null, bootedAt: 0, away: false },
    wake: Number.POSITIVE_INFINITY,
  }));
  for (const member of members) handle(member, { kind: "boot" });

  return {
    provision,
    groups,
    members,
    push(pact: string, number: number, amount: number) {
      const { entry } = entryOf(pact, [number, amount]);
      seal(groups.get(pact)!, avatarOf("outside"), { entry, token: 0, by: null });
    },
    /** All that became final, in its order. */
    finals,
    /** Who issued the last entry of a group. */
    lastIssuer(name: string): Member {
      const { issuer } = blocks.get(groups.get(name)!)!.at(-1)!;
      return members.find((member) => toHex(avatarOf(member.name)) === toHex(issuer))!;
    },
    /** Until an entry of a group is final for which this holds. */
    runUntil(name: string, holds: (entry: Uint8Array) => boolean): number {
      for (;;) {
        const found = finals.find(({ group, entry }) => group === name && holds(entry));
        if (found !== undefined) return found.at;
        this.run(now + 1);
      }
    },
    /** Until it is restarted. */
    leave(member: Member) {
      member.away = true;
      member.wake = Number.POSITIVE_INFINITY;
      member.conductor = conductorOf(provision, member.name, null);
    },
    /** From what it kept last, and what its store has. */
    restart(member: Member, told: SagaProvision = provision) {
      member.away = false;
      member.bootedAt = now;
      member.wake = Number.POSITIVE_INFINITY;
      member.conductor = conductorOf(told, member.name, member.kept.at(-1) ?? null, member.waits);
      for (const block of tailOf(member.heard, tail)) {
        obey(member, member.conductor.take({ kind: "final", block }, timeOf(member)));
      }
      handle(member, { kind: "boot" });
      for (const [key, all] of blocks) {
        for (let missed = all.length - (member.heardOf.get(key) ?? 0); missed > 0; missed--)
          after(10, () => hear(member, key));
      }
    },
    run(until: number) {
      for (;;) {
        const next = Math.min(...queue.map(({ at }) => at), ...members.map(({ wake }) => wake));
        if (next > until) break;
        now = Math.max(now, next);
        queue.sort((a, b) => a.at - b.at || a.order - b.order);
        if (queue.length > 0 && queue[0]!.at <= now) {
          queue.shift()!.does();
          continue;
        }
        for (const member of members) {
          if (member.wake > now) continue;
          member.wake = Number.POSITIVE_INFINITY;
          handle(member, { kind: "alarm" });
        }
      }
      now = until;
    },
    underWay: () => members.map(({ conductor }) => [...conductor.ledger.books.values()][0]!.invocations.size),
  };
}

function idText(entry: Uint8Array): string {
  const { id } = readProduced(entry);
  return id === null ? "" : toHex(id);
}

/** All that a ledger says, in words that are the same for equal ones. */
export function describeLedger({ books, views }: Ledger): unknown {
  const keys = (entries: Iterable<{ readonly key: string }>) => [...entries].map(({ key }) => key);
  return {
    seen: [...views.seen].filter(([, seen]) => seen > 0).sort(),
    views: [...views.groups].map(([group, entries]) => [group, keys(entries)]).sort(),
    books: [...books.values()].map((book) => ({
      standsStill: book.standsStill,
      invocations: [...book.invocations.values()].map(describeInvocation),
      opened: [...book.opened.keys()],
      reaches: [...book.reaches.values()].flatMap(describeReach).sort(),
      tips: [...book.tips.keys()].sort(),
      unconsumed: [...book.unconsumed.keys()],
      taken: [...book.taken],
      causes: [...book.causes].map(([id, key]) => [id, book.invocations.has(key) ? key : "of one that has ended"]),
      backlog: keys(book.backlog),
    })),
  };
}

function describeInvocation({ key, saga, entry, next, head, consumed, before, steps, spent }: Invocation) {
  const own = new Set(steps.flatMap(({ produced }) => produced.map(toHex)));
  return {
    ...{ key, saga: saga.key, entry: entry.key, next, head: head && plain(head), consumed: consumed?.key ?? null },
    before: toHex(before),
    steps: steps.map((step) => plain({ ...step, consumed: step.consumed?.key ?? null })),
    spent: [...spent].filter((id) => own.has(id)).sort(),
  };
}

function describeReach({ key, tip, running, waiting }: Book["reaches"] extends Map<string, infer R> ? R : never) {
  if (tip === null && running === null && waiting.length === 0) return [];
  const last = tip === null ? "" : `${tip.key} ${toHex(tip.state.state)}`;
  return [`${key}: ${last}; ${running?.key}; ${waiting.map((each) => each.key).join(" ")}`];
}

/** What was asked, but for snapshots; when an entry came is nobody's business, and its pact follows from its group. */
export function describeOrders(orders: readonly Order[]): unknown[] {
  return orders.filter(({ kind }) => kind !== "keep").map(plain);
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value);
  if (value instanceof Error) return value.message;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([name]) => name !== "seenAt" && name !== "pact");
  return Object.fromEntries(entries.map(([name, each]) => [name, plain(each)]));
}
