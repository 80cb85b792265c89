import { describe, expect, it } from "vitest";
import { type Cbor, decode, encode } from "../../firmware/core/wire/cbor";
import {
  maxCertificateBytes,
  maxEntries,
  maxOwners,
  maxParents,
  maxReferences,
  maxReleasedGroups,
} from "../../firmware/core/wire/limits";
import { verifySignature } from "../../firmware/core/wire/signature";
import {
  certificateHash,
  decodeBlockHeader,
  decodeBlockReference,
  decodeCertificate,
  decodeMetablockHeader,
  decodeSyncGroup,
  encodeBlockHeader,
  encodeBlockReference,
  encodeCertificate,
  encodeMetablockHeader,
  encodeSyncGroup,
  entriesHash,
  signedBlockHeader,
  signedMetablockHeader,
} from "../../firmware/core/wire/structures";
import { nobleCrypto } from "../../firmware/device/noble";
import { refusal } from "./refusal";
import { makeSamples } from "./samples";

const crypto = nobleCrypto();
const samples = makeSamples(crypto);
const hashes = (count: number) =>
  Array.from({ length: count }, (_, index) => new Uint8Array(32).fill(index >> 8, 0, 1).fill(index & 255, 1));

/** What is made of these bytes when item `index` is another. */
function replaced(bytes: Uint8Array, index: number, value: Cbor): Uint8Array {
  return encode((decode(bytes) as readonly Cbor[]).map((item, at) => (at === index ? value : item)));
}

describe("structures", () => {
  it("are the same after encoding and decoding", () => {
    expect(decodeSyncGroup(samples.group)).toEqual(samples.syncGroup);
    expect(decodeBlockHeader(samples.block)).toEqual(samples.blockHeader);
    expect(decodeMetablockHeader(samples.genesisBytes)).toEqual(samples.genesis);
    expect(decodeMetablockHeader(samples.childBytes)).toEqual(samples.child);
    expect(decodeBlockReference(encodeBlockReference(samples.blockReference))).toEqual(samples.blockReference);
    for (const certificate of samples.certificates) {
      const bytes = encodeCertificate(certificate);
      expect(decodeCertificate(bytes)).toEqual({ ...certificate, bytes });
    }
  });

  it("are refused with items missing or added, by the structure's name", () => {
    const decoders: readonly (readonly [string, Uint8Array, (bytes: Uint8Array) => unknown])[] = [
      ["sync group", samples.group, decodeSyncGroup],
      ["block header", samples.block, decodeBlockHeader],
      ["metablock header", samples.genesisBytes, decodeMetablockHeader],
      ["block reference", encodeBlockReference(samples.blockReference), decodeBlockReference],
      ["certificate", encodeCertificate(samples.certificates[0]!), decodeCertificate],
    ];
    for (const [name, bytes, decodeIt] of decoders) {
      const items = decode(bytes) as readonly Cbor[];
      const wrong = `structure-shape: ${name} has ${items.length - 1} items in place of ${items.length}`;
      expect(refusal(() => decodeIt(encode(items.slice(0, -1))))).toBe(wrong);
      expect(refusal(() => decodeIt(encode([...items, null])))).toMatch(/^structure-shape: /);
      expect(refusal(() => decodeIt(encode(7)))).toBe(`structure-shape: ${name} is not an array`);
      for (let index = 0; index < items.length; index++) {
        // No item of any structure is a map.
        expect(refusal(() => decodeIt(replaced(bytes, index, new Map())))).toMatch(
          new RegExp(`^structure-.*: ${name}: `),
        );
      }
    }
  });
});

describe("a sync group", () => {
  const group = (owners: readonly Uint8Array[]) => encodeSyncGroup({ pact: samples.syncGroup.pact, owners });

  it("has one owner at least and no more than the bound", () => {
    expect(refusal(() => decodeSyncGroup(group([])))).toMatch(/^structure-field: sync group: owners are none/);
    expect(decodeSyncGroup(group(hashes(maxOwners))).owners.length).toBe(maxOwners);
    expect(refusal(() => decodeSyncGroup(group(hashes(maxOwners + 1))))).toMatch(/^structure-bound: sync group/);
  });

  it("has its owners sorted by bytes, each once, each a key of 32 bytes", () => {
    const [a, b] = hashes(2);
    expect(refusal(() => decodeSyncGroup(group([b!, a!])))).toBe(
      "structure-order: sync group: owner 1 is out of order or there twice",
    );
    expect(refusal(() => decodeSyncGroup(group([a!, a!])))).toMatch(/^structure-order/);
    expect(refusal(() => decodeSyncGroup(group([a!.slice(1)])))).toBe(
      "structure-field: sync group: owner 0 has 31 bytes in place of 32",
    );
  });
});

describe("a block header", () => {
  const header = (changes: object) => encodeBlockHeader({ ...samples.blockHeader, ...changes });

  it("counts from 1, and holds one entry at least and no more than the bound", () => {
    expect(refusal(() => decodeBlockHeader(header({ counter: 0 })))).toBe(
      "structure-field: block header: counter is 0, below its least of 1",
    );
    expect(refusal(() => decodeBlockHeader(header({ count: 0 })))).toMatch(
      /^structure-field: block header: count is 0/,
    );
    expect(decodeBlockHeader(header({ count: maxEntries })).count).toBe(maxEntries);
    expect(refusal(() => decodeBlockHeader(header({ count: maxEntries + 1 })))).toMatch(/^structure-bound/);
  });

  it("has no negative time and no integer beyond 2^53", () => {
    expect(decodeBlockHeader(header({ time: 0 })).time).toBe(0);
    expect(refusal(() => decodeBlockHeader(header({ time: -1 })))).toMatch(
      /^structure-field: block header: time is -1/,
    );
    expect(refusal(() => decodeBlockHeader(replaced(samples.block, 2, 2n ** 53n)))).toMatch(
      /not an integer within 2\^53/,
    );
    expect(refusal(() => decodeBlockHeader(replaced(samples.block, 2, { float: 1 })))).toMatch(/not an integer/);
  });

  it("names the block before it where there is one", () => {
    expect(decodeBlockHeader(samples.soleBlock).previous).toEqual(samples.blockId);
    expect(refusal(() => decodeBlockHeader(header({ previous: new Uint8Array(31) })))).toMatch(/previous has 31 bytes/);
  });

  it("has its BlockId from the bytes received, over which the signature is", () => {
    const signed = signedBlockHeader(crypto, samples.block, samples.blockSignature);
    expect(signed.id).toEqual(samples.blockId);
    expect(verifySignature(crypto, signed.value.issuer, signed.id, signed.signature)).toBe(true);
    expect(refusal(() => signedBlockHeader(crypto, samples.block, new Uint8Array(63)))).toBe(
      "structure-field: block header: signature has 63 bytes in place of 64",
    );
  });

  it("has an entriesHash that changes with any entry, with their order and with how they are cut", () => {
    const [a, b] = samples.entries;
    const all = [[a!, b!], [b!, a!], [a!], [], [Uint8Array.of(...a!, ...b!)]].map(
      (each) => `${entriesHash(crypto, each)}`,
    );
    expect(new Set(all).size).toBe(all.length);
    expect(entriesHash(crypto, samples.entries)).toEqual(samples.blockHeader.entriesHash);
  });
});

describe("a metablock header", () => {
  const header = (changes: object) => encodeMetablockHeader({ ...samples.child, ...changes });

  it("has no parents at genesis and one at least after it (PROTOCOL 5, SIC-DAG invariants)", () => {
    expect(refusal(() => decodeMetablockHeader(header({ parents: [] })))).toMatch(
      /^structure-field: metablock header: parents/,
    );
    expect(refusal(() => decodeMetablockHeader(header({ sequence: 0 })))).toMatch(/only genesis has none/);
    expect(refusal(() => decodeMetablockHeader(header({ sequence: -1 })))).toMatch(
      /sequence is -1, below its least of 0/,
    );
    expect(refusal(() => decodeMetablockHeader(header({ attempt: -1 })))).toMatch(/attempt is -1/);
  });

  it("has parents and released groups sorted, each once, and no more than their bounds", () => {
    const [a, b] = hashes(2);
    for (const field of ["parents", "releasedGroups"] as const) {
      expect(refusal(() => decodeMetablockHeader(header({ [field]: [b, a] })))).toMatch(/^structure-order/);
      expect(refusal(() => decodeMetablockHeader(header({ [field]: [a, a] })))).toMatch(/^structure-order/);
    }
    expect(decodeMetablockHeader(header({ parents: hashes(maxParents) })).parents.length).toBe(maxParents);
    expect(refusal(() => decodeMetablockHeader(header({ parents: hashes(maxParents + 1) })))).toMatch(
      /^structure-bound/,
    );
    const released = hashes(maxReleasedGroups + 1);
    expect(refusal(() => decodeMetablockHeader(header({ releasedGroups: released })))).toMatch(/^structure-bound/);
  });

  it("has no more references than the bound", () => {
    expect(decodeMetablockHeader(header({ referenceCount: maxReferences })).referenceCount).toBe(maxReferences);
    expect(refusal(() => decodeMetablockHeader(header({ referenceCount: maxReferences + 1 })))).toMatch(
      /^structure-bound/,
    );
  });

  it("has its MetablockId from the bytes received, and the issuer's signature over it is the issuing certificate", () => {
    const signed = signedMetablockHeader(crypto, samples.genesisBytes, samples.genesisEvidence.signature);
    expect(signed.id).toEqual(samples.genesisId);
    expect(verifySignature(crypto, signed.value.issuer, signed.id, signed.signature)).toBe(true);
  });
});

describe("a block reference", () => {
  it("has a position and a first entry of 0 or more, and a count within the bound", () => {
    const reference = (changes: object) => encodeBlockReference({ ...samples.blockReference, ...changes });
    expect(refusal(() => decodeBlockReference(reference({ position: -1 })))).toMatch(/position is -1/);
    expect(refusal(() => decodeBlockReference(reference({ firstEntry: -1 })))).toMatch(/firstEntry is -1/);
    expect(refusal(() => decodeBlockReference(reference({ count: 0 })))).toMatch(/count is 0/);
    expect(refusal(() => decodeBlockReference(reference({ count: maxEntries + 1 })))).toMatch(/^structure-bound/);
  });
});

describe("a certificate", () => {
  const [full, scoped] = samples.certificates;
  const withScope = (scope: Cbor) => replaced(encodeCertificate(full!), 2, scope);

  it("is signed over the metablock, the signer and the scope, so that it counts for no other", () => {
    for (const { metablock, signer, scope, signature } of samples.certificates) {
      expect(verifySignature(crypto, signer, certificateHash(crypto, metablock, signer, scope), signature)).toBe(true);
    }
    const { metablock, signer, signature } = full!;
    const narrowed = certificateHash(crypto, metablock, signer, scoped!.scope);
    expect(verifySignature(crypto, signer, narrowed, signature)).toBe(false);
  });

  it("has a scope of ascending indexes, each once, so that one scope has one encoding", () => {
    expect(
      decodeCertificate(
        withScope([
          [0, 2, 5],
          [
            [0, 9],
            [1, 0],
            [1, 3],
          ],
        ]),
      ).scope,
    ).toEqual({
      own: [0, 2, 5],
      parents: [
        [0, 9],
        [1, 0],
        [1, 3],
      ],
    });
    for (const scope of [
      [[2, 0], []],
      [[1, 1], []],
      [
        [],
        [
          [1, 0],
          [0, 5],
        ],
      ],
      [
        [],
        [
          [1, 3],
          [1, 0],
        ],
      ],
      [
        [],
        [
          [1, 3],
          [1, 3],
        ],
      ],
    ]) {
      expect(refusal(() => decodeCertificate(withScope(scope)))).toMatch(/^structure-order: certificate: scope/);
    }
  });

  it("has no index that no metablock has, and no more indexes than the bounds", () => {
    for (const scope of [
      [[-1], []],
      [[maxReferences], []],
      [[], [[maxParents, 0]]],
      [[], [[0, maxReferences]]],
      [[], [[0]]],
      [[]],
    ]) {
      expect(refusal(() => decodeCertificate(withScope(scope)))).toMatch(/^structure-/);
    }
  });

  it("is refused where it is larger than one may be: who certifies more gives several", () => {
    const ofPlaces = (count: number) => withScope([[], Array.from({ length: count }, (_, index) => [63, 256 + index])]);
    let most = 0;
    while (ofPlaces(most + 1).length <= maxCertificateBytes) most++;
    expect(decodeCertificate(ofPlaces(most)).scope!.parents).toHaveLength(most);
    expect(refusal(() => decodeCertificate(ofPlaces(most + 1)))).toMatch(
      /^structure-bound: certificate has 2\d\d bytes, and the most is 288/,
    );
  });
});
