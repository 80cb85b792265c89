import { describe, expect, it } from "vitest";
import { ample } from "../../firmware/core/bounds";
import { leastFor } from "../../firmware/core/memory";
import { compare, toHex } from "../../firmware/core/wire/bytes";
import { cheapCrypto } from "../core/cheap-crypto";
import { createForge, type ForgedMetablock, leadTo, listen } from "../core/forge";
import { createNetwork, everyPair, type Network } from "../core/network";
import { seeded } from "./random";

/** Boards that hold 16 metablocks, with one liar of five owners: what it signed is never so much that there is none left for what the others sign. */
describe("owners that hold few metablocks", () => {
  const crypto = cheapCrypto();
  const honest = ["a", "b", "c", "d"];
  const owners = [...honest, "liar"];
  const strangers = Array.from({ length: 6 }, (_, index) => `stranger ${index}`);
  const bounds = leastFor({
    groups: [{ owners: owners.length, largestEntry: 256, mine: true }],
    sagas: 0,
    deployed: 0,
  });

  function withLiar(held = bounds): Network {
    const network = createNetwork({
      crypto,
      members: [...owners, ...strangers],
      groups: [{ name: "g", owners, policy: { quorum: "two-thirds" } }],
      links: everyPair(owners),
      bounds: Object.fromEntries(honest.map((name) => [name, held])),
    });
    network.run(2_000);
    listen(network, ({ from }) => from === "liar");
    return network;
  }

  function tell(network: Network, to: readonly string[], lies: readonly { readonly message: Uint8Array }[]): void {
    for (const { message } of lies) for (const name of to) network.inject(name, "liar", message);
  }

  /** As many as there is room for in this generation and the next, and more. */
  function flood(network: Network, from: string, first = 0): ForgedMetablock[] {
    const forge = createForge(network, crypto);
    const block = forge.block("liar", "g", [7]);
    return [first, first + 1].flatMap((sequence) =>
      Array.from({ length: 12 }, (_, attempt) => {
        const parents = sequence === 0 ? [] : [crypto.sha256(new Uint8Array([attempt]))];
        return forge.metablock(from, { sequence, attempt, parents }, [forge.reference(block, 0)]);
      }),
    );
  }

  /** Each honest owner writes, and while all of this is said five times a second everything becomes final. */
  function expectAllFinal(network: Network, lies: readonly ForgedMetablock[]): void {
    for (const [value, name] of honest.entries()) network.push(name, "g", value);
    for (let round = 0; round < 150; round++) {
      tell(network, honest, lies);
      network.run(network.now + 200);
    }
    const isHonest = (value: number) => value < honest.length;
    for (const name of honest) expect(network.entriesOf(name, "g").filter(isHonest).sort()).toEqual([0, 1, 2, 3]);
  }

  it("go on while it sends more of its own than there is room for, again and again", () => {
    const network = withLiar();
    expectAllFinal(network, flood(network, "liar"));
  });

  it("go on while it sends as much of six members who own nothing of what is known here", () => {
    const network = withLiar();
    expectAllFinal(
      network,
      strangers.flatMap((stranger) => flood(network, stranger).slice(0, 8)),
    );
  });

  it("go on while strangers build upon all that it sends, and it upon all that they send", () => {
    const network = withLiar();
    const forge = createForge(network, crypto);
    const place = forge.reference(forge.block("liar", "g", [7]), 0);
    const lies: ForgedMetablock[] = [];
    for (let sequence = 1; sequence < 5; sequence++) {
      const below = lies.slice(-14).map(({ id }) => id);
      const parents = (below.length > 0 ? below : [crypto.sha256(Uint8Array.of(1))]).sort(compare);
      for (let attempt = 0; attempt < 2; attempt++)
        for (const name of ["liar", ...strangers])
          lies.push(forge.metablock(name, { sequence, attempt, parents }, [place]));
    }
    expectAllFinal(network, lies);
  });

  // What nobody gave up yet kept all from proposing, and parents that nobody has filled what is looked for.
  for (const [held, of] of [
    ["that hold few metablocks", bounds],
    ["with memory by the megabyte", ample],
  ] as const) {
    it(`${held} go on while it sends what is always new, in other generations than the next, and much of what the honest send is lost`, () => {
      const network = withLiar(of);
      const forge = createForge(network, crypto);
      const block = forge.block("liar", "g", [7]);
      const draw = seeded(5);
      network.filter = (from) => from !== "liar" && !draw.chance(0.3);
      for (const [value, name] of honest.entries()) network.push(name, "g", value);
      for (let count = 0; count < 3_000; count++) {
        const parents = [crypto.sha256(Uint8Array.of(count & 255, count >> 8))];
        const lie = forge.metablock("liar", { sequence: 1 + (count & 3), attempt: count, parents }, [
          forge.reference(block, 0),
        ]);
        tell(network, honest, [lie]);
        network.run(network.now + 20);
      }
      for (const name of honest) expect(network.entriesOf(name, "g").sort()).toEqual([0, 1, 2, 3]);
    });
  }

  it("ask for what another's metablock stands on, though it named more parents that nobody has than are asked for at once", () => {
    const network = withLiar();
    const forge = createForge(network, crypto);
    const place = forge.reference(forge.block("liar", "g", [7]), 0);
    for (let count = 0; count < 40; count++) {
      const parents = [crypto.sha256(Uint8Array.of(count))];
      tell(network, ["a"], [forge.metablock("liar", { sequence: 1 + count, parents }, [place])]);
    }
    const heard = listen(network, ({ from }) => from === "liar");
    const parent = crypto.sha256(Uint8Array.of(1, 2));
    network.inject("a", "b", forge.metablock("b", { sequence: 1, parents: [parent] }, [place]).message);
    network.run(network.now + 100);
    const wanted = heard.flatMap(({ from, message }) =>
      from === "a" && message.type === "want" ? message.hashes.map(toHex) : [],
    );
    expect(wanted).toContain(toHex(parent));
  });

  it("go on while it floods them, and has led some to a generation far ahead and the others to another metablock of it", () => {
    const network = withLiar();
    const forge = createForge(network, crypto);
    const ahead = 9;
    const lead = (to: readonly string[], value: number) => {
      const invented = crypto.sha256(new Uint8Array([value]));
      const block = forge.block("liar", "g", [value]);
      const lead = leadTo(forge, "liar", { sequence: ahead + 1 }, forge.reference(block, 0), invented);
      tell(network, to, [block, ...lead]);
    };
    lead(["a", "b"], 11);
    lead(["c", "d"], 12);
    network.run(network.now + 2_000);
    expectAllFinal(network, [...flood(network, "liar"), ...flood(network, "liar", ahead + 1)]);
  });
});
