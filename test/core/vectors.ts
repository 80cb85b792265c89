import { avatarSeed, noiseStatic } from "../../firmware/core/identity/avatar";
import { membership, worldPsk, worldTag } from "../../firmware/core/identity/world";
import { encodeEntry } from "../../firmware/core/pact/entry";
import { toHex } from "../../firmware/core/wire/bytes";
import { encode } from "../../firmware/core/wire/cbor";
import { type Domain, derivations, domains, hash, issuingHash } from "../../firmware/core/wire/hash";
import { merkleRoot } from "../../firmware/core/wire/merkle";
import { encodeMessage } from "../../firmware/core/wire/messages";
import { encodeFinalityProof, encodeLockProof } from "../../firmware/core/wire/proofs";
import { certificateHash, encodeCertificate } from "../../firmware/core/wire/structures";
import type { Message } from "../../firmware/core/wire/types";
import type { Crypto } from "../../firmware/ports";
import { everyTypePact, everyValue, makeSamples, type Samples, sampleMessages, worldId } from "./samples";

/** What docs/wire/vectors.json holds: the bytes of every structure, and what is derived and hashed, all in hex. */
export function wireVectors(crypto: Crypto) {
  const samples = makeSamples(crypto);
  return {
    about:
      "Made by `npm run vectors` and kept by a test. `rule` names the rule of vertebra.cddl that the bytes follow.",
    derivations: derived(crypto, samples),
    hashes: hashed(crypto, samples),
    structures: structures(crypto, samples),
  };
}

function derived(crypto: Crypto, samples: Samples) {
  const participantSeed = samples.provision.seed;
  const avatar = avatarSeed(crypto, participantSeed, worldId);
  const avatarId = crypto.signer(avatar).publicKey;
  return {
    participantSeed: toHex(participantSeed),
    participantKey: toHex(crypto.signer(participantSeed).publicKey),
    worldId: toHex(worldId),
    [derivations.tag]: toHex(worldTag(crypto, worldId)),
    [derivations.psk]: toHex(worldPsk(crypto, worldId)),
    [derivations.avatar]: toHex(avatar),
    avatarId: toHex(avatarId),
    [derivations.noise]: toHex(noiseStatic(crypto, avatar)),
    membership: toHex(membership(crypto, worldId, avatarId)),
  };
}

/** Each hash with what it is over, so that a domain can be checked without the rest. */
function hashed(crypto: Crypto, samples: Samples) {
  const [certificate] = samples.certificates;
  const { metablock, signer, scope } = certificate!;
  const over = (domain: Domain, bytes: Uint8Array) => ({
    domain: domains[domain],
    over: toHex(bytes),
    hash: toHex(hash(crypto, domain, bytes)),
  });
  return {
    pactId: over("pact", samples.pact),
    syncGroupId: over("group", samples.group),
    entriesHash: over("entries", encode(samples.entries)),
    blockId: over("block", samples.block),
    metablockId: over("metablock", samples.genesisBytes),
    certificate: {
      ...over("certificate", encode([metablock, signer, null])),
      scope,
      signature: toHex(certificate!.signature),
    },
    certificateOfAScope: toHex(certificateHash(crypto, metablock, signer, { own: [0, 2], parents: [[1, 0]] })),
    issuingHash: { over: toHex(samples.blockSignature), hash: toHex(issuingHash(crypto, samples.blockSignature)) },
    rootOfNone: toHex(merkleRoot(crypto, [])),
    rootOfOne: { over: toHex(samples.shown.bytes), hash: toHex(samples.genesis.root) },
  };
}

function structures(crypto: Crypto, samples: Samples) {
  const every = everyTypePact(crypto);
  const vectors: readonly (readonly [rule: string, bytes: Uint8Array])[] = [
    ["pact", samples.pact],
    ["pact", samples.everyTypePact],
    ["pact", samples.requiringPact],
    ["sync-group", samples.group],
    ...samples.entries.map((entry) => ["entry", entry] as const),
    ["entry", encodeEntry([...every.fields], everyValue, every.policy)],
    ["gap-entry", samples.gapEntry],
    ["moved-entry", samples.movedEntry],
    ["produced-entry", samples.producedEntry],
    ["block-header", samples.block],
    ["block-header", samples.soleBlock],
    ["block-reference", samples.shown.bytes],
    ["metablock-header", samples.genesisBytes],
    ["metablock-header", samples.childBytes],
    ...samples.certificates.map((certificate) => ["certificate", encodeCertificate(certificate)] as const),
    ["attestation", samples.attestation],
    ["provision", samples.encodedProvision],
    ["provision", samples.growingProvision],
    ["provision", samples.newcomersProvision],
    ...samples.definitions,
    ["lock-proof", encodeLockProof(samples.lockProof)],
    ["finality-proof", encodeFinalityProof(samples.finalityProof)],
    ...sampleMessages(samples).map((message) => [ruleOf(message), encodeMessage(message)] as const),
  ];
  return vectors.map(([rule, bytes]) => ({ rule, hex: toHex(bytes) }));
}

/** The rule of a message is its type, save where a structure has that name. */
function ruleOf({ type }: Message): string {
  return type === "certificate" ? "certificate-message" : type;
}
