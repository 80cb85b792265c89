import { describe, expect, it } from "vitest";
import { encodeDefinition } from "../../firmware/core/definitions/definition";
import { isExpelled } from "../../firmware/core/identity/membership";
import { syncGroupId } from "../../firmware/core/pact/pact";
import { equal } from "../../firmware/core/wire/bytes";
import { decodeMessage, encodeMessage } from "../../firmware/core/wire/messages";
import { decodeFinalityProof } from "../../firmware/core/wire/proofs";
import { decodeBlockHeader } from "../../firmware/core/wire/structures";
import { cheapCrypto } from "../core/cheap-crypto";
import { createNetwork, type Network, worldId } from "../core/network";
import type { GroupPlan } from "../core/plan";
import { expulsion } from "../core/sessions";
import { toyCurves } from "../link/toy-curves";
import { type Draw, seeded, some } from "./random";

/**
 * Worlds in which stewards expel members while links fail, members lose power, sleep through epochs and hear of them late. Who was expelled goes on knocking, asks for all that there
 * is, under its own name and under one that it makes, and forges expulsions. It learns nothing that became final after its expulsion was final
 * where it asks; all others end in the last epoch, with all that was sealed.
 */

const { x25519Public, x25519 } = toyCurves();
const crypto = { ...cheapCrypto(), x25519Public, x25519 };
const boards = ["b1", "b2", "b3", "b4", "b5", "b6"];
/** Whom anybody can make who holds the World id: it has the keys of whoever was expelled. */
const stranger = "stranger";

interface Expelling {
  readonly network: Network;
  readonly gateways: readonly string[];
  readonly groups: GroupPlan[];
  /** Whom a steward tried to expel, in that order. */
  readonly asked: string[];
  readonly wrong: string[];
}

/** A gateway, or four of whom three must agree on what is defined, each with cables to all boards, which share some of their own. */
function createWorld(stewards: number): Expelling {
  const gateways = Array.from({ length: stewards }, (_, index) => `g${index}`);
  const members = [...gateways, ...boards, stranger];
  const network = createNetwork({ crypto, members, groups: [], stewards: gateways, strangers: [stranger], links: [] });
  const world: Expelling = { network, gateways, groups: [], asked: [], wrong: [] };
  for (const [one, other] of cables(world)) network.connect(one, other);
  network.filter = (from, to, bytes) => {
    watch(world, from, to, bytes);
    return true;
  };
  network.run(1_000);
  return world;
}

function cables({ gateways }: Expelling): (readonly [string, string])[] {
  const between = gateways.flatMap((one, index) => gateways.slice(index + 1).map((other) => [one, other] as const));
  const hub = gateways.flatMap((gateway) => [...boards, stranger].map((board) => [gateway, board] as const));
  return [...between, ...hub, ["b1", "b2"], ["b3", "b4"], ["b5", "b6"], ["b2", stranger]];
}

function membershipOf({ network }: Expelling, name: string) {
  return network.members.get(name)!.participant.membership(network.tag);
}

/** Whether this one is kept out, as far as the other has heard. */
function isOut(world: Expelling, by: string, name: string): boolean {
  const membership = membershipOf(world, by);
  const { avatar } = world.network.members.get(name)!;
  return isExpelled(membership, avatar) || (name === stranger && membership.epoch > 0);
}

/** Nothing goes to who is expelled; and in a session of an earlier epoch, as a stranger's is until its link has heard of it, definitions alone. */
function watch(world: Expelling, from: string, to: string, bytes: Uint8Array): void {
  const { network, wrong } = world;
  const membership = membershipOf(world, from);
  if (isExpelled(membership, network.members.get(to)!.avatar))
    wrong.push(`${from} said something to ${to}, which it knows to be expelled`);
  if (network.epochOf(from, to) >= membership.epoch) return;
  const message = decodeMessage(bytes);
  const definitions = network.groups.get("definitions")!;
  const group =
    message.type === "proof"
      ? syncGroupId(crypto, decodeFinalityProof(message.proof).group)
      : message.type === "block" || message.type === "header"
        ? decodeBlockHeader(message.header).group
        : definitions;
  if (message.type === "chunk" || !equal(group, definitions))
    wrong.push(`${from} gave ${to} a ${message.type} in a session of an earlier epoch`);
}

function alive({ network }: Expelling, name: string): boolean {
  return network.members.get(name)!.alive;
}

function connect(world: Expelling, one: string, other: string): void {
  const { network } = world;
  if (!alive(world, one) || !alive(world, other)) return;
  network.disconnect(one, other);
  network.connect(one, other);
}

function revive(world: Expelling, name: string): void {
  world.network.boot(name);
  for (const [one, other] of cables(world)) if (one === name || other === name) connect(world, one, other);
}

/** Whom nobody has tried to expel: these share groups, so that those go on. */
function kept({ asked }: Expelling): string[] {
  return boards.filter((name) => !asked.includes(name));
}

function expel(world: Expelling, draw: Draw): void {
  const { network, gateways, asked, groups } = world;
  const steward = draw.one(gateways);
  const owners = new Set(groups.flatMap((group) => group.owners));
  const free = kept(world).filter((name) => !owners.has(name));
  if (!alive(world, steward) || asked.length > 2 || free.length === 0) return;
  const name = draw.one(free);
  asked.push(name);
  network.expel(steward, name);
  // Two at the same time, now and then: the one that is final first counts.
  const [other, another] = [draw.one(gateways), draw.one(free)];
  if (other === steward || !alive(world, other) || draw.chance(0.5)) return;
  asked.push(another);
  network.expel(other, another);
}

/** As who has been expelled, or is about to be: it knocks, greets, asks for all, and says that others are expelled. */
function harass(world: Expelling, draw: Draw): void {
  const { network, gateways, asked } = world;
  const liar = draw.one([...asked, stranger]);
  const to = draw.one([...gateways, ...boards]);
  if (liar === to || !alive(world, to) || !alive(world, liar)) return;
  connect(world, liar, to);
  const all = [...network.groups.values()];
  const forged = expulsion(crypto, worldId, network.members.get(to)!.avatar, 1 + draw.below(3), [
    network.members.get(liar)!,
  ]);
  network.inject(to, liar, encodeMessage({ type: "hello", capabilities: [], groups: all, epoch: 9 }));
  for (const group of all) network.inject(to, liar, encodeMessage({ type: "pull", group, from: 0 }));
  for (const each of forged) {
    const entry = encodeDefinition(each);
    const about = { world: network.tag, group: network.groups.get("definitions")!, id: null, token: 1 };
    network.give(liar, { kind: "push", ...about, entry });
  }
}

function step(world: Expelling, draw: Draw, number: number): void {
  const { network, gateways, groups } = world;
  const all = [...gateways, ...boards];
  const what = draw.below(12);
  if (what < 2 && groups.length < 8) {
    const steward = draw.one(gateways);
    const candidates = kept(world);
    if (alive(world, steward) && candidates.length > 1) {
      const owners = [draw.one(gateways), ...some(draw, candidates.slice(0, 3), 2)];
      const plan = { name: `group${groups.length}`, owners, policy: { quorum: "two-thirds" } } as const;
      groups.push(plan);
      network.define(
        steward,
        plan,
        gateways.filter((name) => !owners.includes(name)),
      );
    }
  } else if (what < 6) {
    const plan = groups.length === 0 ? undefined : draw.one(groups);
    const writer = plan && draw.one(plan.owners);
    if (plan && writer && alive(world, writer)) network.push(writer, plan.name, 1_000 + number);
  } else if (what === 6) expel(world, draw);
  else if (what === 7) {
    const up = all.filter((name) => alive(world, name));
    if (up.length > 4) network.crash(draw.one(up));
  } else if (what === 8) {
    for (const name of all) if (!alive(world, name) && draw.chance(0.4)) revive(world, name);
  } else if (what === 9) {
    const [one, other] = draw.one(cables(world));
    if (draw.chance(0.5)) network.disconnect(one, other);
    else connect(world, one, other);
  } else harass(world, draw);
  network.renewedAfter = draw.below(400);
  network.run(network.now + draw.below(1_200));
}

function heal(world: Expelling): void {
  const { network, gateways } = world;
  for (const name of [...gateways, ...boards]) if (!alive(world, name)) revive(world, name);
  for (const [one, other] of cables(world)) connect(world, one, other);
  network.run(network.now + 120_000);
}

function faultsOf(world: Expelling): string[] {
  const { network, gateways, groups, asked, wrong } = world;
  const faults = [...wrong];
  const expelled = boards.filter((name) => isOut(world, gateways[0]!, name));
  const { epoch } = membershipOf(world, gateways[0]!);
  for (const name of expelled) {
    if (!asked.includes(name)) faults.push(`${name} is expelled, and no steward asked for that`);
    const { keyed } = membershipOf(world, name);
    if (keyed >= epoch) faults.push(`${name} has the key of epoch ${keyed}, and was expelled by ${epoch}`);
  }
  // They may have each other.
  const out = [...expelled, ...(epoch > 0 ? [stranger] : [])];
  for (const name of out) {
    const neighbours = [...network.members.get(name)!.peers.values()].filter((other) => !out.includes(other));
    if (neighbours.length > 0) faults.push(`${name} has neighbours: ${neighbours}`);
  }
  for (const name of [...gateways, ...boards]) {
    const { keyed, counted } = membershipOf(world, name);
    if (!expelled.includes(name) && (keyed !== epoch || counted !== epoch))
      faults.push(`${name} is in epoch ${keyed} of ${counted}, and others in ${epoch}`);
  }
  for (const { name, owners } of groups) {
    const order = network.entriesOf(owners[0]!, name);
    for (const other of owners) {
      if (network.entriesOf(other, name).join() !== order.join()) faults.push(`${other} has other entries in ${name}`);
      const id = network.groups.get(name)!;
      const sealed = network.members.get(other)!.sealed.filter(({ group }) => equal(group, id));
      const lost = sealed.flatMap(({ tokens }) => tokens).filter((token) => !order.includes(token));
      if (lost.length > 0) faults.push(`${other} sealed ${lost} in ${name}, and they are not final`);
    }
  }
  for (const name of [...gateways, ...boards].filter((each) => !asked.includes(each))) {
    const told = network.members.get(name)!.notices.map(({ error }) => error.code);
    const strange = told.filter((code) => !["block-writer", "follower-refused"].includes(code));
    if (strange.length > 0) faults.push(`${name} told ${strange}`);
  }
  return faults;
}

describe("a world that expels members while links fail, members sleep, and those who are out go on knocking", () => {
  for (const stewards of [1, 4]) {
    for (const seed of stewards === 1 ? [1, 2, 3, 4, 6, 7, 8] : [1, 5, 7]) {
      it(`with ${stewards === 1 ? "one steward" : "four stewards"} keeps its promises: seed ${seed}`, () => {
        const world = createWorld(stewards);
        const draw = seeded(seed);
        for (let number = 0; number < 80; number++) step(world, draw, number);
        heal(world);
        expect(faultsOf(world)).toEqual([]);
        expect([world.groups.length > 1, membershipOf(world, "g0").epoch > 0]).toEqual([true, true]);
      }, 60_000);
    }
  }
});
