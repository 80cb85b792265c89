import { describe, expect, it } from "vitest";
import { verifyFinalityProof } from "../../firmware/core/chain/proof";
import { encodePact, pactId } from "../../firmware/core/pact/pact";
import { compare, toHex } from "../../firmware/core/wire/bytes";
import { encodeMessage } from "../../firmware/core/wire/messages";
import { decodeFinalityProof, encodeFinalityProof, encodeLockProof } from "../../firmware/core/wire/proofs";
import { encodeSyncGroup } from "../../firmware/core/wire/structures";
import type { FinalityProof, Hash, LockProof, MetablockHeader, Scope } from "../../firmware/core/wire/types";
import { nobleCrypto } from "../../firmware/device/noble";
import type { Crypto } from "../../firmware/ports";
import { cheapCrypto } from "./cheap-crypto";
import { createForge, type ForgedBlock, type ForgedMetablock, listen } from "./forge";
import { createNetwork } from "./network";
import { refusal } from "./refusal";

/** Proofs of finality and of locks that somebody made up, or changed on the way: none of them proves anything. */

const owners = ["a", "b", "c", "d"];

function fourOwners(crypto: Crypto) {
  const network = createNetwork({
    crypto,
    members: [...owners, "liar"],
    groups: [
      { name: "g", owners, policy: { quorum: "two-thirds" } },
      { name: "liars", owners: ["liar"], policy: { quorum: "two-thirds" } },
    ],
  });
  listen(network, () => true);
  return { crypto, network, forge: createForge(network, crypto) };
}

type Scene = ReturnType<typeof fourOwners>;

/** What a proof is made of; each part may be replaced by a false one. */
interface Parts {
  readonly block: ForgedBlock;
  readonly certified: ForgedMetablock;
  readonly certifiers: readonly (readonly [string, Scope | null])[];
  readonly child: Partial<MetablockHeader>;
  readonly childIssuer: string;
  readonly closers: readonly (readonly [string, Scope | null])[];
}

const own: Scope = { own: [0], parents: [] };
const ofParent: Scope = { own: [], parents: [[0, 0]] };

/** b's block, certified by b, c and d, and closed by b, a and c, whom issuing the child does not count for: each list just reaches its quorum of three. */
function proofOf({ crypto, network, forge }: Scene, changes: Partial<Parts> = {}): FinalityProof {
  const block = changes.block ?? forge.block("b", "g", [1, 2]);
  const certified = changes.certified ?? forge.metablock("b", { sequence: 0 }, [forge.reference(block, 0)]);
  const header = { sequence: 1, parents: [certified.id], ...changes.child };
  const child = forge.metablock(changes.childIssuer ?? "b", header);
  const certifiers = changes.certifiers ?? [
    ["c", own],
    ["d", null],
  ];
  const closers = changes.closers ?? [
    ["a", ofParent],
    ["b", ofParent],
    ["c", null],
  ];
  const certificates = (metablock: ForgedMetablock, signers: Parts["closers"]) =>
    signers.map(([name, scope]) => forge.certificate(name, metablock, scope).bytes);
  return {
    pacts: [encodePact(network.pacts.get("g")!)],
    group: groupBytes(crypto, network, forge),
    blockHeader: block.bytes,
    blockSignature: block.signature,
    chain: {
      reference: certified.shown[0]!,
      certified: { ...certified, references: [], certificates: certificates(certified, certifiers) },
      child: { ...child, references: [], certificates: certificates(child, closers) },
    },
  };
}

function groupBytes(crypto: Crypto, network: Scene["network"], forge: Scene["forge"], names = owners): Uint8Array {
  const pact = pactId(crypto, encodePact(network.pacts.get("g")!));
  return encodeSyncGroup({ pact, owners: names.map((name) => forge.signer(name).publicKey).sort(compare) });
}

describe("a finality proof", () => {
  const scene = fourOwners(nobleCrypto());
  const { crypto, forge, network } = scene;
  const block = forge.block("b", "g", [1, 2]);
  const refused = (proof: FinalityProof) => refusal(() => verifyFinalityProof(crypto, proof));

  it("that is true says what it proves, and by whom", () => {
    const proven = verifyFinalityProof(crypto, proofOf(scene));
    expect(proven).toMatchObject({ block: block.id, position: 0, firstEntry: 0 });
    const keys = (names: readonly string[]) => names.map((name) => toHex(forge.signer(name).publicKey)).sort();
    expect(proven.certifiedBy.map(toHex).sort()).toEqual(keys(["b", "c", "d"]));
    expect(proven.closedBy.map(toHex).sort()).toEqual(keys(["a", "b", "c"]));
  });

  it("with too few certificates is refused, however they are counted", () => {
    const few = (words: RegExp, changes: Partial<Parts>) => expect(refused(proofOf(scene, changes))).toMatch(words);
    few(/^proof-quorum: .* 2 owners certified its first metablock for the block, and its pact asks 3/, {
      certifiers: [["c", own]],
    });
    // Its issuer may not know the group yet: it counts only by a certificate.
    few(/^proof-quorum: .* 2 owners certified its second metablock/, {
      closers: [
        ["a", ofParent],
        ["c", null],
      ],
    });
    // One owner twice, and the issuer beside its own signature.
    few(/^proof-quorum/, {
      certifiers: [
        ["c", own],
        ["c", null],
      ],
    });
    few(/^proof-quorum/, {
      certifiers: [
        ["c", own],
        ["b", own],
      ],
    });
    // A scope that does not speak of this block: "it counts for those blocks and no others".
    few(/^proof-quorum/, {
      certifiers: [
        ["c", own],
        ["d", { own: [1], parents: [[0, 0]] }],
      ],
    });
    few(/^proof-quorum/, {
      closers: [
        ["a", ofParent],
        ["b", ofParent],
        ["c", { own: [0], parents: [[0, 1]] }],
      ],
    });
    // An issuer who is no owner counts for nothing.
    const certified = forge.metablock("liar", { sequence: 0 }, [forge.reference(block, 0)]);
    few(/^proof-quorum: .* 2 owners certified its first metablock/, { block, certified });
  });

  it("with a certificate by one who is no owner is refused", () => {
    const certifiers = [["c", own] as const, ["liar", own] as const];
    expect(refused(proofOf(scene, { certifiers }))).toMatch(/^proof-certificate: .* by one who is no owner/);
  });

  it("whose second metablock is no child, of another generation, or releases the group is refused", () => {
    expect(refused(proofOf(scene, { child: { parents: [new Uint8Array(32)] } }))).toMatch(/^proof-child: .* no child/);
    expect(refused(proofOf(scene, { child: { sequence: 2 } }))).toMatch(/^proof-child/);
    const releasedGroups = [network.groups.get("g")!];
    expect(refused(proofOf(scene, { child: { releasedGroups } }))).toMatch(/^proof-released: .* releases the group/);
  });

  it("whose reference is to another block, or of another count, is refused", () => {
    const other = forge.block("b", "g", [3]);
    const changed = [forge.reference(other, 0), forge.reference(block, 0, { count: 7 })];
    for (const reference of changed) {
      const certified = forge.metablock("b", { sequence: 0 }, [reference]);
      expect(refused(proofOf(scene, { block, certified }))).toMatch(/^proof-reference/);
    }
  });

  it("of a liar's own group, or with a pact that asks less, is no proof of this one's", () => {
    const proof = proofOf(scene);
    const alone = groupBytes(crypto, network, forge, ["liar"]);
    expect(refused({ ...proof, group: alone })).toMatch(/^proof-group: .* its block is of another group/);
    const pact = network.pacts.get("g")!;
    const weaker = encodePact({ ...pact, policy: { ...pact.policy, quorum: "majority" } });
    expect(refused({ ...proof, pacts: [weaker] })).toMatch(/^proof-pact: .* its pact is not the group's/);
    expect(refused({ ...proof, pacts: [] })).toMatch(/^proof-pact: .* it carries no pact/);
    expect(refused({ ...proof, chain: null })).toMatch(/^proof-chain: .* stands alone only in a group whose one owner/);
  });

  it("is taken over the wire as by anyone: a false one is blamed, a true one makes its block final", () => {
    const proof = (changes: Partial<Parts>, entries = block.entries) =>
      network.inject(
        "a",
        "liar",
        encodeMessage({ type: "proof", proof: encodeFinalityProof(proofOf(scene, changes)), entries }),
      );
    const { notices } = network.members.get("a")!;
    proof({ certifiers: [["c", own]] });
    expect(notices.map(({ error }) => error.code)).toEqual(["proof-quorum"]);
    proof({}, [block.entries[1]!, block.entries[0]!]);
    expect(notices.map(({ error }) => error.code)).toEqual(["proof-quorum", "proof-entries"]);
    expect(network.entriesOf("a", "g")).toEqual([]);
    proof({});
    expect(network.entriesOf("a", "g")).toEqual([1, 2]);
  });
});

describe("a finality proof with one bit changed", () => {
  const scene = fourOwners(cheapCrypto());

  it("is refused, whichever byte it is in", () => {
    const encoded = encodeFinalityProof(proofOf(scene));
    const accepted: number[] = [];
    for (let at = 0; at < encoded.length; at++) {
      const changed = encoded.slice();
      changed[at]! ^= 1 << (at % 8);
      if (refusal(() => verifyFinalityProof(scene.crypto, decodeFinalityProof(changed))) === "accepted")
        accepted.push(at);
    }
    expect(accepted).toEqual([]);
  });

  it("or cut off anywhere, is refused", () => {
    const encoded = encodeFinalityProof(proofOf(scene));
    for (let length = 0; length < encoded.length; length += 7) {
      expect(refusal(() => decodeFinalityProof(encoded.subarray(0, length)))).toMatch(/^cbor-truncated/);
    }
  });

  // The proven reference stands in the chain; what the evidence showed beside it would be bytes that nobody looks at.
  it("is refused where its evidence shows references that do not lead to its root", () => {
    const proof = proofOf(scene);
    const chain = proof.chain!;
    const reference = { ...chain.reference, path: [new Uint8Array(32)] };
    const changed = { ...proof, chain: { ...chain, certified: { ...chain.certified, references: [reference] } } };
    expect(refusal(() => verifyFinalityProof(scene.crypto, changed))).toMatch(/^proof-references/);
  });
});

/** A lock on b's second block, which its metablock holds after its first: `shown` are the references that the proof shows. */
function lockProof({ forge }: Scene, shown: readonly number[], certifiers: readonly string[] = ["c", "d"]) {
  const blocks = [forge.block("b", "g", [1]), forge.block("b", "g", [2], { counter: 2 })] as const;
  const metablock = forge.metablock(
    "b",
    { sequence: 0 },
    blocks.map((block, position) => forge.reference(block, position)),
  );
  const certificates = certifiers.map((name) => forge.certificate(name, metablock, { own: [0, 1], parents: [] }).bytes);
  const proof: LockProof = {
    metablock: { ...metablock, references: shown.map((index) => metablock.shown[index]!), certificates },
    parent: null,
    blockHeader: blocks[1].bytes,
    blockSignature: blocks[1].signature,
  };
  return proof;
}

/** A FRONTIER with this lock, as encoded bytes in the place of a lock that is decoded. */
function frontierWith(lock: LockProof): Uint8Array {
  const frontier = { highestFinalizableGeneration: -1, tip: null, attempt: 0, positions: [], locks: [lock] };
  return encodeMessage({ type: "frontier", frontier });
}

function lockedSlots({ network }: Scene): number {
  return network.members
    .get("a")!
    .participant.status(network.tag)
    .groups.reduce((sum, group) => sum + group.lockedSlots, 0);
}

describe("a lock's proof", () => {
  it("that is true is adopted from whoever shows it", () => {
    const scene = fourOwners(nobleCrypto());
    scene.network.inject("a", "liar", frontierWith(lockProof(scene, [0, 1])));
    expect(lockedSlots(scene)).toBe(1);
  });

  it("with too few certificates, by one who is no owner, or without its reference is refused by name", () => {
    const scene = fourOwners(nobleCrypto());
    const told = (lock: LockProof) => {
      scene.network.inject("a", "liar", frontierWith(lock));
      return scene.network.members
        .get("a")!
        .notices.map(({ error }) => `${error.code}: ${error.message}`)
        .pop();
    };
    expect(told(lockProof(scene, [0, 1], ["c"]))).toMatch(/^lock-proof: .* has 2 certificates, and its group asks 3/);
    expect(told(lockProof(scene, [0, 1], ["c", "c"]))).toMatch(/^lock-proof: .* has 2 certificates/);
    expect(told(lockProof(scene, [0, 1], ["c", "liar"]))).toMatch(/^proof-certificate/);
    expect(told(lockProof(scene, [0]))).toMatch(/^lock-proof: .* shows no reference to its block/);
    expect(lockedSlots(scene)).toBe(0);
  });

  it("with one bit changed is refused, whichever byte it is in", () => {
    const scene = fourOwners(cheapCrypto());
    const lock = lockProof(scene, [0, 1]);
    const message = frontierWith(lock);
    const length = encodeLockProof(lock).length;
    for (let at = message.length - length; at < message.length; at++) {
      const changed = message.slice();
      changed[at]! ^= 1 << (at % 8);
      scene.network.disconnect("a", "liar");
      scene.network.connect("a", "liar");
      scene.network.inject("a", "liar", changed);
      expect([at, lockedSlots(scene)]).toEqual([at, 0]);
    }
  });

  // Who adopted it would not know that the slot before held b's first block there: when another block is final in that slot the lock
  // would stay, b's second block could not follow on, and the group would stand still for good.
  it("that leaves out what its metablock holds before the slot is not adopted", () => {
    const scene = fourOwners(cheapCrypto());
    scene.network.inject("a", "liar", frontierWith(lockProof(scene, [1])));
    expect(lockedSlots(scene)).toBe(0);
  });
});

describe("a group of one owner who issues two histories", () => {
  const prove = (scene: Scene, block: ForgedBlock): Uint8Array => {
    const pact = encodePact(scene.network.pacts.get("liars")!);
    const owner: Hash[] = [scene.forge.signer("liar").publicKey];
    const group = encodeSyncGroup({ pact: pactId(scene.crypto, pact), owners: owner });
    const proof = { pacts: [pact], group, blockHeader: block.bytes, blockSignature: block.signature, chain: null };
    return encodeFinalityProof(proof);
  };
  const followed = () => {
    const crypto = cheapCrypto();
    const network = createNetwork({
      crypto,
      members: ["a", "liar"],
      groups: [{ name: "liars", owners: ["liar"] }],
      followers: ["a"],
    });
    listen(network, () => true);
    return { crypto, network, forge: createForge(network, crypto) };
  };

  it("is told to its followers, who keep the first", () => {
    const scene = followed();
    const { network, forge } = scene;
    const blocks = [forge.block("liar", "liars", [1]), forge.block("liar", "liars", [2], { counter: 2 })];
    for (const block of blocks) {
      network.inject("a", "liar", encodeMessage({ type: "proof", proof: prove(scene, block), entries: block.entries }));
    }
    expect(network.entriesOf("a", "liars")).toEqual([1]);
    expect(network.members.get("a")!.notices.map(({ error }) => error.code)).toEqual(["proof-previous"]);
  });

  // The first waits for its entries in its slot when the second comes.
  it("does not bring a follower down that still waits for the entries of the first", () => {
    const scene = followed();
    const { network, forge } = scene;
    for (const value of [1, 2]) {
      const proof = prove(scene, forge.block("liar", "liars", [value]));
      network.inject("a", "liar", encodeMessage({ type: "proof", proof, entries: null }));
    }
    expect(network.members.get("a")!.notices.map(({ error }) => error.code)).toEqual(["proof-previous"]);
  });

  it("leaves nothing in the store of what was refused", () => {
    const scene = followed();
    const { network, forge } = scene;
    const { store } = network.members.get("a")!;
    const before = store.size;
    const block = forge.block("liar", "liars", [1], { counter: 5 });
    network.inject("a", "liar", encodeMessage({ type: "proof", proof: prove(scene, block), entries: block.entries }));
    expect(store.size).toBe(before);
  });
});
