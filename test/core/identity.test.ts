import { describe, expect, it } from "vitest";
import { attest, verifyAttestation } from "../../firmware/core/identity/attestation";
import { avatarSeed, noiseStatic } from "../../firmware/core/identity/avatar";
import { decodeProvision, encodeProvision } from "../../firmware/core/identity/provision";
import { membership, worldPsk, worldTag } from "../../firmware/core/identity/world";
import { toHex } from "../../firmware/core/wire/bytes";
import { type Cbor, decode, encode } from "../../firmware/core/wire/cbor";
import { hash } from "../../firmware/core/wire/hash";
import { nobleCrypto } from "../../firmware/device/noble";
import { refusal } from "./refusal";
import { makeSamples } from "./samples";

const crypto = nobleCrypto();
const seed = new Uint8Array(32).fill(1);
const world = new Uint8Array(32).fill(2);
const otherWorld = new Uint8Array(32).fill(3);
const attestation = attest(crypto, seed, world);

/** The attestation with an item changed, and signed again by whoever holds the participant's seed. */
function resigned(index: number, value: Cbor): Uint8Array {
  const items = (decode(attestation) as readonly Cbor[]).slice(0, 5);
  items[index] = value;
  return encode([...items, crypto.signer(seed).sign(hash(crypto, "attestation", encode(items)))]);
}

function changed(index: number, value: Cbor): Uint8Array {
  return encode((decode(attestation) as readonly Cbor[]).map((item, at) => (at === index ? value : item)));
}

const refused = (bytes: Uint8Array, worldId = world) => refusal(() => verifyAttestation(crypto, worldId, bytes));

describe("an avatar", () => {
  it("is another in each world and of each participant, and the same each time", () => {
    const seeds = [world, otherWorld].flatMap((id) => [seed, world].map((own) => toHex(avatarSeed(crypto, own, id))));
    expect(new Set(seeds).size).toBe(4);
    expect(toHex(avatarSeed(crypto, seed, world))).toBe(seeds[0]);
  });

  it("has secrets that are not each other: seed, static key, and the world's key and tag", () => {
    const own = avatarSeed(crypto, seed, world);
    const secrets = [own, noiseStatic(crypto, own), worldPsk(crypto, world), world, seed].map(toHex);
    expect(new Set(secrets).size).toBe(5);
    expect(worldTag(crypto, world).length).toBe(16);
    expect(secrets.some((secret) => secret.slice(0, 32) === toHex(worldTag(crypto, world)))).toBe(false);
  });
});

describe("an attestation", () => {
  it("tells a member of the world whose avatar it is", () => {
    const { participantKey, avatarId } = verifyAttestation(crypto, world, attestation);
    expect(participantKey).toEqual(crypto.signer(seed).publicKey);
    expect(avatarId).toEqual(crypto.signer(avatarSeed(crypto, seed, world)).publicKey);
  });

  it("of another world is refused, naming both worlds", () => {
    const tags = [world, otherWorld].map((id) => toHex(worldTag(crypto, id)));
    expect(refused(attestation, otherWorld)).toBe(
      `attestation-world: The peer is an avatar of world ${tags[0]}, and this is world ${tags[1]}`,
    );
  });

  it("by one who knows the tag but not the World id is refused, signed or not", () => {
    const stranger = attest(crypto, new Uint8Array(32).fill(9), otherWorld);
    const items = decode(stranger) as readonly Cbor[];
    const claimed = [...items.slice(0, 3), worldTag(crypto, world), items[4]!];
    const signer = crypto.signer(new Uint8Array(32).fill(9));
    const bytes = encode([...claimed, signer.sign(hash(crypto, "attestation", encode(claimed)))]);
    expect(refused(bytes)).toMatch(/^attestation-membership: Avatar [0-9a-f]{64} doesn't prove/);
  });

  it("of a suite that is not spoken is refused by its number", () => {
    expect(refused(resigned(0, 2))).toMatch(/^attestation-suite: The peer's identity is of suite 2/);
  });

  it("of an avatar that its participant did not make is refused", () => {
    const stolen = crypto.signer(new Uint8Array(32).fill(9)).publicKey;
    expect(refused(changed(1, stolen))).toMatch(/^attestation-signature/);
    const member = encode([
      ...(decode(attestation) as readonly Cbor[]).slice(0, 2),
      stolen,
      worldTag(crypto, world),
      membership(crypto, world, stolen),
      new Uint8Array(64),
    ]);
    expect(refused(member)).toMatch(/^attestation-signature: Avatar .* is not attested by participant/);
  });

  it("with any one byte changed, or cut off anywhere, is refused", () => {
    for (let index = 0; index < attestation.length; index++) {
      const flipped = Uint8Array.from(attestation, (byte, at) => (at === index ? byte ^ 1 : byte));
      expect([index, refused(flipped)]).not.toEqual([index, "accepted"]);
      expect(refused(attestation.subarray(0, index))).toMatch(/^cbor-truncated/);
    }
  });

  it("with items of another form is refused by the item's name", () => {
    const names = ["suite", "participantKey", "avatarId", "worldTag", "membership", "signature"];
    for (const [index, name] of names.entries()) {
      expect(refused(changed(index, "x"))).toMatch(new RegExp(`^structure-field: attestation: ${name} is not`));
    }
  });
});

describe("a provision", () => {
  const { provision, encodedProvision } = makeSamples(crypto);

  it("is the same after encoding and decoding", () => {
    expect(decodeProvision(encodedProvision)).toEqual(provision);
    expect(decodeProvision(encodeProvision({ seed, worlds: [] }))).toEqual({ seed, worlds: [] });
  });

  it("may be larger than any message", () => {
    const pacts = Array.from({ length: 8 }, () => new Uint8Array(16_000));
    const large = { ...provision, worlds: [{ ...provision.worlds[0]!, pacts }] };
    expect(decodeProvision(encodeProvision(large)).worlds[0]!.pacts.length).toBe(8);
  });

  it("of another layout, or with a reading that never waits, is refused", () => {
    const items = decode(encodedProvision) as readonly Cbor[];
    expect(refusal(() => decodeProvision(encode([1, ...items.slice(1)])))).toMatch(
      /^structure-field: provision: layout is 1/,
    );
    const readings = [{ group: provision.worlds[0]!.readings[0]!.group, everyMs: 0 }];
    const restless = encodeProvision({ ...provision, worlds: [{ ...provision.worlds[0]!, readings }] });
    expect(refusal(() => decodeProvision(restless))).toMatch(/reading 0: everyMs is 0, below its least of 1/);
  });
});
