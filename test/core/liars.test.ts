import { describe, expect, it } from "vitest";
import { decodeFinalRecord, finalKey } from "../../firmware/core/block/final-record";
import { verifyFinalityProof } from "../../firmware/core/chain/proof";
import { compare, toHex } from "../../firmware/core/wire/bytes";
import { maxCount } from "../../firmware/core/wire/limits";
import { encodeMessage } from "../../firmware/core/wire/messages";
import { decodeFinalityProof } from "../../firmware/core/wire/proofs";
import type { Frontier } from "../../firmware/core/wire/types";
import { cheapCrypto } from "./cheap-crypto";
import { createForge, type Forge, listen } from "./forge";
import { createNetwork, everyPair, type Network } from "./network";

/**
 * A member who follows the wire's form and breaks the promises: two blocks with one counter, two metablocks in one view, floods,
 * words of long ago, generations far ahead. With three honest owners of four, all goes on, and no slot has two final blocks.
 */

const crypto = cheapCrypto();
const honest = ["a", "b", "c"];
const members = [...honest, "liar"];
const links = everyPair(members);

interface Scene {
  readonly network: Network;
  readonly forge: Forge;
}

/** All linked to all; the liar says what the test has it say, and hears everything. */
function withLiar(): Scene {
  const network = createNetwork({
    crypto,
    members,
    groups: [
      { name: "all", owners: members, policy: { quorum: "two-thirds" } },
      { name: "ab", owners: ["a", "b"] },
      { name: "with-liar", owners: ["a", "liar"] },
    ],
    links,
  });
  network.filter = (from) => from !== "liar";
  return { network, forge: createForge(network, crypto) };
}

function tell(network: Network, to: string, ...lies: readonly { readonly message: Uint8Array }[]): void {
  for (const { message } of lies) network.inject(to, "liar", message);
}

/** The blocks that are final by this member's store, slot by slot, each with a proof that holds. */
function finalBlocks({ network }: Scene, name: string): string[] {
  const group = toHex(network.groups.get("all")!);
  const { store } = network.members.get(name)!;
  const blocks: string[] = [];
  for (let position = 0; ; position++) {
    const stored = store.get(finalKey(network.tag, group, position));
    if (stored === undefined) return blocks;
    const proven = verifyFinalityProof(crypto, decodeFinalityProof(decodeFinalRecord(stored).proof));
    expect(proven.position).toBe(position);
    blocks.push(toHex(proven.block));
  }
}

/** The honest write and agree, now as ever. */
function expectGoesOn(scene: Scene): void {
  const { network } = scene;
  network.push("a", "ab", 50);
  network.push("b", "all", 60);
  network.push("c", "all", 70);
  network.run(network.now + 15_000);
  expect(network.entriesOf("b", "ab")).toContain(50);
  for (const value of [60, 70]) expect(network.entriesOf("a", "all")).toContain(value);
  for (const name of honest) {
    expect(finalBlocks(scene, name)).toEqual(finalBlocks(scene, "a"));
    for (const { error } of network.members.get(name)!.notices) expect(error.code).not.toBe("assertion");
  }
}

const frontier = (changes: Partial<Frontier>) => ({
  message: encodeMessage({
    type: "frontier",
    frontier: { highestFinalizableGeneration: -1, tip: null, attempt: 0, positions: [], locks: [], ...changes },
  }),
});

describe("a liar who equivocates", () => {
  it("with two metablocks in one view makes none of two blocks final in one slot", () => {
    for (const variation of [2, 5]) {
      const scene = withLiar();
      const { network, forge } = scene;
      const [one, other] = [forge.block("liar", "all", [1]), forge.block("liar", "all", [2], { counter: 2 })];
      const first = forge.metablock("liar", { sequence: 0 }, [forge.reference(one, 0)]);
      const second = forge.metablock("liar", { sequence: 0 }, [forge.reference(one, 0), forge.reference(other, 1)]);
      for (const [index, name] of honest.entries()) {
        const lie = (variation >> index) % 2 === 0 ? [first, second] : [second, first];
        tell(network, name, one, other, ...lie.slice(0, variation < 3 ? 1 : 2));
        network.run(network.now + 7 * variation);
      }
      expectGoesOn(scene);
      const final = finalBlocks(scene, "a");
      expect(new Set(final).size).toBe(final.length);
    }
  });

  it("with two blocks in one slot, each shown to some, makes at most one of them final there", () => {
    for (const shownTo of [["a"], ["b", "c"]]) {
      const scene = withLiar();
      const { network, forge } = scene;
      const blocks = [forge.block("liar", "all", [1]), forge.block("liar", "all", [2])];
      const metablocks = blocks.map((block) => forge.metablock("liar", { sequence: 0 }, [forge.reference(block, 0)]));
      for (const name of honest) {
        const which = shownTo.includes(name) ? 0 : 1;
        tell(network, name, blocks[which]!, metablocks[which]!);
      }
      for (const metablock of metablocks) {
        for (const name of honest) tell(network, name, forge.certificate("liar", metablock, { own: [0], parents: [] }));
      }
      network.run(network.now + 30_000);
      const final = finalBlocks(scene, "a").slice(0, 1);
      for (const name of honest) expect(finalBlocks(scene, name).slice(0, 1)).toEqual(final);
    }
  });

  // Were both certified in one metablock, the second would be dropped everywhere when the first is final, and its slot stay locked on
  // a block that nobody has any more.
  it("with two blocks of one counter does not keep the group from going on", () => {
    const scene = withLiar();
    const { network, forge } = scene;
    for (const name of honest) tell(network, name, forge.block("liar", "all", [1]), forge.block("liar", "all", [2]));
    expectGoesOn(scene);
  });
});

describe("a liar who floods", () => {
  it("beyond its budget is not listened to, and others are", () => {
    const scene = withLiar();
    const { network, forge } = scene;
    const { signatures } = network.members.get("a")!;
    for (let count = 0; count < 4_000; count++) {
      network.inject("a", "liar", encodeMessage({ type: "want", hashes: [new Uint8Array(32).fill(count)] }));
    }
    const block = forge.block("liar", "all", [1]);
    tell(network, "a", block, forge.metablock("liar", { sequence: 0 }, [forge.reference(block, 0)]));
    // Nothing of it was taken in: the budget is spent, for the time being.
    expect(network.members.get("a")!.participant.status(network.tag).groups[0]!.pendingBlocks).toBe(0);
    expect(network.members.get("a")!.signatures).toBe(signatures);
    expectGoesOn(scene);
    tell(network, "a", block);
    network.run(network.now + 30_000);
    expect(network.entriesOf("b", "all")).toContain(1);
  });

  it("with metablocks of its own, for every generation and attempt, holds up nobody", () => {
    const scene = withLiar();
    const { network, forge } = scene;
    const block = forge.block("liar", "all", [1]);
    tell(network, "a", block);
    for (let sequence = 1; sequence < 5; sequence++) {
      for (let attempt = 0; attempt < 10; attempt++) {
        const parents = [new Uint8Array(32).fill(sequence)];
        tell(network, "a", forge.metablock("liar", { sequence, attempt, parents }, [forge.reference(block, 0)]));
      }
    }
    expectGoesOn(scene);
  });

  it("with certificates for metablocks that nobody has holds up nobody", () => {
    const scene = withLiar();
    const { network, forge } = scene;
    for (let count = 0; count < 270; count++) {
      const id = new Uint8Array(32).fill(count & 0xff);
      id[1] = count >> 8;
      tell(network, "a", forge.certificate("liar", { id }, { own: [0], parents: [] }));
    }
    expectGoesOn(scene);
  });

  // Who passed them on to the others spent its own budget there, and its votes were not heard any more.
  it("with as many of them as it may does not have the honest spend on them what they may say to each other", () => {
    const scene = withLiar();
    const { network, forge } = scene;
    let count = 0;
    const anyHash = () => crypto.sha256(Uint8Array.of(count & 255, (count >> 8) & 255, count++ >> 16));
    for (let round = 0; round < 500; round++) {
      if (round === 250) for (const [value, name] of honest.entries()) network.push(name, "all", value);
      for (const name of honest) {
        const certificates = Array.from(
          { length: 38 },
          () => forge.certificate("liar", { id: anyHash() }, { own: [0], parents: [] }).bytes,
        );
        tell(network, name, { message: encodeMessage({ type: "certificates", certificates }) });
      }
      network.run(network.now + 20);
    }
    for (const name of honest) expect(network.entriesOf(name, "all").sort()).toEqual([0, 1, 2]);
  });

  it("with blocks of members without end, where members write, does not keep out an owner who writes its first", () => {
    const network = createNetwork({
      crypto,
      members,
      groups: [{ name: "g", owners: members, policy: { quorum: "two-thirds", writers: "members" } }],
      links,
    });
    network.filter = (from) => from !== "liar";
    const seedOf = (name: string) => ({ seed: crypto.sha256(Uint8Array.of(...name.split(",").map(Number))) });
    const forge = createForge({ ...network, members: { get: seedOf } }, crypto);
    for (let round = 0; round < 18; round++) {
      for (let count = 0; count < 60; count++) {
        const { message } = forge.block(`${round},${count}`, "g", [1_000 + count]);
        for (const name of honest) network.inject(name, "liar", message);
      }
      network.run(network.now + 3_000);
    }
    network.push("c", "g", 1);
    network.run(network.now + 10_000);
    for (const name of honest) expect(network.entriesOf(name, "g")).toContain(1);
  });

  it("with blocks of counters far ahead does not keep the blocks of others out", () => {
    const scene = withLiar();
    const { network, forge } = scene;
    for (let counter = 1_000; counter < 1_130; counter++) {
      for (const name of honest) tell(network, name, forge.block("liar", "all", [1], { counter }));
    }
    network.run(network.now + 2_000);
    expectGoesOn(scene);
  });

  // One WANT names 16 hashes: the others that are due must not count as asked.
  it("with references to blocks that are nowhere does not keep others from being asked for", () => {
    const network = createNetwork({
      crypto,
      members: ["a", "liar"],
      groups: ["g", "h", "i"].map((name) => ({ name, owners: ["a", "liar"] })),
    });
    const heard = listen(network, ({ from }) => from === "liar");
    const forge = createForge(network, crypto);
    const references = ["g", "h", "i"].flatMap((group) =>
      [1, 2, 3, 4, 5, 6, 7, 8].map((counter) =>
        forge.reference(forge.block("liar", group, [1], { counter }), counter - 1),
      ),
    );
    references.sort((x, y) => compare(x.group, y.group) || x.position - y.position);
    tell(network, "a", forge.metablock("liar", { sequence: 0 }, references));
    network.run(network.now + 30_000);
    const asked = heard.flatMap(({ message }) => (message.type === "want" ? message.hashes.map(toHex) : []));
    expect(new Set(asked).size).toBe(24);
  });
});

describe("a liar who runs ahead", () => {
  it("issues generation after generation of its own, and moves nobody's", () => {
    const scene = withLiar();
    const { network, forge } = scene;
    let parents: Uint8Array[] = [];
    for (let sequence = 0; sequence < 12; sequence++) {
      const block = forge.block("liar", "all", [sequence], { counter: sequence + 1 });
      const own = forge.metablock("liar", { sequence, parents }, [forge.reference(block, sequence + 5)]);
      parents = [own.id];
      for (const name of honest) tell(network, name, block, own);
    }
    expect(network.members.get("a")!.participant.status(network.tag).highestFinalizableGeneration).toBe(-1);
    expectGoesOn(scene);
    expect(network.members.get("a")!.participant.status(network.tag).highestFinalizableGeneration).toBeLessThan(12);
  });

  it("reports a generation and an attempt far ahead, and holds up its own groups at most", () => {
    for (const changes of [{ highestFinalizableGeneration: 2 ** 40 }, { attempt: 1_000 }]) {
      const scene = withLiar();
      const { network } = scene;
      for (const name of honest) tell(network, name, frontier(changes));
      network.push("a", "with-liar", 1);
      network.run(network.now + 3_000);
      expectGoesOn(scene);
    }
  });

  // One of two owners is more than a third: its attempt is heeded, and the next that fails must not be beyond what
  // others take.
  it("reports the greatest attempt that there is, and brings nobody down", () => {
    const scene = withLiar();
    const { network } = scene;
    network.push("a", "with-liar", 1);
    network.flush("a");
    tell(network, "a", frontier({ attempt: maxCount }));
    network.run(network.now + 100_000);
    expectGoesOn(scene);
  });
});

describe("a liar whose lies only some can tell", () => {
  // Who sees a broken invariant at once may have the metablock from an honest peer, which passed it on before it had the parents to
  // judge it by.
  it("does not get the honest cut off by each other", () => {
    const scene = withLiar();
    const { network, forge } = scene;
    const block = forge.block("liar", "all", [1]);
    const rivals = [0, 1].map((attempt) =>
      forge.metablock("liar", { sequence: 0, attempt }, [forge.reference(block, 0)]),
    );
    const parents = rivals.map(({ id }) => id).sort(compare);
    const next = forge.reference(forge.block("liar", "all", [2], { counter: 2 }), 1);
    // a is given children of a pair in conflict, b the pair.
    for (let attempt = 0; attempt < 8; attempt++) {
      tell(network, "a", forge.metablock("liar", { sequence: 1, attempt, parents }, [next]));
    }
    tell(network, "b", block, ...rivals);
    network.run(network.now + 5_000);
    for (const name of honest) expect(network.members.get(name)!.cuts).toEqual([]);
    expectGoesOn(scene);
  });

  // Its tree holds them out of order, and each honest member is shown one, in which that can't be seen.
  it("as that of two references each is shown to some does not get the honest cut off by each other", () => {
    const scene = withLiar();
    const { network, forge } = scene;
    const block = forge.block("liar", "all", [1]);
    for (let attempt = 0; attempt < 8; attempt++) {
      const references = [forge.reference(block, 1), forge.reference(block, 0)];
      const { bytes: header, signature, shown } = forge.metablock("liar", { sequence: 0, attempt }, references);
      for (const [index, name] of honest.entries()) {
        const message = encodeMessage({ type: "metablock", header, signature, references: [shown[index % 2]!] });
        tell(network, name, { message });
      }
      network.run(network.now + 100);
    }
    for (const name of honest) expect(network.members.get(name)!.cuts).toEqual([]);
    expectGoesOn(scene);
  });
});

describe("a liar who repeats what was true long ago", () => {
  it("changes nothing", () => {
    const { network, forge } = withLiar();
    const scene = { network, forge };
    const heard = listen(network, ({ from }) => from === "liar");
    for (let value = 0; value < 6; value++) {
      network.push("a", "all", value);
      network.run(network.now + 2_000);
    }
    const final = finalBlocks(scene, "b");
    expect(final).toHaveLength(6);
    const standing = JSON.stringify(network.members.get("b")!.participant.status(network.tag).groups);
    const old = heard.filter(({ to, message }) => to === "b" && message.type !== "want" && message.type !== "pull");
    for (const { bytes } of old) network.inject("b", "liar", bytes);
    expect(JSON.stringify(network.members.get("b")!.participant.status(network.tag).groups)).toBe(standing);
    network.run(network.now + 30_000);
    expect(finalBlocks(scene, "b")).toEqual(final);
    expect(network.members.get("b")!.notices).toEqual([]);
    expectGoesOn(scene);
  });
});

describe("a liar whose counters leap", () => {
  // Each final counter that leaves a gap takes a place in the window of counters. When it is full, the lowest falls out of it, and what is
  // below can't be told from its twin any more: a block that was certified and fell below was dropped by everyone, and its slot stayed
  // locked on a block that nobody had.
  it("does not have a block certified that falls below the window of counters before its turn", () => {
    const network = createNetwork({
      crypto,
      members,
      groups: [{ name: "g", owners: members, policy: { quorum: "two-thirds", ordered: false } }],
      links,
    });
    network.filter = (from) => from !== "liar";
    const forge = createForge(network, crypto);
    const blocks = (counters: readonly number[]) => {
      for (const counter of counters) {
        const { message } = forge.block("liar", "g", [counter], { counter });
        for (const name of honest) network.inject(name, "liar", message);
      }
      network.run(network.now + 4_000);
    };
    for (let round = 0; round < 8; round++)
      blocks(Array.from({ length: 8 }, (_, index) => 1_000 + 2 * (8 * round + index)));
    expect(network.entriesOf("a", "g")).toHaveLength(64);
    for (let round = 0; round < 12; round++) blocks([5_000 + 2 * round, 3 + round, 4_000 + 2 * round, 500 + round]);
    for (const [index, name] of honest.entries()) network.push(name, "g", 100_000 + index);
    network.run(network.now + 60_000);
    for (const name of honest) {
      for (const index of honest.keys()) expect(network.entriesOf(name, "g")).toContain(100_000 + index);
      const entries = network.entriesOf(name, "g");
      expect(new Set(entries).size).toBe(entries.length);
    }
  });
});
