import { describe, expect, it } from "vitest";
import { ample } from "../../firmware/core/bounds";
import type { Action, Event } from "../../firmware/core/events";
import { avatarSeed } from "../../firmware/core/identity/avatar";
import { worldTag } from "../../firmware/core/identity/world";
import { createParticipant, type Participant } from "../../firmware/core/participant";
import { type Conductor, createConductor, finalEntries, type Order } from "../../firmware/core/saga/conductor";
import type { Run } from "../../firmware/core/saga/events";
import { decodeState, type SagaState } from "../../firmware/core/saga/state";
import { fromHex, toHex } from "../../firmware/core/wire/bytes";
import { encodeText } from "../../firmware/core/wire/text";
import { cheapCrypto } from "../core/cheap-crypto";
import { done, entryOf, type Plan, provisionOf, stateIn } from "./world";

/** Saga runtimes over real participants: entries and saga states become final by metablocks of all three, as any others do. */

const crypto = cheapCrypto();
const worldId = new Uint8Array(32).fill(7);
const names = ["ada", "bea", "cyd"];
const seedOf = (name: string) => crypto.sha256(encodeText(name));
const avatarOf = (name: string) => crypto.signer(avatarSeed(crypto, seedOf(name), worldId)).publicKey;

interface Member {
  readonly name: string;
  readonly participant: Participant;
  readonly conductor: Conductor;
  readonly states: SagaState[];
  readonly runs: Run[];
  readonly wakes: { participant: number; conductor: number };
}

function worldOf(plan: Plan) {
  const avatars = names.map(avatarOf);
  const provision = provisionOf(plan, avatars);
  const groups = new Map([...provision.names].map(([key, name]) => [name, key]));
  const queue: { readonly at: number; readonly does: () => void }[] = [];
  const after = (ms: number, does: () => void) => queue.push({ at: now + ms, does });
  let now = 0;
  const time = () => ({ monotonic: now, wall: 1_700_000_000_000 + now });
  const world = { worldId, stewards: [], pacts: provision.pacts, groups: provision.groups, readings: [] };
  const members = names.map((name, index): Member => {
    const participant = createParticipant({ crypto, seed: seedOf(name), worlds: [world], bounds: ample, records: [] });
    const options = { crypto, world: toHex(worldTag(crypto, worldId)), avatar: avatars[index]! };
    const conductor = createConductor({
      ...options,
      provision,
      published: new Map(),
      lease: 10_000,
      lane: 0,
      hasSource: () => true,
      room: Number.POSITIVE_INFINITY,
      kept: { snapshot: null, waits: null },
    });
    const wakes = { participant: Number.POSITIVE_INFINITY, conductor: Number.POSITIVE_INFINITY };
    return { name, participant, conductor, states: [], runs: [], wakes };
  });
  const tag = members[0]!.participant.avatars()[0]!.world;

  function tell(member: Member, event: Event) {
    for (const action of member.participant.handle(event, time())) follow(member, action);
  }

  function follow(member: Member, action: Action) {
    // A peer has the number of its place among the members.
    if (action.kind === "send") {
      const other = members[action.peer]!;
      after(10, () => tell(other, { kind: "message", peer: members.indexOf(member), bytes: action.bytes }));
    } else if (action.kind === "wake") member.wakes.participant = action.at;
    else if (action.kind === "final" && provision.names.get(toHex(action.block.group)) === "states") {
      member.states.push(...finalEntries(action.block).map(({ entry }) => decodeState(entry)));
    }
    for (const order of member.conductor.take(action, time())) obey(member, order);
  }

  function obey(member: Member, order: Order) {
    if (order.kind === "push") after(0, () => tell(member, order.event));
    else if (order.kind === "run") {
      member.runs.push(order.what);
      const result = plan.behaviors[order.what.behavior.name]!(order.what, undefined as never);
      after(5, () => conduct(member, { kind: "result", run: order.run, result }));
    } else if (order.kind === "wake") member.wakes.conductor = order.at;
  }

  function conduct(member: Member, event: Parameters<Conductor["handle"]>[0]) {
    for (const order of member.conductor.handle(event, time())) obey(member, order);
  }

  function wake(member: Member) {
    const { wakes } = member;
    if (wakes.participant <= now) {
      wakes.participant = Number.POSITIVE_INFINITY;
      tell(member, { kind: "alarm" });
    }
    if (wakes.conductor <= now) {
      wakes.conductor = Number.POSITIVE_INFINITY;
      conduct(member, { kind: "alarm" });
    }
  }

  for (const member of members) {
    tell(member, { kind: "boot" });
    conduct(member, { kind: "boot" });
  }
  for (const member of members) {
    for (const [peer, avatar] of avatars.entries()) {
      if (members[peer] !== member) tell(member, { kind: "connected", world: tag, peer, avatar });
    }
  }
  return {
    members,
    push(pact: string, order: number, amount: number) {
      const key = groups.get(pact)!;
      const group = fromHex(key);
      tell(members[0]!, {
        kind: "push",
        world: tag,
        group,
        entry: entryOf(pact, [order, amount]).entry,
        id: null,
        token: 1,
      });
    },
    run(until: number) {
      for (;;) {
        const wakes = members.map(({ wakes: { participant, conductor } }) => Math.min(participant, conductor));
        const next = Math.min(...queue.map(({ at }) => at), ...wakes);
        if (next > until) break;
        now = Math.max(now, next);
        queue.sort((a, b) => a.at - b.at);
        if (queue.length > 0 && queue[0]!.at <= now) queue.shift()!.does();
        else for (const member of members) wake(member);
      }
      now = until;
    },
  };
}

describe("a saga over participants that agree", () => {
  it("claim 1: its states become final by metablocks as its entries do, and all participants hold the same", () => {
    const { members, push, run } = worldOf({
      pacts: ["order", "answer"],
      stages: [
        { behavior: "ask", consumes: "order" },
        { behavior: "note", consumes: "answer", correlate: ["order"] },
      ],
      behaviors: {
        ask: (each) => done({ asked: each.entry!.values[1] }),
        note: (each) => done({ ...(stateIn(each) as object), answered: each.entry!.values[1] }),
      },
    });
    push("order", 7, 50);
    run(20_000);
    for (const { states } of members)
      expect(states.map(({ stage, status }) => `${stage} ${status}`)).toEqual(["0 done"]);
    push("answer", 7, 1);
    run(40_000);
    const [first, ...others] = members;
    expect(first!.states.map(({ state }) => stateIn({ state } as never))).toEqual([
      { asked: 50 },
      { asked: 50, answered: 1 },
    ]);
    for (const other of others) expect(other.states).toEqual(first!.states);
    // Each stage ran once, by whoever had the turn: nobody's lease ran out.
    expect(members.reduce((sum, { runs }) => sum + runs.length, 0)).toBe(2);
    for (const { conductor } of members) {
      for (const { invocations } of conductor.ledger.books.values()) expect(invocations.size).toBe(0);
    }
  });
});
