/** The structures of PROTOCOL 2 to 6 in memory. What is signed keeps the exact bytes received beside what they mean. */

/** 32 bytes: SHA-256 under a domain of `hash.ts`. */
export type Hash = Uint8Array;
/** The Ed25519 public key of a participant's avatar in one world, 32 bytes. */
export type AvatarId = Uint8Array;

export type Quorum = "all" | "two-thirds" | "majority";
export type WhenFull = "wait" | "replace-oldest" | "keep-latest";

/** A capability that a participant publishes: with a number of at least `min`, with one of these texts, or at all. */
export interface Requirement {
  readonly capability: string;
  readonly condition: { readonly min: number } | { readonly oneOf: readonly string[] } | null;
}

export interface Policy {
  readonly quorum: Quorum;
  /** Blocks of one issuer become final in the order of their counters. */
  readonly ordered: boolean;
  /** An owner may certify on a header alone. */
  readonly private: boolean;
  readonly writers: "owners" | "members" | "stewards";
  /** Who is given its groups' data, besides their owners and who is named to relay it; owners alone where it says nothing. */
  readonly readers?: "members" | "stewards";
  /** Final entries that an owner is to keep, at least; 0 for all. As built, nothing looks at it. */
  readonly retention: number;
  /** Bytes of the largest encoded entry. */
  readonly largestEntry: number;
  readonly whenFull: WhenFull;
  /** What its groups' owners have to be able to do, as it is when a steward defines the group; nothing where it is left out. */
  readonly requires?: readonly Requirement[];
}

export type ScalarType =
  | "bool"
  | "u8"
  | "u16"
  | "u32"
  | "u64"
  | "i8"
  | "i16"
  | "i32"
  | "i64"
  | "f32"
  | "f64"
  | "text"
  | "bytes"
  | "reference";

export type FieldType =
  | { readonly kind: ScalarType }
  | { readonly kind: "enum"; readonly values: readonly string[] }
  | { readonly kind: "array"; readonly items: FieldType }
  | { readonly kind: "map"; readonly keys: FieldType; readonly values: FieldType };

export interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly unit?: string;
  /** Bounds of a number's value, or of the length of text, bytes, array and map. */
  readonly min?: number | bigint;
  readonly max?: number | bigint;
}

export interface Pact {
  readonly name: string;
  readonly version: number;
  /** PactId of the pact whose fields come first. */
  readonly extends: Hash | null;
  /** Its own fields, without those of the pact it extends. */
  readonly fields: readonly Field[];
  readonly policy: Policy;
}

export interface SyncGroup {
  readonly pact: Hash;
  /** Sorted by bytes, without doubles. */
  readonly owners: readonly AvatarId[];
}

export interface BlockHeader {
  readonly group: Hash;
  readonly issuer: AvatarId;
  /** Counts the issuer's blocks in the group from 1. */
  readonly counter: number;
  readonly count: number;
  readonly entriesHash: Hash;
  /** ms since 1970 by the issuer's clock, 0 if it has none. */
  readonly time: number;
  /** The BlockId before it in a group of one owner; null in all others. */
  readonly previous: Hash | null;
}

/** Something signed, with the exact bytes that were hashed: `id` is their hash, `signature` is over `id`. */
export interface Signed<T> {
  readonly value: T;
  readonly bytes: Uint8Array;
  readonly id: Hash;
  readonly signature: Uint8Array;
}

export interface Block {
  readonly header: Signed<BlockHeader>;
  /** The encoded entries, in order; null where only the header is known. */
  readonly entries: readonly Uint8Array[] | null;
}

export interface MetablockHeader {
  /** The generation, N. */
  readonly sequence: number;
  /** K: 0 unless a generation failed to finish in time. */
  readonly attempt: number;
  /** MetablockIds of generation N - 1, sorted by bytes. */
  readonly parents: readonly Hash[];
  /** SyncGroupIds whose blocks in the parents are put forward again, sorted by bytes. */
  readonly releasedGroups: readonly Hash[];
  /** Merkle root over the block references. */
  readonly root: Hash;
  readonly referenceCount: number;
  readonly issuer: AvatarId;
}

export interface BlockReference {
  readonly group: Hash;
  /** The block's ordinal in its group, from 0. */
  readonly position: number;
  /** Sum of the entry counts of the blocks before it in the group. */
  readonly firstEntry: number;
  readonly block: Hash;
  readonly count: number;
}

/** A reference as it travels: its place in the metablock and the Merkle path to the root. */
export interface ShownReference {
  readonly index: number;
  readonly bytes: Uint8Array;
  readonly path: readonly Hash[];
}

export interface Scope {
  /** Indexes of references in the metablock. */
  readonly own: readonly number[];
  /** [parent index, index of reference in that parent]. */
  readonly parents: readonly (readonly [number, number])[];
}

export interface Certificate {
  readonly metablock: Hash;
  readonly signer: AvatarId;
  /** null: all of the signer's in the metablock and its parents. */
  readonly scope: Scope | null;
  readonly signature: Uint8Array;
}

/** A certificate with its exact bytes. */
export interface ReceivedCertificate extends Certificate {
  readonly bytes: Uint8Array;
}

/** (N, K): ordered by N, then K. */
export interface View {
  readonly sequence: number;
  readonly attempt: number;
}

/** A metablock header with what is shown of its references and who certified it. */
export interface MetablockEvidence {
  readonly bytes: Uint8Array;
  readonly signature: Uint8Array;
  readonly references: readonly ShownReference[];
  readonly certificates: readonly Uint8Array[];
}

/** What makes others adopt a lock (PROTOCOL 6): the metablock that certified the block, its parent's references of the group, the block's header. */
export interface LockProof {
  readonly metablock: MetablockEvidence;
  /** The parent that holds the group unreleased, for the history before the slot; null where there is none. */
  readonly parent: MetablockEvidence | null;
  readonly blockHeader: Uint8Array;
  readonly blockSignature: Uint8Array;
}

/** All that anyone needs to check, offline, that a block is final at its place (PROTOCOL 6). */
export interface FinalityProof {
  /** Encoded pacts: the group's own first, then those it extends. */
  readonly pacts: readonly Uint8Array[];
  readonly group: Uint8Array;
  readonly blockHeader: Uint8Array;
  readonly blockSignature: Uint8Array;
  /** In a group of one owner the block stands alone: its issuer's signature is its finality. */
  readonly chain: {
    readonly reference: ShownReference;
    readonly certified: MetablockEvidence;
    readonly child: MetablockEvidence;
  } | null;
}

export type Message =
  | {
      readonly type: "hello";
      readonly capabilities: readonly string[];
      readonly groups: readonly Hash[];
      readonly epoch: number;
    }
  | {
      readonly type: "block";
      readonly header: Uint8Array;
      readonly signature: Uint8Array;
      readonly entries: readonly Uint8Array[];
    }
  | { readonly type: "header"; readonly header: Uint8Array; readonly signature: Uint8Array }
  | {
      readonly type: "metablock";
      readonly header: Uint8Array;
      readonly signature: Uint8Array;
      readonly references: readonly ShownReference[];
    }
  | { readonly type: "certificate"; readonly certificate: Uint8Array }
  /** Two and more that go to one peer at one time. */
  | { readonly type: "certificates"; readonly certificates: readonly Uint8Array[] }
  | { readonly type: "want"; readonly hashes: readonly Hash[] }
  | { readonly type: "frontier"; readonly frontier: Frontier }
  | { readonly type: "pull"; readonly group: Hash; readonly from: number }
  | { readonly type: "proof"; readonly proof: Uint8Array; readonly entries: readonly Uint8Array[] | null }
  | { readonly type: "bye"; readonly reason: string }
  /** A piece of content, which its hash names. */
  | { readonly type: "chunk"; readonly bytes: Uint8Array };

export interface Frontier {
  /** -1 before the first. */
  readonly highestFinalizableGeneration: number;
  /** The metablock that raised it; null before the first. */
  readonly tip: Hash | null;
  /** The attempt for the generation after it. */
  readonly attempt: number;
  /** Per shared group: how many blocks are final there. */
  readonly positions: readonly (readonly [Hash, number])[];
  /** Proofs of the locks that stand in shared groups. */
  readonly locks: readonly LockProof[];
}
