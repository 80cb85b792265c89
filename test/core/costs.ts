import { slotWindow } from "../../firmware/core/chain/group";
import { hash } from "../../firmware/core/wire/hash";
import { merkleTree, rootOf } from "../../firmware/core/wire/merkle";
import { encodeMessage } from "../../firmware/core/wire/messages";
import { encodeBlockReference, encodeMetablockHeader } from "../../firmware/core/wire/structures";
import type { Crypto } from "../../firmware/ports";
import { cheapCrypto } from "./cheap-crypto";
import { createNetwork, everyPair, type Network } from "./network";

/** Counting what a peer's bytes make a participant compute. */

export interface Counts {
  hashes: number;
  verifications: number;
}

/** With signatures that anyone could make. */
export const cheap = cheapCrypto();

function counting(counts: Counts): Crypto {
  return {
    ...cheap,
    sha256(bytes) {
      counts.hashes++;
      return cheap.sha256(bytes);
    },
    verify(publicKey, message, signature) {
      counts.verifications++;
      return cheap.verify(publicKey, message, signature);
    },
  };
}

/** Three honest owners and a liar, linked with each other, and what they compute. */
export function scene(): { readonly network: Network; readonly counts: Counts; costOf(act: () => void): Counts } {
  const counts = { hashes: 0, verifications: 0 };
  const owners = ["a", "b", "c", "liar"];
  const network = createNetwork({
    crypto: counting(counts),
    members: owners,
    groups: [
      { name: "g", owners, policy: { quorum: "two-thirds" } },
      { name: "ab", owners: ["a", "b"] },
    ],
    links: everyPair(owners),
  });
  network.filter = (from) => from !== "liar";
  const costOf = (act: () => void) => {
    const before = { ...counts };
    act();
    return { hashes: counts.hashes - before.hashes, verifications: counts.verifications - before.verifications };
  };
  return { network, counts, costOf };
}

/** A METABLOCK that shows all of so many references, by whoever has this seed: to one group, or to as many as it takes. */
export function wide(seed: number, count: number, group?: Uint8Array): Uint8Array {
  const signer = cheap.signer(cheap.sha256(Uint8Array.of(seed & 255, seed >> 8, 99)));
  const leaves = Array.from({ length: count }, (_, position) =>
    encodeBlockReference({
      group: group ?? new Uint8Array(32).fill(Math.floor(position / slotWindow)),
      position,
      firstEntry: position,
      block: cheap.sha256(Uint8Array.of(position & 255, position >> 8, seed & 255)),
      count: 1,
    }),
  );
  const header = encodeMetablockHeader({
    ...{ sequence: 0, attempt: 0, parents: [], releasedGroups: [], referenceCount: count },
    root: rootOf(cheap, merkleTree(cheap, leaves)),
    issuer: signer.publicKey,
  });
  return encodeMessage({
    ...{ type: "metablock", header, signature: signer.sign(hash(cheap, "metablock", header)) },
    references: leaves.map((bytes, index) => ({ index, bytes, path: [] })),
  });
}
