import { describe, expect, it } from "vitest";
import { decodeFinalRecord, finalKey } from "../../firmware/core/block/final-record";
import { verifyFinalityProof } from "../../firmware/core/chain/proof";
import { toHex } from "../../firmware/core/wire/bytes";
import { maxEntryBytes, maxOwners, messageLimit } from "../../firmware/core/wire/limits";
import { decodeFinalityProof } from "../../firmware/core/wire/proofs";
import { nodeCrypto } from "../../gateway/participant/crypto";
import { cheapCrypto } from "../core/cheap-crypto";
import { listen, type Passing } from "../core/forge";
import { createNetwork, type Network } from "../core/network";

/** Groups as wide as they may be, too much for a board's engine to play all owners of: what they send fits its messages, at every start too. */

const crypto = cheapCrypto(nodeCrypto());

function expectWithinLimit(heard: readonly Passing[]): void {
  for (const { bytes } of heard) expect(bytes.length).toBeLessThanOrEqual(messageLimit);
}

/** A star of so many owners of one group. */
function star(count: number): Network {
  const members = Array.from({ length: count }, (_, index) => `m${index}`);
  return createNetwork({
    crypto,
    members,
    groups: [{ name: "g", owners: members, policy: { quorum: "two-thirds", largestEntry: maxEntryBytes } }],
  });
}

describe(`a group of ${maxOwners} owners`, () => {
  it("agrees, and its finality proofs are within a message and of no more certificates than they need", () => {
    const network = star(maxOwners);
    const heard = listen(network);
    network.push("m1", "g", 1);
    network.push("m2", "g", 2);
    network.run(6_000);
    expectWithinLimit(heard);
    for (const name of ["m0", "m1", `m${maxOwners - 1}`]) {
      expect([...network.entriesOf(name, "g")].sort()).toEqual([1, 2]);
    }
    const key = finalKey(network.tag, toHex(network.groups.get("g")!), 0);
    const { proof } = decodeFinalRecord(network.members.get("m0")!.store.get(key)!);
    const { certifiedBy, closedBy } = verifyFinalityProof(crypto, decodeFinalityProof(proof));
    const quorum = Math.floor((2 * maxOwners) / 3) + 1;
    expect([certifiedBy.length, closedBy.length]).toEqual([quorum, quorum]);
    expect(proof.length).toBeLessThan(messageLimit / 2);
  }, 120_000);

  it("starts again while many of its slots are locked, and tells its neighbours of them", () => {
    const network = star(24);
    // What would close the blocks is lost: so they stay certified and locked.
    const heard = listen(network, ({ message }) => message.type === "metablock" && network.now > 0 && isChild(message));
    for (let round = 0; round < 3; round++) {
      for (let index = 1; index < 9; index++) network.push(`m${index}`, "g", 10 * round + index);
      network.run(network.now + 1_000);
    }
    const locked = () => network.members.get("m0")!.participant.status(network.tag).groups[0]!.lockedSlots;
    expect(locked()).toBeGreaterThan(0);
    network.crash("m0");
    network.boot("m0");
    const before = heard.length;
    network.filter = (from, to, bytes, at) => {
      void [from, to, at];
      expect(bytes.length).toBeLessThanOrEqual(messageLimit);
      return true;
    };
    for (let index = 1; index < 24; index++) network.connect("m0", `m${index}`);
    network.run(network.now + 30_000);
    expect(heard.length).toBe(before);
    expect(network.entriesOf("m0", "g")).toHaveLength(24);
    expect(network.entriesOf("m23", "g")).toHaveLength(24);
  }, 120_000);
});

function isChild(message: Extract<Passing["message"], { type: "metablock" }>): boolean {
  return message.header[1] !== 0;
}
