import { type Definition, definitionsGroup, encodeDefinition } from "../../firmware/core/definitions/definition";
import { nameOfSecret, sealEpoch } from "../../firmware/core/definitions/epoch-definition";
import { attest } from "../../firmware/core/identity/attestation";
import { avatarSeed } from "../../firmware/core/identity/avatar";
import { type DefinitionsFrom, encodeProvision, type Provision } from "../../firmware/core/identity/provision";
import { encodeEntry, encodeGap, type Value } from "../../firmware/core/pact/entry";
import { encodePact, pactId, syncGroupId } from "../../firmware/core/pact/pact";
import { withId, withMoved } from "../../firmware/core/pact/produced";
import { compare } from "../../firmware/core/wire/bytes";
import { decode } from "../../firmware/core/wire/cbor";
import { hash } from "../../firmware/core/wire/hash";
import { merklePath, merkleRoot } from "../../firmware/core/wire/merkle";
import { encodeFinalityProof } from "../../firmware/core/wire/proofs";
import {
  certificateHash,
  decodeSyncGroup,
  encodeBlockHeader,
  encodeBlockReference,
  encodeCertificate,
  encodeMetablockHeader,
  encodeSyncGroup,
  entriesHash,
} from "../../firmware/core/wire/structures";
import type {
  BlockHeader,
  BlockReference,
  Certificate,
  FinalityProof,
  LockProof,
  Message,
  MetablockEvidence,
  MetablockHeader,
  Pact,
  Scope,
} from "../../firmware/core/wire/types";
import type { Crypto, Signer } from "../../firmware/ports";

/**
 * One small world with true keys, hashes and signatures: three owners, one block of two entries that is certified in a
 * genesis metablock and final by its child. Every structure of the wire has a sample in it.
 */

const filled = (byte: number, length = 32) => new Uint8Array(length).fill(byte);

export const worldId = filled(0xa0);

export const machinePact: Pact = {
  name: "machine",
  version: 1,
  extends: null,
  fields: [
    { name: "load", type: { kind: "f32" }, min: 0 },
    { name: "temperature", type: { kind: "f32" }, unit: "\u00b0C" },
    { name: "uptime", type: { kind: "u32" }, unit: "s" },
  ],
  policy: {
    quorum: "two-thirds",
    ordered: true,
    private: false,
    writers: "owners",
    retention: 0,
    largestEntry: 256,
    whenFull: "wait",
  },
};

/** Extends the machine pact with one field of every other type. */
export function everyTypePact(crypto: Crypto): Pact {
  return {
    name: "every-type",
    version: 2,
    extends: pactId(crypto, encodePact(machinePact)),
    fields: [
      { name: "flag", type: { kind: "bool" } },
      { name: "small", type: { kind: "i8" }, min: -10, max: 10 },
      { name: "large", type: { kind: "u64" }, max: 0xffffffffffffffffn },
      { name: "exact", type: { kind: "f64" }, min: -1.5, max: 1e300 },
      { name: "note", type: { kind: "text" }, max: 80 },
      { name: "blob", type: { kind: "bytes" }, min: 1, max: 16 },
      { name: "mode", type: { kind: "enum", values: ["off", "on", "auto"] } },
      { name: "samples", type: { kind: "array", items: { kind: "i16" } }, max: 8 },
      {
        name: "named",
        type: { kind: "map", keys: { kind: "text" }, values: { kind: "array", items: { kind: "u8" } } },
      },
      { name: "cause", type: { kind: "reference" } },
    ],
    policy: {
      quorum: "majority",
      ordered: false,
      private: true,
      writers: "members",
      retention: 1000,
      largestEntry: 4096,
      whenFull: "replace-oldest",
    },
  };
}

/** One whose groups are owned by who can do something. */
const requiringPact: Pact = {
  ...machinePact,
  name: "vents",
  policy: {
    ...machinePact.policy,
    requires: [
      { capability: "board", condition: { oneOf: ["linux", "rv32"] } },
      { capability: "relay", condition: null },
      { capability: "servo", condition: { min: 2 } },
    ],
  },
};

/** A value for each field of `everyTypePact`. */
export const everyValue: readonly Value[] = [
  true,
  -10,
  2n ** 64n - 1n,
  0.1,
  "gr\u00fc\u00df dich",
  Uint8Array.of(1, 255),
  "auto",
  [-1, 32767],
  new Map<Value, Value>([
    ["a", [1, 2]],
    ["b", []],
  ]),
  [filled(5), 7],
];

export type Samples = ReturnType<typeof makeSamples>;

export function makeSamples(crypto: Crypto) {
  const block = sampleBlock(crypto);
  const chain = sampleChain(crypto, block);
  const provision: Provision = {
    seed: filled(1),
    worlds: [
      {
        worldId,
        stewards: [block.owners[2]!.publicKey],
        pacts: [block.pact],
        groups: [block.group],
        readings: [{ group: block.groupId, everyMs: 1000 }],
        sagas: { behaviors: [filled(1)], stages: [filled(2)], descriptions: [filled(3)], sources: [filled(4)] },
      },
    ],
  };
  const soleOwner = crypto.signer(filled(9)).publicKey;
  return {
    ...block,
    ...chain,
    provision,
    encodedProvision: encodeProvision(provision),
    growingProvision: encodeProvision({ ...provision, worlds: provision.worlds.map((each) => growing(crypto, each)) }),
    newcomersProvision: encodeProvision({
      ...provision,
      worlds: provision.worlds.map((each) => {
        const { epoch, ...world } = growing(crypto, each);
        return { ...world, definitions: definitionsGroup(crypto, world.stewards, 3), definedFrom: definedFrom(block) };
      }),
    }),
    definitions: sampleDefinitions(crypto, block),
    attestation: attest(crypto, filled(1), worldId),
    everyTypePact: encodePact(everyTypePact(crypto)),
    requiringPact: encodePact(requiringPact),
    gapEntry: encodeGap(3),
    movedEntry: withMoved({ counters: [3, 300], entry: block.entries[0]! }),
    producedEntry: withId({ id: filled(6), entry: block.entries[0]! }),
    soleBlock: encodeBlockHeader({ ...block.blockHeader, issuer: soleOwner, counter: 2, previous: block.blockId }),
  };
}

/** Where a newcomer begins to follow the definitions of a world whose stewards changed twice. */
function definedFrom({ blockId }: ReturnType<typeof sampleBlock>): DefinitionsFrom {
  return { version: 3, first: 300, position: 40, entries: 57, lastFinal: blockId };
}

/** Of a world in which more is defined. */
function growing(crypto: Crypto, world: Provision["worlds"][number]): Provision["worlds"][number] {
  const followers = [{ group: world.readings[0]!.group, avatar: crypto.signer(filled(8)).publicKey }];
  const epoch = { number: 2, secret: filled(5) };
  return { ...world, followers, definitions: definitionsGroup(crypto, world.stewards), epoch };
}

/** Each kind, as an entry and what is in it. */
function sampleDefinitions(
  crypto: Crypto,
  { owners, pact, group }: ReturnType<typeof sampleBlock>,
): [rule: string, bytes: Uint8Array][] {
  const avatar = owners[0]!.publicKey;
  const readings = [{ avatar, everyMs: 500 }];
  const { pact: id } = decodeSyncGroup(group);
  const former = encodeSyncGroup({ pact: id, owners: [avatar, filled(0xff)].sort(compare) });
  const members = owners.slice(1).map(({ publicKey }, index) => ({
    avatar: publicKey,
    key: crypto.x25519Public(filled(20 + index)),
  }));
  const definitions: Definition[] = [
    { kind: "member", name: "porch", avatar, board: "linux", labels: [] },
    { kind: "member", name: "porch", avatar, board: "linux", labels: ["north", "roof"] },
    { kind: "pact", pact },
    { kind: "group", name: "machine@porch", group, pacts: [pact], readings, followers: [filled(8)], succeeds: null },
    { kind: "group", name: "machine@porch", group, pacts: [pact], readings, followers: [], succeeds: former },
    { kind: "retire", group: filled(16) },
    {
      ...{
        kind: "saga",
        name: "watch",
        version: 2,
        stateGroup: filled(9),
        size: 4_097,
        chunks: [filled(10), filled(11)],
      },
      ...{ groups: [{ group: filled(9), from: 0 }], parts: Uint8Array.of(0x80), staged: true },
    },
    {
      ...{ kind: "rollout", name: "watch", version: 2, stateGroup: filled(9), statusGroup: filled(13) },
      ...{ rings: [[filled(14)], [filled(1), filled(15)]], soakMs: 120_000, maxFailures: 1, minSuccess: 95 },
      healthy: { runs: 3, failures: 0, withinMs: 600_000 },
    },
    { kind: "step", rollout: 7, open: 2 },
    { kind: "pause", rollout: 7, paused: true },
    { kind: "stop", rollout: 7 },
    { kind: "undeploy", stateGroup: filled(9) },
    { kind: "member", name: "barn", avatar, board: "linux", labels: [], key: members[0]!.key },
    ...sealEpoch(crypto, filled(3), filled(4), members),
    { kind: "expel", avatar, epoch: 1, secret: nameOfSecret(crypto, filled(3)), time: 1_764_000_000_000 },
  ];
  return definitions.flatMap((each): [string, Uint8Array][] => {
    const entry = encodeDefinition(each);
    const [, body] = decode(entry) as [string, Uint8Array];
    return [
      ["definition", entry],
      [`${ruleOf(each)}-definition`, body],
    ];
  });
}

function ruleOf(definition: Definition): string {
  if (definition.kind === "member" && definition.labels.length > 0) return "labelled-member";
  if (definition.kind === "member" && definition.key !== undefined) return "keyed-member";
  return definition.kind === "group" && definition.succeeds !== null ? "successor" : definition.kind;
}

/** The pact, the group of three, and the first owner's block of two entries. */
function sampleBlock(crypto: Crypto) {
  const owners = avatars(crypto);
  const pact = encodePact(machinePact);
  const syncGroup = { pact: pactId(crypto, pact), owners: owners.map((owner) => owner.publicKey) };
  const group = encodeSyncGroup(syncGroup);
  const groupId = syncGroupId(crypto, group);
  const entries = [
    encodeEntry(machinePact.fields, [0.35, 41.5, 12], machinePact.policy),
    encodeEntry(machinePact.fields, [1, Number.NaN, 13], machinePact.policy),
  ];
  const blockHeader: BlockHeader = {
    group: groupId,
    issuer: owners[0]!.publicKey,
    counter: 1,
    count: entries.length,
    entriesHash: entriesHash(crypto, entries),
    time: 1_764_000_000_000,
    previous: null,
  };
  const block = encodeBlockHeader(blockHeader);
  const blockId = hash(crypto, "block", block);
  const blockSignature = owners[0]!.sign(blockId);
  return { owners, pact, syncGroup, group, groupId, entries, blockHeader, block, blockId, blockSignature };
}

/** The genesis metablock that holds the block, the child that closes it, their certificates, and what these prove. */
function sampleChain(crypto: Crypto, ground: ReturnType<typeof sampleBlock>) {
  const { owners, pact, group, groupId, block, blockId, blockSignature } = ground;
  const blockReference: BlockReference = { group: groupId, position: 0, firstEntry: 0, block: blockId, count: 2 };
  const references = [encodeBlockReference(blockReference)];
  const shown = { index: 0, bytes: references[0]!, path: merklePath(crypto, references, 0) };
  const genesis: MetablockHeader = {
    sequence: 0,
    attempt: 0,
    parents: [],
    releasedGroups: [],
    root: merkleRoot(crypto, references),
    referenceCount: 1,
    issuer: owners[0]!.publicKey,
  };
  const genesisBytes = encodeMetablockHeader(genesis);
  const genesisId = hash(crypto, "metablock", genesisBytes);
  const child: MetablockHeader = {
    ...genesis,
    sequence: 1,
    attempt: 2,
    parents: [genesisId],
    root: merkleRoot(crypto, []),
    referenceCount: 0,
    issuer: owners[1]!.publicKey,
  };
  const childBytes = encodeMetablockHeader(child);
  const childId = hash(crypto, "metablock", childBytes);
  const certified = certify(crypto, genesisId, [owners[1]!, owners[2]!], [null, { own: [0], parents: [] }]);
  const closed = certify(crypto, childId, [owners[0]!, owners[2]!], [{ own: [], parents: [[0, 0]] }, null]);
  const genesisEvidence: MetablockEvidence = {
    bytes: genesisBytes,
    signature: owners[0]!.sign(genesisId),
    references: [shown],
    certificates: certified.map(encodeCertificate),
  };
  const childEvidence: MetablockEvidence = {
    bytes: childBytes,
    signature: owners[1]!.sign(childId),
    references: [],
    certificates: closed.map(encodeCertificate),
  };
  const finalityProof: FinalityProof = {
    pacts: [pact],
    group,
    blockHeader: block,
    blockSignature,
    chain: { reference: shown, certified: genesisEvidence, child: childEvidence },
  };
  const lockProof: LockProof = { metablock: genesisEvidence, parent: null, blockHeader: block, blockSignature };
  const certificates = [...certified, ...closed];
  return {
    blockReference,
    shown,
    genesis,
    genesisBytes,
    genesisId,
    child,
    childBytes,
    childId,
    certificates,
    genesisEvidence,
    finalityProof,
    lockProof,
  };
}

/** One message of every type, and of what may be null both ways. */
export function sampleMessages(samples: Samples): readonly Message[] {
  const { block, blockSignature, entries, genesisEvidence, shown, groupId, genesisId, blockId } = samples;
  return [
    { type: "hello", capabilities: ["board/linux"], groups: [groupId], epoch: 3 },
    { type: "block", header: block, signature: blockSignature, entries },
    { type: "header", header: block, signature: blockSignature },
    { type: "metablock", header: samples.genesisBytes, signature: genesisEvidence.signature, references: [shown] },
    { type: "certificate", certificate: encodeCertificate(samples.certificates[0]!) },
    { type: "certificates", certificates: samples.certificates.map(encodeCertificate) },
    { type: "want", hashes: [blockId, genesisId] },
    {
      type: "frontier",
      frontier: {
        highestFinalizableGeneration: 0,
        tip: genesisId,
        attempt: 1,
        positions: [[groupId, 0]],
        locks: [samples.lockProof],
      },
    },
    {
      type: "frontier",
      frontier: { highestFinalizableGeneration: -1, tip: null, attempt: 0, positions: [], locks: [] },
    },
    { type: "pull", group: groupId, from: 0 },
    { type: "proof", proof: encodeFinalityProof(samples.finalityProof), entries },
    { type: "proof", proof: encodeFinalityProof(samples.finalityProof), entries: null },
    { type: "bye", reason: "stopping" },
    { type: "chunk", bytes: filled(12) },
  ];
}

/** The avatars of three participants in the world, sorted as owners are. */
function avatars(crypto: Crypto): Signer[] {
  const signers = [1, 2, 3].map((byte) => crypto.signer(avatarSeed(crypto, filled(byte), worldId)));
  return signers.sort((a, b) => compare(a.publicKey, b.publicKey));
}

function certify(
  crypto: Crypto,
  metablock: Uint8Array,
  signers: readonly Signer[],
  scopes: readonly (Scope | null)[],
): Certificate[] {
  return signers.map((signer, index) => {
    const scope = scopes[index]!;
    const signature = signer.sign(certificateHash(crypto, metablock, signer.publicKey, scope));
    return { metablock, signer: signer.publicKey, scope, signature };
  });
}
