import { describe, expect, it } from "vitest";
import { brokenInvariant, conflict, resolveConflict } from "../../firmware/core/chain/predicates";
import { compare, toHex } from "../../firmware/core/wire/bytes";
import { issuingHash } from "../../firmware/core/wire/hash";
import { encodeMessage } from "../../firmware/core/wire/messages";
import { decodeCertificate, decodeMetablockHeader } from "../../firmware/core/wire/structures";
import type { Hash } from "../../firmware/core/wire/types";
import { nobleCrypto } from "../../firmware/device/noble";
import { createForge, type Forge, type ForgedMetablock, listen, type Passing } from "../core/forge";
import { createNetwork, type Network } from "../core/network";

/** Claims 4, 10, 12 and 18 of US 12,393,566 B1: what a metablockchain is, and how two metablocks in conflict are resolved. */

const crypto = nobleCrypto();

/** Participant a, and one that only says what the test lets it say. */
function participantAndPeer(): { network: Network; forge: Forge; heard: Passing[] } {
  const network = createNetwork({
    crypto,
    members: ["a", "peer"],
    groups: [
      { name: "g", owners: ["a", "peer"] },
      { name: "h", owners: ["a", "peer"] },
    ],
  });
  const heard = listen(network, ({ to }) => to === "peer");
  return { network, forge: createForge(network, crypto), heard };
}

function certifies(heard: readonly Passing[], metablock: { readonly id: Hash }): boolean {
  return heard.some(
    ({ from, message }) =>
      from === "a" &&
      message.type === "certificate" &&
      toHex(decodeCertificate(message.certificate).metablock) === toHex(metablock.id),
  );
}

function noticesOf(network: Network): string[] {
  return network.members.get("a")!.notices.map(({ error }) => `${error.code}: ${error.message}`);
}

/** A block of the peer and a genesis metablock with it, both given to a. */
function givenGenesis(network: Network, forge: Forge, group = "g"): ForgedMetablock {
  const block = forge.block("peer", group, [1]);
  const genesis = forge.metablock("peer", { sequence: 0 }, [forge.reference(block, 0)]);
  network.inject("a", "peer", block.message);
  network.inject("a", "peer", genesis.message);
  return genesis;
}

// Claim 4 says of the system what claim 12 says as steps of the method, sentence by sentence.
for (const claim of [4, 12]) {
  describe(`claim ${claim}: the metablockchain is a SIC-DAG`, () => {
    it(`each node contains a sequence number equal to or greater than 0`, () => {
      const { network, forge } = participantAndPeer();
      network.inject("a", "peer", forge.metablock("peer", { sequence: -1 }).message);
      expect(noticesOf(network)[0]).toMatch(
        /^structure-field: .*metablock header: sequence is -1, below its least of 0/,
      );
    });

    it(`one or more genesis nodes contain the sequence number 0`, () => {
      const { network, heard } = participantAndPeer();
      network.push("a", "g", 5);
      network.flush("a");
      const genesis = heard.find(({ message }) => message.type === "metablock")!.message;
      if (genesis.type !== "metablock") throw new Error("it is a metablock");
      expect(decodeMetablockHeader(genesis.header)).toMatchObject({ sequence: 0, parents: [] });
    });

    it(`each non-genesis node references prior generation nodes of the sequence number 1 less`, () => {
      const { network, forge, heard } = participantAndPeer();
      const genesis = givenGenesis(network, forge);
      expect(certifies(heard, genesis)).toBe(true);
      // None at all.
      network.inject("a", "peer", forge.metablock("peer", { sequence: 1, parents: [] }).message);
      expect(noticesOf(network)[0]).toMatch(
        /^structure-field: .*parents are 0 at sequence 1, and only genesis has none/,
      );
      // "having the sequence number of 1 less than the sequence number of the non-genesis node"
      const second = forge.block("peer", "g", [2], { counter: 2 });
      network.inject("a", "peer", second.message);
      const skips = forge.metablock("peer", { sequence: 2, parents: [genesis.id] }, [forge.reference(second, 1)]);
      network.inject("a", "peer", skips.message);
      expect(brokenInvariant(skips.held().header.value, [genesis.held()], () => true)).toBe(
        "a parent is of generation 0, and 1 is due",
      );
      expect(certifies(heard, skips)).toBe(false);
      const follows = forge.metablock("peer", { sequence: 1, parents: [genesis.id] }, [forge.reference(second, 1)]);
      network.inject("a", "peer", follows.message);
      expect(certifies(heard, follows)).toBe(true);
    });

    it(`the prior generation nodes are valid: one that is unknown is waited for`, () => {
      const { network, forge, heard } = participantAndPeer();
      const [first, second] = [forge.block("peer", "g", [1]), forge.block("peer", "g", [2], { counter: 2 })];
      const genesis = forge.metablock("peer", { sequence: 0 }, [forge.reference(first, 0)]);
      const child = forge.metablock("peer", { sequence: 1, parents: [genesis.id] }, [forge.reference(second, 1)]);
      for (const { message } of [first, second, child]) network.inject("a", "peer", message);
      expect(certifies(heard, child)).toBe(false);
      network.inject("a", "peer", genesis.message);
      expect(certifies(heard, genesis)).toBe(true);
      expect(certifies(heard, child)).toBe(true);
    });

    it(`the prior generation nodes do not contain conflicting data`, () => {
      const { network, forge, heard } = participantAndPeer();
      // Two genesis nodes that both reference a block of the same sync group conflict.
      const genesis = givenGenesis(network, forge, "g");
      const rival = forge.metablock("peer", { sequence: 0, attempt: 1 }, [
        forge.reference(forge.block("peer", "g", [1]), 0),
      ]);
      network.inject("a", "peer", rival.message);
      const block = forge.block("peer", "h", [1]);
      network.inject("a", "peer", block.message);
      const parents = [genesis.id, rival.id].sort(compare);
      const child = forge.metablock("peer", { sequence: 1, parents }, [forge.reference(block, 0)]);
      network.inject("a", "peer", child.message);
      expect(brokenInvariant(child.held().header.value, [genesis.held(), rival.held()], () => true)).toBe(
        "two of its parents conflict",
      );
      expect(certifies(heard, child)).toBe(false);
    });

    it(`each metablock contains references to one or more different blocks without conflict`, () => {
      const { network, forge, heard } = participantAndPeer();
      const block = forge.block("peer", "g", [1]);
      const other = forge.block("peer", "g", [9]);
      for (const { message } of [block, other]) network.inject("a", "peer", message);
      // Two blocks in one place of their group are conflicting data.
      const references = [forge.reference(block, 0), forge.reference(other, 0)];
      network.inject("a", "peer", forge.metablock("peer", { sequence: 0 }, references).message);
      expect(noticesOf(network)[0]).toMatch(/^metablock-order: .* its references 0 and 1 are not in order/);
      // "One or more different blocks": one block that stands there twice is certified where it stands first, and there alone.
      const twice = forge.metablock("peer", { sequence: 0 }, [forge.reference(block, 0), forge.reference(block, 1)]);
      network.inject("a", "peer", twice.message);
      const certificate = heard.find(({ message }) => message.type === "certificate")!.message;
      if (certificate.type !== "certificate") throw new Error("it is a certificate");
      expect(decodeCertificate(certificate.certificate).scope).toEqual({ own: [0], parents: [] });
      // A metablock without any is invalid, unless a parent holds one (PROTOCOL 4), which the claim leaves open.
      const empty = forge.metablock("peer", { sequence: 0 });
      network.inject("a", "peer", empty.message);
      expect(brokenInvariant(empty.held().header.value, [], () => true)).toBe("its finality window is empty");
      expect(certifies(heard, empty)).toBe(false);
    });

    it(`each metablock contains a certificate issued by the participant that created it`, () => {
      const { network, forge, heard } = participantAndPeer();
      const block = forge.block("peer", "g", [1]);
      network.inject("a", "peer", block.message);
      // The issuing certificate is the signature over the header; here it is another's than the issuer's.
      const stolen = forge.metablock("peer", { sequence: 0, issuer: forge.signer("a").publicKey }, [
        forge.reference(block, 0),
      ]);
      network.inject("a", "peer", stolen.message);
      expect(noticesOf(network)[0]).toMatch(/^metablock-signature: Refused: the signature of metablock/);
      const own = forge.metablock("peer", { sequence: 0 }, [forge.reference(block, 0)]);
      network.inject("a", "peer", own.message);
      expect(certifies(heard, own)).toBe(true);
    });
  });
}

/** Two genesis metablocks of equal attempts that both hold the peer's block of g, the one with the higher Issuing Hash first. */
function inConflict(forge: Forge) {
  const shared = forge.block("peer", "g", [1]);
  const first = forge.metablock("peer", { sequence: 0 }, [forge.reference(shared, 0)]);
  for (let value = 0; ; value++) {
    const other = forge.block("peer", "h", [value]);
    const references = [forge.reference(shared, 0), forge.reference(other, 0)];
    references.sort((a, b) => compare(a.group, b.group));
    const second = forge.metablock("peer", { sequence: 0 }, references);
    const [higher, lower] = [first, second].map(({ signature }) => issuingHash(crypto, signature));
    if (compare(lower!, higher!) < 0) return { blocks: [shared, other], loser: first, winner: second };
  }
}

const nextAttempt = encodeMessage({
  type: "frontier",
  frontier: { highestFinalizableGeneration: 0, tip: null, attempt: 1, positions: [], locks: [] },
});

// Claim 10 says of the system what claim 18 says as steps of the method. PROTOCOL 5 puts the attempt before the Issuing Hash: the
// case that the claim describes has equal attempts, and nothing is released.
for (const claim of [10, 18]) {
  it(`claim ${claim}: of two metablocks in conflict the one with the lower compared hash is retained`, () => {
    const { network, forge, heard } = participantAndPeer();
    const { blocks, loser, winner } = inConflict(forge);
    // "Identify two metablocks in conflict"
    const [lost, won] = [loser.held(), winner.held()];
    expect(conflict(lost, won)).toBe(true);
    // "compare a hash of a digital signature in the certificate of the creating participant of each metablock"
    expect(compare(crypto.sha256(winner.signature), crypto.sha256(loser.signature))).toBeLessThan(0);
    // "and resolve the conflict by retaining the metablock having the lower compared hash"
    expect(resolveConflict(crypto, lost, won)).toBe(won);
    expect(resolveConflict(crypto, won, lost)).toBe(won);
    // The participant retains it when it has both to choose parents from: the loser came first and had a child alone.
    for (const { message } of [...blocks, loser, winner]) network.inject("a", "peer", message);
    expect([certifies(heard, loser), certifies(heard, winner)]).toEqual([true, true]);
    // Its co-owner certifies neither child, and goes on to the next attempt.
    network.run(network.now + 1_000);
    network.inject("a", "peer", nextAttempt);
    network.run(network.now + 5_000);
    const children = heard.flatMap(({ from, message }) =>
      from === "a" && message.type === "metablock" ? [decodeMetablockHeader(message.header)] : [],
    );
    const parents = children
      .filter(({ sequence }) => sequence === 1)
      .sort((a, b) => a.attempt - b.attempt)
      .map((child) => child.parents.map(toHex));
    expect(parents[0]).toEqual([toHex(loser.id)]);
    expect(parents[parents.length - 1]).toEqual([toHex(winner.id)]);
  });
}
