import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { leastRoom } from "../../firmware/core/chain/room";
import { VertebraError } from "../../firmware/core/errors";
import { toHex } from "../../firmware/core/wire/bytes";
import { sharesOf } from "../../firmware/device/keeping";
import { openJournal } from "../../firmware/store/journal";
import { createNor, PowerCut, parts } from "../store/nor";
import { cheapCrypto } from "./cheap-crypto";
import { createForge } from "./forge";
import { createNetwork, type Network } from "./network";

/** A board with a small flash among members that have all the room they like: a gateway, another, and one that lies. */

const crypto = cheapCrypto();
const members = ["gateway", "board", "other", "liar"];
const groups = [
  { name: "pair", owners: ["gateway", "board"], texts: true },
  { name: "four", owners: members, texts: true, policy: { quorum: "two-thirds", largestEntry: 4096 } },
  {
    name: "open",
    owners: ["gateway", "board", "other"],
    texts: true,
    policy: { writers: "members", quorum: "majority" },
  },
] as const;
const names = groups.map(({ name }) => name);
/** Sectors of 4 KB: the smallest flash that will do, and others. */
const smallest = 130;

function networkOf(sectors: number): Network {
  const plan = groups.map((group) => ({
    ...group,
    policy: { largestEntry: 4096, ...("policy" in group ? group.policy : {}) },
  }));
  const all = createNetwork({ members, groups: plan, crypto, flash: { board: sectors } });
  all.connect("board", "liar");
  return all;
}

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("push" as const),
      who: fc.nat(3),
      group: fc.nat(2),
      size: fc.nat(3900),
      times: fc.integer({ min: 1, max: 24 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("run" as const), ms: fc.integer({ min: 1, max: 8000 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("part" as const), other: fc.integer({ min: 0, max: 1 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("crash" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("cut" as const), after: fc.nat(30), part: fc.constantFrom(...parts) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("flood" as const),
      group: fc.nat(2),
      size: fc.nat(3900),
      blocks: fc.integer({ min: 1, max: 20 }),
      claimed: fc.boolean(),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

interface Play {
  readonly network: Network;
  readonly forge: ReturnType<typeof createForge>;
  readonly linked: Set<string>;
  value: number;
  counter: number;
}

function act(play: Play, one: Step): void {
  const { network, linked } = play;
  switch (one.kind) {
    case "push":
      for (let time = 0; time < one.times; time++) {
        const who = members[one.who]!;
        const owned = groups[one.group]!;
        if ((owned.owners as readonly string[]).includes(who) && who !== "liar")
          network.push(who, owned.name, ++play.value, undefined, "x".repeat(one.size));
      }
      break;
    case "run":
      network.run(network.now + one.ms);
      break;
    case "part": {
      const other = ["gateway", "liar"][one.other]!;
      if (linked.delete(other)) network.disconnect("board", other);
      else {
        linked.add(other);
        network.connect("board", other);
      }
      break;
    }
    case "crash":
      restart(play);
      break;
    case "cut": {
      const { nor } = network.members.get("board")!;
      nor!.cutAt(nor!.operations() + one.after, one.part);
      break;
    }
    case "flood":
      flood(play, one);
  }
}

/** Blocks that are right in themselves, and a metablock that holds them: signed by one who lies, for as many counters as it likes. */
function flood({ network, forge, linked, ...play }: Play, one: Extract<Step, { kind: "flood" }>): void {
  if (!linked.has("liar")) return;
  const group = names[one.group]!;
  if (group === "pair") return;
  const blocks = Array.from({ length: one.blocks }, (_, index) => {
    const values = Array.from({ length: 4 }, () => play.value);
    return forge.block("liar", group, values, { counter: 1 + ((play.value + index) % 50) }, "y".repeat(one.size));
  });
  for (const { message } of blocks) network.inject("board", "liar", message);
  if (!one.claimed) return;
  const references = blocks.slice(0, 8).map((block, position) => forge.reference(block, position));
  network.inject("board", "liar", forge.metablock("liar", { sequence: 0 }, references).message);
}

function restart({ network, linked }: Play): void {
  network.crash("board");
  network.members.get("board")!.nor!.restore();
  network.boot("board");
  for (const other of linked) network.connect("board", other);
}

/** One step, and what a power cut in it asks for. */
function play(it: Play, act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof PowerCut)) throw error;
    restart(it);
  }
}

function finalEntries(network: Network, name: string): number {
  return network.members.get(name)!.finals.reduce((sum, { count }) => sum + count, 0);
}

describe("a board with a small flash", () => {
  it("lives through any history, with liars that fill it and cuts at any write, and then goes on", () => {
    let short = 0;
    fc.assert(
      fc.property(
        fc.integer({ min: smallest, max: 220 }),
        fc.array(step, { minLength: 5, maxLength: 30 }),
        (sectors, history) => {
          const network = networkOf(sectors);
          const it: Play = {
            network,
            forge: createForge(network, crypto),
            linked: new Set(["gateway", "liar"]),
            value: 0,
            counter: 0,
          };
          for (const one of history) play(it, () => act(it, one));
          // Then the liar is silent, power stays, and all hear each other.
          const { nor } = network.members.get("board")!;
          nor!.cutAt(Number.POSITIVE_INFINITY, "all");
          for (const name of ["gateway", "liar"])
            if (!it.linked.has(name)) play(it, () => act(it, { kind: "part", other: name === "gateway" ? 0 : 1 }));
          network.disconnect("board", "liar");
          network.run(network.now + 600_000);
          const before = finalEntries(network, "gateway");
          const refused = network.members.get("board")!.refused.length;
          for (const group of names) network.push("board", group, ++it.value, undefined, "z");
          network.run(network.now + 600_000);
          expect(network.members.get("board")!.refused.slice(refused)).toEqual([]);
          expect(finalEntries(network, "gateway")).toBe(before + names.length);
          expect(finalBlocks(network, "board")).toEqual(finalBlocks(network, "gateway"));
          short += network.members.get("board")!.notices.filter(({ error }) => error.code === "store-short").length;
        },
      ),
      { numRuns: 25 },
    );
    expect(short).toBeGreaterThan(0);
  }, 120_000);

  it("refuses pushes before it is full, by name, and takes them again when what waits is final", () => {
    const network = networkOf(smallest);
    network.disconnect("gateway", "board");
    network.disconnect("liar", "board");
    for (let value = 1; value <= 200; value++) {
      for (const group of ["pair", "open"]) network.push("board", group, 2 * value, undefined, "x".repeat(3900));
      if (value % 2 === 0) network.run(network.now + 300);
    }
    const board = network.members.get("board")!;
    const codes = new Set(board.refused.map(({ error }) => error.code));
    expect(codes).toContain("store-full");
    expect(board.refused.find(({ error }) => error.code === "store-full")!.error.remedy).toContain("larger flash");
    network.connect("gateway", "board");
    network.run(network.now + 60_000);
    const sealed = board.sealed.reduce((sum, { tokens }) => sum + tokens.length, 0);
    expect(finalEntries(network, "board")).toBe(sealed);
    network.push("board", "pair", 1000, undefined, "after");
    network.run(network.now + 10_000);
    expect(finalEntries(network, "gateway")).toBe(sealed + 1);
  });

  it("keeps of what is final the newest of each group, and of the group with most the least", () => {
    const network = networkOf(smallest);
    for (let value = 1; value <= 120; value++) {
      for (const group of ["pair", "open"]) network.push("board", group, 2 * value, undefined, "x".repeat(3900));
      if (value % 10 === 0) network.push("board", "four", value, undefined, "small");
      network.run(network.now + 1000);
    }
    const { journal } = network.members.get("board")!;
    const kept = (group: string) =>
      [...journal!.records.keys()]
        .filter((key) => key.startsWith(`final/${network.tag}/${toHex(network.groups.get(group)!)}/`))
        .sort();
    expect(kept("four").length).toBe(12);
    expect(kept("pair").length).toBeGreaterThan(10);
    expect(kept("pair").length).toBeLessThan(64);
    expect(Number(kept("pair").at(-1)!.split("/").at(-1))).toBe(119);
    const { live, room } = journal!.stats();
    expect(live).toBeLessThan(room + 4096);
  });

  it("that begins with a flash filled to the last by what is final comes up, and gives it up", () => {
    const network = networkOf(smallest);
    const board = network.members.get("board")!;
    const key = (position: number) =>
      `final/${network.tag}/${toHex(network.groups.get("pair")!)}/${String(position).padStart(12, "0")}`;
    const fill = () => {
      for (let position = 0; ; position++) {
        const size = Math.min(4000, 4000);
        board.journal!.write(new Map([[key(position), new Uint8Array(size)]]), new Set());
      }
    };
    expect(fill).toThrow("The store is full");
    expect(() => board.journal!.write(new Map([["w/x", new Uint8Array(5000)]]), new Set())).toThrow(
      "The store is full",
    );
    network.crash("board");
    network.boot("board");
    network.connect("gateway", "board");
    network.push("board", "pair", 1, undefined, "x");
    network.run(network.now + 10_000);
    expect(finalEntries(network, "gateway")).toBe(1);
  });

  it("that is too small for the largest block is refused by name", () => {
    const journal = openJournal(createNor(20, 4096).flash, new Uint8Array(32));
    expect(sharesOf(journal).participant).toBeLessThan(leastRoom);
    expect(() => networkOf(20)).toThrow(VertebraError);
    expect(() => networkOf(20)).toThrow("The store has room for");
  });
});

/** Of each group. */
function finalBlocks(network: Network, name: string): (readonly [string, number])[] {
  const { groups } = network.members.get(name)!.participant.status(network.tag);
  return groups.map(({ pact, finalBlocks }) => [pact, finalBlocks] as const).sort();
}
