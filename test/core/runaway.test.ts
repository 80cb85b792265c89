import { describe, expect, it } from "vitest";
import { furthestAhead } from "../../firmware/core/chain/world";
import { cheapCrypto } from "./cheap-crypto";
import { createForge, leadTo } from "./forge";
import { createNetwork, everyPair } from "./network";

/** PROTOCOL 6, "A generation can't be run away with". */
describe("a member whose group is the liar's too", () => {
  /** Its generation, after the liar put a block forward in one so far ahead, on a parent of a group that nobody else knows. */
  const crypto = cheapCrypto();

  function generationAfter(ahead: number, waits = 900): number {
    const network = createNetwork({
      crypto,
      members: ["honest", "liar"],
      groups: [{ name: "g", owners: ["honest", "liar"] }],
    });
    network.run(2_000);
    const forge = createForge(network, crypto);
    const invented = crypto.sha256(new Uint8Array([1]));
    const block = forge.block("liar", "g", [7]);
    const lead = leadTo(forge, "liar", { sequence: ahead + 1 }, forge.reference(block, 0), invented);
    for (const { message } of [block, ...lead]) network.inject("honest", "liar", message);
    network.run(network.now + waits);
    return network.members.get("honest")!.participant.status(network.tag).highestFinalizableGeneration;
  }

  it("follows it some generations ahead, as one that does not know all groups must", () => {
    expect(generationAfter(10)).toBe(11);
  });

  it("follows it no further than 2^20 above what its group's owners report, at once", () => {
    expect(generationAfter(3 * furthestAhead)).toBe(-1);
    expect(generationAfter(2 ** 40)).toBe(-1);
  });

  it("follows it twice as far with each time that it waited in vain, to where half of all generations are left", () => {
    expect(generationAfter(3 * furthestAhead, 5_000)).toBe(3 * furthestAhead + 1);
    expect(generationAfter(2 ** 40, 30_000)).toBe(2 ** 40 + 1);
    expect(generationAfter(2 ** 47, 600_000)).toBe(-1);
  });
});

/** A pair of a liar and an honest owner goes on by itself, as fast as the liar likes. */
describe("an owner whom a liar leads on in a pair", () => {
  const crypto = cheapCrypto();
  const honest = ["a", "b", "c", "d"];

  /** Says so to a, over and over: a generation of the pair, so far above its last. */
  function led(times: number, by: number) {
    const owners = [...honest, "liar"];
    const network = createNetwork({
      crypto,
      members: owners,
      groups: [
        { name: "g", owners, policy: { quorum: "two-thirds" } },
        { name: "pair", owners: ["a", "liar"] },
      ],
      links: everyPair(owners),
    });
    network.run(2_000);
    network.filter = (from) => from !== "liar";
    const forge = createForge(network, crypto);
    const block = forge.block("liar", "pair", [7]);
    network.inject("a", "liar", block.message);
    const generation = () => network.members.get("a")!.participant.status(network.tag).highestFinalizableGeneration;
    for (let time = 0; time < times; time++) {
      const invented = crypto.sha256(Uint8Array.of(time & 255, time >> 8));
      const view = { sequence: generation() + by + 1 };
      const lead = leadTo(forge, "liar", view, forge.reference(block, 0), invented);
      for (const { message } of lead) network.inject("a", "liar", message);
      network.run(network.now + 50);
    }
    return { network, generation };
  }

  it("comes together with the others again, however far that was", () => {
    const { network, generation } = led(40, furthestAhead - 10);
    expect(generation()).toBeGreaterThan(2 * furthestAhead);
    for (const [value, name] of honest.entries()) network.push(name, "g", value);
    network.run(network.now + 120_000);
    for (const name of honest) expect(network.entriesOf(name, "g").sort()).toEqual([0, 1, 2, 3]);
  });

  it("is led no further in a second than by one step, so that it lasts for years until no generation is left", () => {
    const { network, generation } = led(400, furthestAhead - 10);
    expect(generation()).toBeLessThan((2 + network.now / 1_000) * 2 * furthestAhead);
  });
});
