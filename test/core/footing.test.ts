import { describe, expect, it } from "vitest";
import { cheapCrypto } from "./cheap-crypto";
import { createForge, leadTo, listen } from "./forge";
import { createNetwork, type Network } from "./network";

/** Honest owners of a group, who share another with a liar that runs ahead, as one may who knows of groups that others don't: they follow it there. */
describe("owners who certified above a metablock of a liar's", () => {
  const crypto = cheapCrypto();
  const honest = ["a", "b", "d"];
  const ahead = 7;

  /** Each certified its own block there; the liar sent so much that nobody has room for all of it, and falls silent. */
  function ledAhead(): Network {
    const network = createNetwork({
      crypto,
      members: [...honest, "liar"],
      groups: [
        { name: "g", owners: honest },
        { name: "h", owners: [...honest, "liar"] },
      ],
      links: [...["b", "d"].map((other) => ["a", other] as const), ...honest.map((owner) => [owner, "liar"] as const)],
    });
    network.run(2_000);
    const lost = ["certificate", "frontier"];
    listen(network, ({ from, to, message }) => from === "liar" || to === "liar" || lost.includes(message.type));
    const forge = createForge(network, crypto);
    const invented = crypto.sha256(new Uint8Array([1]));
    const unknown = forge.reference(forge.block("liar", "h", [7]), 0, { group: invented });
    const lead = leadTo(forge, "liar", { sequence: ahead + 1 }, unknown, invented);
    for (const { message } of lead) for (const to of honest) network.inject(to, "liar", message);
    for (const owner of honest) network.push(owner, "h", 3);
    network.run(network.now + 10_000);
    listen(network, () => true);
    for (const [value, owner] of honest.entries()) network.push(owner, "g", value);
    network.run(network.now + 10_000);
    for (let sequence = 0; sequence < 6; sequence++) {
      for (let attempt = 0; attempt < 8; attempt++) {
        const parents = sequence === 0 ? [] : [invented];
        const { message } = forge.metablock("liar", { sequence, attempt, parents }, [unknown]);
        for (const to of honest) network.inject(to, "liar", message);
      }
    }
    network.run(network.now + 1_000);
    return network;
  }

  function finalIn(network: Network): number[][] {
    listen(network, ({ from, to }) => from === "liar" || to === "liar");
    network.run(network.now + 300_000);
    return honest.map((owner) => network.entriesOf(owner, "g").sort());
  }

  const all = honest.map(() => [0, 1, 2]);

  it("go on above it, though there was no room for all that it sent", () => {
    expect(finalIn(ledAhead())).toEqual(all);
  });

  it("go on above it after the power was gone everywhere", () => {
    const network = ledAhead();
    for (const owner of honest) network.crash(owner);
    for (const owner of honest) network.boot(owner);
    for (const other of ["b", "d"]) network.connect("a", other);
    expect(finalIn(network)).toEqual(all);
  });
});
