import { describe, expect, it } from "vitest";
import { slotWindow } from "../../firmware/core/chain/group";
import { closingQuorumSize } from "../../firmware/core/pact/pact";
import { type Cbor, decode, encode } from "../../firmware/core/wire/cbor";
import {
  maxBlockBytes,
  maxCapabilities,
  maxCertificateBytes,
  maxCount,
  maxEntries,
  maxGroups,
  maxLockProofBytes,
  maxOwners,
  maxPactBytes,
  maxPactDepth,
  maxParents,
  maxPathLength,
  maxReleasedGroups,
  maxWanted,
  proofFileLimit,
} from "../../firmware/core/wire/limits";
import { decodeMessage, encodeMessage, messageLimit } from "../../firmware/core/wire/messages";
import {
  decodeFinalityProof,
  decodeLockProof,
  encodeFinalityProof,
  encodeLockProof,
} from "../../firmware/core/wire/proofs";
import { encodeMetablockHeader, encodeSyncGroup } from "../../firmware/core/wire/structures";
import type { Message, ShownReference } from "../../firmware/core/wire/types";
import { nobleCrypto } from "../../firmware/device/noble";
import { refusal } from "./refusal";
import { makeSamples, sampleMessages } from "./samples";

const samples = makeSamples(nobleCrypto());
const messages = sampleMessages(samples);
const hash = new Uint8Array(32);

describe("messages", () => {
  it("of all twelve types are the same after encoding and decoding, with their number first", () => {
    const types = [
      ...["hello", "block", "header", "metablock", "certificate", "want", "frontier", "pull", "proof", "bye"],
      ...["certificates", "chunk"],
    ];
    const seen = new Set<string>();
    for (const message of messages) {
      const encoded = encodeMessage(message);
      expect(decodeMessage(encoded)).toEqual(message);
      expect((decode(encoded) as readonly Cbor[])[0]).toBe(types.indexOf(message.type) + 1);
      seen.add(message.type);
    }
    expect([...seen].sort()).toEqual(types.sort());
  });

  it("carry what is signed as a byte string of its exact bytes", () => {
    const [, header, signature] = decode(encodeMessage(messages[1]!)) as readonly Cbor[];
    expect(header).toEqual(samples.block);
    expect(signature).toEqual(samples.blockSignature);
  });

  it("of an unknown type, without a type, or not an array are refused", () => {
    for (const value of [[13, null], [0], ["hello"], [{ float: 1 }, hash], []] as Cbor[]) {
      expect(refusal(() => decodeMessage(encode(value)))).toBe("message-type: message is of an unknown type");
    }
    expect(refusal(() => decodeMessage(encode(1)))).toBe("structure-shape: message is not an array");
  });

  it("are refused with an item missing, added or of another type, by the message's name", () => {
    for (const message of messages) {
      const items = decode(encodeMessage(message)) as readonly Cbor[];
      const name = message.type.toUpperCase();
      expect(refusal(() => decodeMessage(encode(items.slice(0, -1))))).toMatch(
        new RegExp(`^structure-shape: ${name} has`),
      );
      expect(refusal(() => decodeMessage(encode([...items, 0])))).toMatch(new RegExp(`^structure-shape: ${name} has`));
      for (let index = 1; index < items.length; index++) {
        const changed = items.map((item, at) => (at === index ? new Map() : item));
        expect(refusal(() => decodeMessage(encode(changed)))).toMatch(new RegExp(`^structure-.*: ${name}: `));
      }
    }
  });

  it("cut off at any byte are refused", () => {
    for (const message of messages) {
      const encoded = encodeMessage(message);
      for (let length = 0; length < encoded.length; length += 7) {
        expect(refusal(() => decodeMessage(encoded.subarray(0, length)))).toMatch(/^cbor-truncated/);
      }
    }
  });

  it("over the limit are not taken", () => {
    const entries = [0, 1, 2, 3].map(() => new Uint8Array(16_384));
    const encoded = encodeMessage({ ...messages[1], entries } as Message);
    expect(refusal(() => decodeMessage(encoded))).toMatch(/^message-limit: message has 65\d{3} bytes/);
  });

  const many = (count: number, length: number) => new Array<Uint8Array>(count).fill(new Uint8Array(length));
  const widest = { ...samples.child, parents: many(maxParents, 32), releasedGroups: many(maxReleasedGroups, 32) };
  const evidence = (references: readonly ShownReference[], certificates: number) => ({
    bytes: encodeMetablockHeader(widest),
    signature: samples.blockSignature,
    references,
    certificates: many(certificates, maxCertificateBytes),
  });
  const reference = { ...samples.shown, path: many(maxPathLength, 32) };

  it("carry the largest finality proof, at every bound at once; and the largest block", () => {
    const proof = encodeFinalityProof({
      pacts: many(maxPactDepth, maxPactBytes),
      group: encodeSyncGroup({ ...samples.syncGroup, owners: many(maxOwners, 32) }),
      blockHeader: samples.block,
      blockSignature: samples.blockSignature,
      chain: {
        reference,
        certified: evidence([], maxOwners),
        child: evidence([], closingQuorumSize("all", maxOwners)),
      },
    });
    expect(encodeMessage({ type: "proof", proof, entries: null }).length).toBeLessThanOrEqual(messageLimit);
    const entries = many(maxEntries, maxBlockBytes / maxEntries);
    // Together they are more than a message, and can be read from a file.
    const together = encodeMessage({ type: "proof", proof, entries });
    expect(refusal(() => decodeMessage(together))).toMatch(/^message-limit/);
    expect(decodeMessage(together, proofFileLimit)).toMatchObject({ type: "proof" });
    const block = { type: "block", header: samples.block, signature: samples.blockSignature, entries } as const;
    expect(encodeMessage(block).length).toBeLessThanOrEqual(messageLimit);
  });

  it("carry the largest proof of a lock in a FRONTIER that says no positions", () => {
    const lock = {
      metablock: evidence(new Array<ShownReference>(slotWindow + 1).fill(reference), maxOwners),
      parent: evidence(new Array<ShownReference>(slotWindow).fill(reference), 0),
      blockHeader: samples.block,
      blockSignature: samples.blockSignature,
    };
    expect(encodeLockProof(lock).length).toBeLessThanOrEqual(maxLockProofBytes);
    const frontier = { highestFinalizableGeneration: maxCount, tip: hash, attempt: maxCount, positions: [] };
    const bytes = encodeMessage({ type: "frontier", frontier: { ...frontier, locks: [lock] } });
    expect(bytes.length).toBeLessThanOrEqual(messageLimit);
  });

  it("carry the positions of as many groups as are shared at most", () => {
    const positions = Array.from({ length: maxGroups }, () => [hash, Number.MAX_SAFE_INTEGER] as const);
    const frontier = { highestFinalizableGeneration: maxCount, tip: hash, attempt: maxCount, positions, locks: [] };
    expect(encodeMessage({ type: "frontier", frontier }).length).toBeLessThanOrEqual(messageLimit);
  });

  it("hold no more of anything than the bounds", () => {
    const many = (count: number, value: Cbor) => new Array<Cbor>(count).fill(value);
    const excesses: readonly Cbor[] = [
      [1, many(maxCapabilities + 1, "a"), [], 0],
      [1, ["a".repeat(65)], [], 0],
      [1, [], many(maxGroups + 1, hash), 0],
      [2, samples.block, samples.blockSignature, many(maxEntries + 1, new Uint8Array(0))],
      [4, hash, samples.blockSignature, [[0, hash, many(maxPathLength + 1, hash)]]],
      [6, many(maxWanted + 1, hash)],
      [10, "b".repeat(257)],
    ];
    for (const items of excesses) expect(refusal(() => decodeMessage(encode(items)))).toMatch(/^structure-bound/);
  });

  it("say HFG -1 before the first generation, and nothing lower", () => {
    expect(refusal(() => decodeMessage(encode([7, -2, null, 0, [], []])))).toMatch(/FRONTIER: HFG is -2/);
  });
});

describe("proofs", () => {
  it("are the same after encoding and decoding", () => {
    const { finalityProof, lockProof, genesisEvidence } = samples;
    expect(decodeFinalityProof(encodeFinalityProof(finalityProof))).toEqual(finalityProof);
    expect(decodeFinalityProof(encodeFinalityProof({ ...finalityProof, chain: null })).chain).toBeNull();
    expect(decodeLockProof(encodeLockProof(lockProof))).toEqual(lockProof);
    const withParent = { ...lockProof, parent: genesisEvidence };
    expect(decodeLockProof(encodeLockProof(withParent))).toEqual(withParent);
  });

  it("are refused with an item missing or of another type, by name", () => {
    const proofs = [
      ["finality proof", encodeFinalityProof(samples.finalityProof), decodeFinalityProof],
      ["lock proof", encodeLockProof(samples.lockProof), decodeLockProof],
    ] as const;
    for (const [name, bytes, decodeProof] of proofs) {
      const items = decode(bytes) as readonly Cbor[];
      expect(refusal(() => decodeProof(encode(items.slice(1))))).toMatch(new RegExp(`^structure-shape: ${name} has`));
      for (let index = 0; index < items.length; index++) {
        const changed = encode(items.map((item, at) => (at === index ? 7 : item)));
        expect(refusal(() => decodeProof(changed))).toMatch(new RegExp(`^structure-.*: ${name}: `));
      }
    }
  });
});
