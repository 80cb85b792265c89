import { describe, expect, it } from "vitest";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import { hash } from "../../firmware/core/wire/hash";
import { chunkBytes } from "../../firmware/core/wire/limits";
import { decodeMessage, encodeMessage } from "../../firmware/core/wire/messages";
import {
  decodeBlockHeader,
  decodeBlockReference,
  decodeMetablockHeader,
  encodeBlockHeader,
  entriesHash,
} from "../../firmware/core/wire/structures";
import { cheapCrypto } from "../core/cheap-crypto";
import { deploy, piecesHeld, putContent, sourceOf } from "../core/contents";
import { createForge } from "../core/forge";
import { createNetwork, type Network } from "../core/network";
import type { GroupPlan } from "../core/plan";
import { rowOf } from "../core/rows";
import { type Draw, seeded, some } from "./random";

/**
 * Worlds in which stewards define groups and deploy sagas while links fail, members lose power and sleep, and one who is no steward forges definitions. Nobody
 * may act in a group before its definition is final for it, and in the end all that was sealed is final once, in one order.
 */

const crypto = cheapCrypto();
const boards = ["b1", "b2", "b3", "b4", "b5"];
const liar = "b5";

interface Planned extends GroupPlan {
  /** The name of the first of those that it succeeds, of which its pact is. */
  readonly pact: string;
  readonly sealed: boolean;
}

interface Grown {
  readonly network: Network;
  readonly gateways: readonly string[];
  readonly groups: Planned[];
  /** Sagas that a steward tried to deploy, with the owners of their state groups and how many pieces their sources have. */
  readonly sagas: { readonly name: string; readonly group: string; readonly pieces: number }[];
  readonly wrong: string[];
}

/** A gateway, or three who must agree on what is defined, each with cables to all boards. */
function createWorld(stewards: number): Grown {
  const gateways = Array.from({ length: stewards }, (_, index) => `g${index}`);
  const links = [
    ...gateways.flatMap((one, index) => gateways.slice(index + 1).map((other) => [one, other] as const)),
    ...gateways.flatMap((gateway) => boards.map((board) => [gateway, board] as const)),
  ];
  const network = createNetwork({ crypto, members: [...gateways, ...boards], groups: [], stewards: gateways, links });
  const world = { network, gateways, groups: [], sagas: [], wrong: [] };
  network.filter = (from, _to, bytes) => {
    watch(world, from, bytes);
    return true;
  };
  network.run(1_000);
  return world;
}

/** What a member issues is of groups that were defined for it. */
function watch({ network, gateways, wrong }: Grown, from: string, bytes: Uint8Array): void {
  const member = network.members.get(from)!;
  const acts = (group: Uint8Array, what: string) => {
    const [name] = [...network.groups].find(([, id]) => equal(id, group)) ?? [toHex(group)];
    if (member.defined.includes(name) || (name === "definitions" && gateways.includes(from))) return;
    wrong.push(`${from} issued a ${what} of ${name}, which was not defined for it`);
  };
  const message = decodeMessage(bytes);
  if (message.type === "block" && equal(decodeBlockHeader(message.header).issuer, member.avatar)) {
    acts(decodeBlockHeader(message.header).group, "block");
  }
  if (message.type === "metablock" && equal(decodeMetablockHeader(message.header).issuer, member.avatar)) {
    for (const { bytes: reference } of message.references) acts(decodeBlockReference(reference).group, "metablock");
  }
}

/** A definition of a group with everyone, issued by who may not, said to each who hears it: by itself, and as if others had passed it on. */
function forge({ network, gateways }: Grown, draw: Draw, number: number): void {
  const entries = [network.definitionOf({ name: `forged${number}`, owners: [liar, draw.one(boards)] })];
  const group = network.groups.get("definitions")!;
  const signer = createForge(network, crypto).signer(liar);
  const claimed = draw.chance(0.5) ? signer.publicKey : network.members.get(draw.one(gateways))!.avatar;
  const counter = 1 + draw.below(6);
  const header = {
    group,
    issuer: claimed,
    counter,
    count: 1,
    entriesHash: entriesHash(crypto, entries),
    time: 0,
    previous: null,
  };
  const bytes = encodeBlockHeader(header);
  const signature = signer.sign(hash(crypto, "block", bytes));
  const message = encodeMessage({ type: "block", header: bytes, signature, entries });
  for (const to of [...gateways, ...boards]) if (to !== liar) network.inject(to, liar, message);
}

function step(world: Grown, draw: Draw, number: number): void {
  const { network, gateways, groups } = world;
  const all = [...gateways, ...boards];
  const member = (name: string) => network.members.get(name)!;
  const alive = all.filter((name) => member(name).alive);
  const what = draw.below(13);
  if (what === 10) deploySaga(world, draw);
  else if (what > 10) succeed(world, draw);
  else if (what < 2 && groups.length < 12) {
    const steward = draw.one(gateways);
    if (!member(steward).alive) return;
    // Who lies is cut off, and then its groups wait for it.
    const owners = some(
      draw,
      all.filter((name) => name !== liar),
      2 + draw.below(3),
    );
    const quorum = draw.one(["all", "two-thirds"] as const);
    const name = `group${groups.length}`;
    const plan = { name, pact: name, owners, policy: { quorum } };
    defineGroup(world, steward, plan);
  } else if (what < 7) {
    const plan = groups.length === 0 ? undefined : draw.one(groups);
    const writer = plan && draw.one(plan.owners);
    if (plan && writer && member(writer).alive) network.push(writer, plan.name, 1_000 + number);
  } else if (what === 7 && alive.length > 3) network.crash(draw.one(alive));
  else if (what === 8) {
    for (const name of all) if (!member(name).alive && draw.chance(0.5)) revive(world, name);
  } else if (member(liar).alive) forge(world, draw, number);
  network.run(network.now + draw.below(1_500));
}

/** Most often it is for one that is gone that others succeed, and something waits for it. */
function loseOne({ network }: Grown, draw: Draw, { name, owners }: GroupPlan): void {
  const alive = owners.filter((owner) => network.members.get(owner)!.alive);
  if (alive.length < 2 || draw.chance(0.3)) return;
  const gone = draw.one(alive);
  network.crash(gone);
  const writer = draw.one(alive.filter((owner) => owner !== gone));
  network.push(writer, name, 100_000 + Math.round(network.now));
  network.flush(writer);
  network.run(network.now + draw.below(200));
}

/** Of a group that may have been retired already, by another steward who has not heard of that: the first definition counts. */
function succeed(world: Grown, draw: Draw): void {
  const { network, gateways, groups, sagas } = world;
  const steward = draw.one(gateways);
  const plan = groups.length === 0 ? undefined : draw.one(groups);
  // What a saga looks at stays.
  if (plan === undefined || !network.members.get(steward)!.alive || sagas.some(({ group }) => group === plan.name))
    return;
  if (draw.chance(0.2)) {
    network.retire(steward, plan.name);
    return;
  }
  const all = [...gateways, ...boards].filter((name) => name !== liar);
  const owners = some(draw, all, 2 + draw.below(3));
  const same = groups.some(
    (each) => each.pact === plan.pact && [...each.owners].sort().join() === [...owners].sort().join(),
  );
  if (same || groups.length === 16) return;
  loseOne(world, draw, plan);
  if (!network.members.get(steward)!.alive) return;
  const next = { ...plan, name: `group${groups.length}`, owners, succeeds: plan.name };
  defineGroup(world, steward, next);
}

/** Owners hear each other through those who follow. What waits in a steward's buffer is promised to nobody. */
function defineGroup({ network, gateways, groups }: Grown, steward: string, plan: Omit<Planned, "sealed">): void {
  const { sealed } = network.members.get(steward)!;
  const before = sealed.length;
  const followers = gateways.filter((name) => !plan.owners.includes(name));
  network.define(steward, plan, followers);
  groups.push({ ...plan, sealed: sealed.length > before });
}

/** To the owners of a group that is not there for all of them yet, maybe; the liar says other bytes for it, and asks for what is not its own. */
function deploySaga({ network, gateways, groups, sagas }: Grown, draw: Draw): void {
  const steward = draw.one(gateways);
  if (groups.length === 0 || sagas.length === 8 || !network.members.get(steward)!.alive) return;
  const source = sourceOf(crypto, 1 + draw.below(5 * chunkBytes), 17 * sagas.length);
  const { name: group } = draw.one(groups);
  const name = `saga${sagas.length}`;
  sagas.push({ name, group, pieces: source.pieces.length });
  putContent(network, steward, source);
  deploy(network, steward, group, source, { name });
  const lie = encodeMessage({ type: "chunk", bytes: source.pieces[0]!.bytes.map((byte) => byte ^ 1) });
  const want = encodeMessage({ type: "want", hashes: source.pieces.map(({ hash }) => hash) });
  for (const to of [...gateways, ...boards]) {
    if (to === liar) continue;
    network.inject(to, liar, lie);
    network.inject(to, liar, want);
  }
}

function revive({ network, gateways }: Grown, name: string): void {
  network.boot(name);
  const others = gateways.includes(name) ? [...gateways, ...boards] : gateways;
  for (const other of others) if (other !== name && network.members.get(other)!.alive) network.connect(name, other);
}

/** All have power and links again, and time for everything. */
function heal(world: Grown): void {
  const { network, gateways } = world;
  for (const name of [...gateways, ...boards]) if (!network.members.get(name)!.alive) revive(world, name);
  network.run(network.now + 300_000);
}

/** What anybody has of a saga all have who run or relay it, and nobody else has any of it. */
function spreadWrongly({ network, gateways, groups, sagas }: Grown): string[] {
  const everyone = [...network.members.values()];
  return everyone.flatMap((member) => {
    let most = 0;
    const wrong = sagas.flatMap(({ name, group, pieces }) => {
      const { owners } = groups.find((each) => each.name === group)!;
      const concerned = owners.includes(member.name) || gateways.includes(member.name);
      const there = everyone.some(({ deployed }) => deployed.includes(`${name} v1`));
      if (concerned) most += pieces;
      if (member.deployed.includes(`${name} v1`) === (there && concerned)) return [];
      return [`${member.name} ${concerned ? "has not" : "has"} ${name}`];
    });
    return piecesHeld(network, member.name) > most
      ? [...wrong, `${member.name} has pieces of what is not its own`]
      : wrong;
  });
}

/** The groups that succeed each other, of which this is one, as a gateway knows them. */
function rowWith({ network, gateways }: Grown, name: string): string[] {
  const { retired } = network.members.get(gateways[0]!)!;
  const row = [name];
  for (let before = succeededBy(retired, name); before !== undefined; before = succeededBy(retired, before))
    row.unshift(before);
  for (let next = retired.get(name); next != null; next = retired.get(next)) row.push(next);
  return row;
}

function succeededBy(retired: ReadonlyMap<string, string | null>, name: string): string | undefined {
  return [...retired].find(([, successor]) => successor === name)?.[0];
}

/** What was sealed is final once for every owner, in the order of the others; whoever owns or relays a group knows it, and no one else. */
function faultsOf(world: Grown): string[] {
  const { network, gateways, groups, wrong } = world;
  const faults = [...wrong];
  for (const { name, owners, sealed } of groups) {
    const order = network.entriesOf(owners[0]!, name);
    if (new Set(order).size < order.length) faults.push(`${name} has an entry twice`);
    for (const [other, member] of network.members) {
      const entries = network.entriesOf(other, name);
      const there = sealed || gateways.some((gateway) => network.members.get(gateway)!.defined.includes(name));
      const concerned = there && (owners.includes(other) || gateways.includes(other));
      if (concerned !== member.defined.includes(name))
        faults.push(`${other} does not know rightly whether ${name} is its own`);
      if (owners.includes(other) && entries.join() !== order.join())
        faults.push(`${other} has ${entries} in ${name}, and ${owners[0]} ${order}`);
      const id = network.groups.get(name)!;
      const own = member.sealed.filter(({ group }) => equal(group, id)).flatMap(({ tokens }) => tokens);
      const row = rowOf(network, gateways[0]!, rowWith(world, name));
      const lost = own.filter((token) => !row.includes(token));
      if (lost.length > 0) faults.push(`${other} sealed ${lost} in ${name}, and they are not final`);
      if (new Set(row).size < row.length) faults.push(`${name} has an entry twice in its row: ${row}`);
    }
  }
  faults.push(...spreadWrongly(world));
  for (const [name, { defined, cuts, notices }] of network.members) {
    if (defined.some((each) => each.startsWith("forged"))) faults.push(`${name} took a forged definition`);
    const told = notices.filter(
      ({ error }) => !["block-issuer", "block-signature", "block-writer"].includes(error.code),
    );
    if (name !== liar && told.length > 0)
      faults.push(`${name} told ${told.map(({ error }) => `${error.code} ${error.message}`)}`);
    if (cuts.length > 8) faults.push(`${name} cut ${cuts.length} off`);
  }
  return faults;
}

describe("a world that grows while links fail, members lose power and one lies", () => {
  for (const stewards of [1, 3]) {
    for (const seed of [1, 2, 3, 5, 6, 7]) {
      it(`with ${stewards === 1 ? "one steward" : "three stewards"} keeps its promises: seed ${seed}`, () => {
        const world = createWorld(stewards);
        const draw = seeded(seed);
        for (let number = 0; number < 90; number++) step(world, draw, number);
        heal(world);
        expect(faultsOf(world)).toEqual([]);
        expect([world.groups.length > 1, world.sagas.length > 0]).toEqual([true, true]);
      });
    }
  }
});
