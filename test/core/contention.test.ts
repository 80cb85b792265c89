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
