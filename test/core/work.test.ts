import { describe, expect, it } from "vitest";
import { decodeFinalRecord, finalKey } from "../../firmware/core/block/final-record";
import { toHex } from "../../firmware/core/wire/bytes";
import { maxReferences } from "../../firmware/core/wire/limits";
import { encodeMessage, messageLimit } from "../../firmware/core/wire/messages";
import { decodeFinalityProof, encodeFinalityProof } from "../../firmware/core/wire/proofs";
import { cheap, scene, wide } from "./costs";
import { createForge } from "./forge";
import type { Network } from "./network";

/** What a peer's bytes can make a participant compute: counted in hashes and verifications. */

describe("a METABLOCK that shows r references", () => {
  it("costs no more than three hashes for each, and one verification, whatever their group", () => {
    for (const count of [1, 100, 790, maxReferences]) {
      const { network, costOf } = scene();
      const message = wide(1, count);
      if (message.length > messageLimit) continue;
      const { hashes, verifications } = costOf(() => network.inject("a", "liar", message));
      expect(hashes).toBeLessThanOrEqual(3 * count + 16);
      // The cheap signature hashes twice.
      expect(verifications).toBeLessThanOrEqual(1);
    }
  });

  it("costs next to nothing when it comes again, also where none of its references was worth keeping", () => {
    const { network, costOf } = scene();
    const message = wide(1, 700);
    network.inject("a", "liar", message);
    const { hashes, verifications } = costOf(() => network.inject("a", "liar", message));
    expect(hashes).toBeLessThan(8);
    expect(verifications).toBe(0);
  });
});

describe("a PROOF", () => {
  /** The proof of the first block that is final in a group, as its owner has it. */
  function proofOf(network: Network, group: string): Uint8Array {
    network.push("a", group, 1);
    network.run(network.now + 5_000);
    const key = finalKey(network.tag, toHex(network.groups.get(group)!), 0);
    return decodeFinalRecord(network.members.get("a")!.store.get(key)!).proof;
  }

  it("of a group that is not known costs a lookup", () => {
    const { network, costOf } = scene();
    const proof = proofOf(network, "ab");
    const message = encodeMessage({ type: "proof", proof, entries: null });
    const { hashes, verifications } = costOf(() => network.inject("c", "liar", message));
    expect([hashes, verifications]).toEqual([1, 0]);
  });

  it("of what is final already costs a lookup", () => {
    const { network, costOf } = scene();
    const message = encodeMessage({ type: "proof", proof: proofOf(network, "g"), entries: null });
    const { hashes, verifications } = costOf(() => network.inject("a", "liar", message));
    expect([hashes, verifications]).toEqual([1, 0]);
  });

  it("that repeats a signer costs no more verifications than without", () => {
    const { network, costOf } = scene();
    const proof = decodeFinalityProof(proofOf(network, "g"));
    const { certified } = proof.chain!;
    const repeated = new Array<Uint8Array>(100).fill(certified.certificates[0]!);
    const chain = { ...proof.chain!, certified: { ...certified, certificates: repeated } };
    const bytes = encodeFinalityProof({ ...proof, chain });
    // To one who has nothing of it yet.
    const late = scene();
    const { verifications } = late.costOf(() =>
      late.network.inject("a", "liar", encodeMessage({ type: "proof", proof: bytes, entries: null })),
    );
    expect(verifications).toBeLessThanOrEqual(8);
    expect(costOf(() => {}).verifications).toBe(0);
  });
});

describe("metablocks by keys without end", () => {
  it("have room of their own, and take none from those of the owners", () => {
    const { network } = scene();
    const group = network.groups.get("g")!;
    for (let seed = 0; seed < 400; seed++) {
      network.inject("a", "liar", wide(seed, 4, group));
      if (seed % 40 === 0) network.run(network.now + 1_000);
    }
    network.push("a", "g", 1);
    network.push("b", "g", 2);
    network.run(network.now + 20_000);
    expect([...network.entriesOf("c", "g")].sort()).toEqual([1, 2]);
  });

  it("give nobody who comes more to hear than that room", () => {
    const { network } = scene();
    for (let seed = 0; seed < 400; seed++) network.inject("a", "liar", wide(seed, 4, network.groups.get("g")!));
    let told = 0;
    network.filter = (from, to, bytes) => {
      if (from === "a" && to === "b" && bytes[1] === 4) told++;
      return from !== "liar";
    };
    network.disconnect("a", "b");
    network.connect("a", "b");
    expect(told).toBeLessThanOrEqual(64);
  });
});

describe("certificates for metablocks that nobody has", () => {
  it("wait in a room of their signer, and take none from another's", () => {
    const { network } = scene();
    const forge = createForge(network, cheap);
    const block = forge.block("b", "ab", [1]);
    const genesis = forge.metablock("b", { sequence: 0 }, [forge.reference(block, 0)]);
    const early = forge.certificate("b", genesis, { own: [0], parents: [] });
    network.filter = () => false;
    network.inject("a", "b", early.message);
    for (let count = 0; count < 500; count++) {
      const id = cheap.sha256(Uint8Array.of(count & 255, count >> 8));
      network.inject("a", "liar", forge.certificate("liar", { id }, { own: [0], parents: [] }).message);
    }
    // b's certificate is its own metablock's, which says nothing more; that of the child's it waits for.
    network.inject("a", "b", block.message);
    network.inject("a", "b", genesis.message);
    network.run(network.now + 100);
    expect(
      network.members.get("a")!.participant.why(network.tag, { block: block.id }).metablocks[0]!.missingToCertify,
    ).toEqual([]);
  });
});
