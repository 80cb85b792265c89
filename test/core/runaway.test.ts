import { describe, expect, it } from "vitest";
import { furthestAhead } from "../../firmware/core/chain/world";
import { cheapCrypto } from "./cheap-crypto";
import { createForge } from "./forge";
import { createNetwork } from "./network";

/** PROTOCOL 6, "A generation can't be run away with". */
describe("a member whose group is the liar's too", () => {
  /** Its generation, after the liar put a block forward in one so far ahead, on a parent of a group that nobody else knows. */
  const crypto = cheapCrypto();

  function generationAfter(ahead: number): number {
    const network = createNetwork({
      crypto,
      members: ["honest", "liar"],
      groups: [{ name: "g", owners: ["honest", "liar"] }],
    });
    network.run(2_000);
    const forge = createForge(network, crypto);
    const invented = crypto.sha256(new Uint8Array([1]));
    const block = forge.block("liar", "g", [7]);
    const unknown = forge.reference(block, 0, { group: invented });
    const parent = forge.metablock("liar", { sequence: ahead, parents: [invented] }, [unknown]);
    const child = forge.metablock("liar", { sequence: ahead + 1, parents: [parent.id] }, [forge.reference(block, 0)]);
    for (const { message } of [block, parent, child]) network.inject("honest", "liar", message);
    network.run(network.now + 5_000);
    return network.members.get("honest")!.participant.status(network.tag).highestFinalizableGeneration;
  }

  it("follows it some generations ahead, as one that does not know all groups must", () => {
    expect(generationAfter(10)).toBe(11);
  });

  it("follows it no further than 2^20 above what its group's owners report", () => {
    expect(generationAfter(3 * furthestAhead)).toBe(-1);
    expect(generationAfter(2 ** 40)).toBe(-1);
  });
});
