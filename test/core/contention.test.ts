import { describe, expect, it } from "vitest";
import { createNetwork } from "./network";

/** Owners who all write at once split the votes of a slot: what gets them out of it, and how soon. */
function contend(members: readonly string[], delay: number, everyMs: number) {
  const network = createNetwork({ members, groups: [{ name: "g", owners: members }], delay });
  for (let round = 0; round < 40; round++) {
    for (const [index, member] of members.entries()) {
      network.push(member, "g", 1000 * index + round);
      network.run(network.now + everyMs / members.length);
    }
  }
  const whileWriting = network.entriesOf(members[0]!, "g").length;
  network.run(network.now + 60_000);
  for (const member of members) {
    expect(network.entriesOf(member, "g")).toHaveLength(40 * members.length);
    expect(network.entriesOf(member, "g")).toEqual(network.entriesOf(members[0]!, "g"));
  }
  return whileWriting;
}

describe("owners who all write at once", () => {
  it.each([10, 100, 300])("finalize while they write, two of them %i ms apart", (delay) => {
    expect(contend(["a", "b"], delay, 400)).toBeGreaterThan(10);
  });

  it("finalize in the end, two of them a second apart", () => {
    contend(["a", "b"], 1_000, 400);
  });

  it("finalize while they write, four of them 60 ms apart, though all must agree", () => {
    expect(contend(["a", "b", "c", "d"], 60, 400)).toBeGreaterThan(10);
  });
});

describe("two owners who each wrote into a group before they met", () => {
  /** ms until both have both entries, while two other groups of theirs never rest; who ranks first follows from who they are. */
  function meet(seed: number): number {
    const others = Array.from({ length: seed % 40 }, (_, index) => `f${index}`);
    const ways = [1 + ((7 * seed) % 30), 1 + ((11 * seed) % 30)];
    const ofBoth = { owners: ["a", "b"], policy: { quorum: "two-thirds" } } as const;
    const network = createNetwork({
      members: [...others, ...(seed % 2 === 0 ? ["a", "b"] : ["b", "a"])],
      groups: [
        { name: "busy", owners: ["a", "b"] },
        { name: "busy-too", ...ofBoth },
        { name: "both", ...ofBoth },
      ],
      links: [],
      delayOf: (from) => ways[from === "a" ? 0 : 1]!,
    });
    network.push("a", "both", 1);
    network.push("b", "both", 2);
    network.push("b", "busy", 3);
    network.push("b", "busy-too", 4);
    network.run(300);
    network.push("b", "busy", 5);
    network.run(600 + ((37 * seed) % 900));
    network.connect("a", "b");
    const met = network.now;
    for (let round = 0; network.now < met + 20_000; round++) {
      const missing = ["a", "b"].some((name) => network.entriesOf(name, "both").length < 2);
      if (!missing) return network.now - met;
      if (round % 2 === 0) network.push("b", "busy", 100 + round);
      if (round % 4 === 1) network.push("b", "busy-too", 500 + round);
      network.run(network.now + 250);
    }
    return Number.POSITIVE_INFINITY;
  }

  it("agree on an order of both within seconds, though their other groups never rest, whoever ranks first", () => {
    const slowest = Math.max(...Array.from({ length: 60 }, (_, seed) => meet(seed)));
    expect(slowest).toBeLessThan(5_000);
  });
});
