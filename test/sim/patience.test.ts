import { describe, expect, it } from "vitest";
import { cheapCrypto } from "../core/cheap-crypto";
import { createForge, listen } from "../core/forge";
import { createNetwork, everyPair } from "../core/network";

/** PROTOCOL 6, "Why it moves": patience grows only over what one voted for. */
describe("owners of a group with a liar", () => {
  const crypto = cheapCrypto();
  const honest = ["a", "b", "c", "d"];

  /** A liar says in so many generations what nobody may vote for, and then holds back who would put something forward: ms until more is final all the same. */
  function waitAfter(generations: number): number {
    const owners = [...honest, "liar"];
    const network = createNetwork({
      crypto,
      members: owners,
      groups: [{ name: "g", owners, policy: { quorum: "two-thirds" } }],
      links: everyPair(owners),
    });
    network.run(2_000);
    listen(network, ({ from }) => from === "liar");
    const forge = createForge(network, crypto);
    const block = forge.block("liar", "g", [200]);
    const status = () => network.members.get("a")!.participant.status(network.tag);
    const invented = crypto.sha256(Uint8Array.of(1));
    const say = (sequence: number, attempt: number, position: number) => {
      const parents = sequence === 0 ? [] : [invented];
      const { message } = forge.metablock("liar", { sequence, attempt, parents }, [forge.reference(block, position)]);
      for (const name of honest) network.inject(name, "liar", message);
    };
    for (let round = 0; round < generations; round++) {
      const next = status().highestFinalizableGeneration + 1;
      for (let attempt = 1; attempt < 7; attempt++) say(next, 1_000 + attempt, 3 * generations + round);
      for (const [value, name] of honest.entries()) network.push(name, "g", value);
      network.run(network.now + 3_000);
    }
    const written = network.now;
    const before = network.entriesOf("a", "g").length;
    for (const [value, name] of honest.entries()) network.push(name, "g", value);
    for (let round = 0; network.entriesOf("a", "g").length === before && round < 1_000; round++) {
      const next = status().highestFinalizableGeneration + 1;
      say(next + 1 + (round & 1), round, network.entriesOf("a", "g").length);
      network.run(network.now + 100);
    }
    return network.now - written;
  }

  it("lose no patience over what they did not vote for", () => {
    expect(waitAfter(3)).toBeLessThan(2 * waitAfter(0));
  });
});
