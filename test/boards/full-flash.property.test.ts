import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeText } from "../../firmware/core/wire/text";
import { createForge } from "../core/forge";
import type { Network } from "../core/network";
import { crypto, finalEntries, groups, members, names, networkOf, smallest } from "../core/small-flash";
import { PowerCut, parts } from "../store/nor";

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
    // Where any member may write, it is as many as it likes.
    const name = group === "open" ? `${one.size}-${index}` : "liar";
    return forge.block(name, group, values, { counter: 1 + ((play.value + index) % 50) }, "y".repeat(one.size));
  });
  for (const { message } of blocks) network.inject("board", "liar", message);
  if (!one.claimed) return;
  const references = blocks.slice(0, 8).map((block, position) => forge.reference(block, position));
  network.inject("board", "liar", forge.metablock("liar", { sequence: 0 }, references).message);
}

/** Members that nobody knows have seeds of their own. */
function forgeOf({ groups, pacts, members }: Network): ReturnType<typeof createForge> {
  const seedOf = (name: string) => members.get(name)?.seed ?? crypto.sha256(encodeText(name));
  return createForge({ groups, pacts, members: { get: (name) => ({ seed: seedOf(name) }) } }, crypto);
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

describe("a board whose flash is small", () => {
  it("lives through any history, with liars that fill it and cuts at any write, and then goes on", () => {
    let short = 0;
    fc.assert(
      fc.property(
        fc.integer({ min: smallest, max: 220 }),
        fc.array(step, { minLength: 5, maxLength: 25 }),
        (sectors, history) => {
          const network = networkOf(sectors);
          const it: Play = {
            network,
            forge: forgeOf(network),
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
      { numRuns: 24 },
    );
    expect(short).toBeGreaterThan(0);
  }, 120_000);
});

/** Of each group. */
function finalBlocks(network: Network, name: string): (readonly [string, number])[] {
  const { groups } = network.members.get(name)!.participant.status(network.tag);
  return groups.map(({ pact, finalBlocks }) => [pact, finalBlocks] as const).sort();
}
