import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { verifyAttestation } from "../../firmware/core/identity/attestation";
import { decodeProvision, encodeProvision } from "../../firmware/core/identity/provision";
import { decodeEntry, encodeEntry, encodeGap, gapCount } from "../../firmware/core/pact/entry";
import { decodePact, encodePact } from "../../firmware/core/pact/pact";
import { equal, fromHex, toHex } from "../../firmware/core/wire/bytes";
import { decode, encode } from "../../firmware/core/wire/cbor";
import { decodeMessage, encodeMessage } from "../../firmware/core/wire/messages";
import {
  decodeFinalityProof,
  decodeLockProof,
  encodeFinalityProof,
  encodeLockProof,
} from "../../firmware/core/wire/proofs";
import {
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
} from "../../firmware/core/wire/structures";
import { decodeText, encodeText } from "../../firmware/core/wire/text";
import { nobleCrypto } from "../../firmware/device/noble";
import { bytes, cbor, counter, hash, pact, signature, sortedHashes, text, turn } from "./arbitraries";
import { refusal } from "./refusal";
import { everyTypePact, everyValue, makeSamples, sampleMessages, worldId } from "./samples";

const crypto = nobleCrypto();
const samples = makeSamples(crypto);
const every = everyTypePact(crypto);

const everyEntries = [
  encodeEntry(every.fields, everyValue, every.policy),
  encodeEntry(every.fields, [false, 0, 0, 0, "", Uint8Array.of(0), "off", [], new Map(), everyValue[9]!], every.policy),
  samples.gapEntry,
];

/** Every decoder, how what it gives is encoded again, and sound bytes to damage. */
const decoders: readonly (readonly [string, (bytes: Uint8Array) => unknown, readonly Uint8Array[]])[] = [
  ["CBOR", (given) => encode(decode(given)), [samples.everyTypePact]],
  ["text", (given) => encodeText(decodeText(given)), [encodeText("gr\u00fc\u00df \ud83d\ude00")]],
  ["sync group", (given) => encodeSyncGroup(decodeSyncGroup(given)), [samples.group]],
  ["block header", (given) => encodeBlockHeader(decodeBlockHeader(given)), [samples.block, samples.soleBlock]],
  [
    "metablock header",
    (given) => encodeMetablockHeader(decodeMetablockHeader(given)),
    [samples.genesisBytes, samples.childBytes],
  ],
  ["block reference", (given) => encodeBlockReference(decodeBlockReference(given)), [samples.shown.bytes]],
  ["certificate", (given) => encodeCertificate(decodeCertificate(given)), samples.certificates.map(encodeCertificate)],
  [
    "finality proof",
    (given) => encodeFinalityProof(decodeFinalityProof(given)),
    [encodeFinalityProof(samples.finalityProof)],
  ],
  ["lock proof", (given) => encodeLockProof(decodeLockProof(given)), [encodeLockProof(samples.lockProof)]],
  ["message", (given) => encodeMessage(decodeMessage(given)), sampleMessages(samples).map(encodeMessage)],
  ["pact", (given) => encodePact(decodePact(given)), [samples.pact, samples.everyTypePact]],
  [
    "provision",
    (given) => encodeProvision(decodeProvision(given)),
    [samples.encodedProvision, samples.growingProvision, samples.newcomersProvision],
  ],
  ["entry", entryAgain, everyEntries],
];

function entryAgain(given: Uint8Array): Uint8Array {
  const gap = gapCount(given);
  if (gap !== undefined) return encodeGap(gap);
  return encodeEntry(every.fields, decodeEntry(every.fields, given, every.policy), every.policy);
}

/** Refused in words, or the only encoding of what was read: then encoding it again gives the same bytes. */
function refusedOrExact(again: (bytes: Uint8Array) => unknown, given: Uint8Array): boolean {
  let encoded: unknown = given;
  const verdict = refusal(() => {
    encoded = again(given);
  });
  return verdict !== "accepted" || equal(encoded as Uint8Array, given);
}

describe("every decoder", () => {
  for (const [name, again, sound] of decoders) {
    it(`refuses in words or reads exactly: ${name}`, () => {
      fc.assert(fc.property(bytes(80), (given) => refusedOrExact(again, given)));
      fc.assert(fc.property(cbor, (value) => refusedOrExact(again, encode(value))));
      const place = fc.record({ of: fc.constantFrom(...sound), at: fc.nat(), byte: fc.nat(255), cut: fc.boolean() });
      fc.assert(
        fc.property(place, ({ of, at, byte, cut }) => {
          const damaged = of.slice(0, cut ? at % of.length : of.length);
          if (damaged.length > 0) damaged[at % damaged.length] = byte;
          return refusedOrExact(again, damaged);
        }),
        { numRuns: 300 },
      );
    });
  }

  it("refuses in words: attestation", () => {
    fc.assert(
      fc.property(bytes(80), (given) => refusal(() => verifyAttestation(crypto, worldId, given)) !== "accepted"),
    );
  });
});

/** Whatever it is, it comes back from its encoding as it was. */
function comesBack<T>(arbitrary: fc.Arbitrary<T>, thereAndBack: (value: T) => unknown): void {
  fc.assert(
    fc.property(arbitrary, (value) => {
      expect(thereAndBack(value)).toEqual(value);
    }),
  );
}

describe("what is encoded is read back the same", () => {
  it("as CBOR, text and hex", () => {
    comesBack(cbor, (value) => decode(encode(value)));
    comesBack(text, (value) => decodeText(encodeText(value)));
    comesBack(bytes(20), (value) => fromHex(toHex(value)));
  });

  it("as pacts", () => {
    comesBack(pact, (value) => decodePact(encodePact(value)));
  });

  it("as block headers", () => {
    const header = fc.record({
      group: hash,
      issuer: hash,
      counter: turn.map((value) => value || 1),
      count: fc.integer({ min: 1, max: 1024 }),
      entriesHash: hash,
      time: counter,
      previous: fc.option(hash),
    });
    comesBack(header, (value) => decodeBlockHeader(encodeBlockHeader(value)));
  });

  it("as metablock headers", () => {
    const header = fc.record({
      sequence: turn.map((value) => value || 1),
      attempt: turn,
      parents: sortedHashes(1, 5),
      releasedGroups: sortedHashes(0, 5),
      root: hash,
      referenceCount: fc.nat(1024),
      issuer: hash,
    });
    comesBack(header, (value) => decodeMetablockHeader(encodeMetablockHeader(value)));
  });

  it("as certificates", () => {
    const ascending = (most: number) =>
      fc.uniqueArray(fc.nat(most), { maxLength: 8 }).map((indexes) => indexes.sort((a, b) => a - b));
    const scope = fc.record({
      own: ascending(1023),
      parents: ascending(65_535).map((ranks) => ranks.map((rank) => [rank >> 10, rank & 1023] as const)),
    });
    const certificate = fc.record({ metablock: hash, signer: hash, scope: fc.option(scope), signature });
    comesBack(certificate, (value) => {
      const { bytes: encoded, ...read } = decodeCertificate(encodeCertificate(value));
      return encoded.length > 0 && read;
    });
  });
});
