import { equal, toHex } from "../../firmware/core/wire/bytes";
import { hash } from "../../firmware/core/wire/hash";
import { merkleRoot, verifyMerklePath } from "../../firmware/core/wire/merkle";
import { decodeMessage } from "../../firmware/core/wire/messages";
import {
  decodeBlockHeader,
  decodeBlockReference,
  decodeCertificate,
  decodeMetablockHeader,
} from "../../firmware/core/wire/structures";
import type {
  BlockHeader,
  BlockReference,
  Message,
  MetablockEvidence,
  MetablockHeader,
  ReceivedCertificate,
  ShownReference,
  View,
} from "../../firmware/core/wire/types";
import { ownersNeeded } from "./plan";
import type { Group, Member, World } from "./world";

/** What the whole world has signed, read from the wire by who sees all of it: on it rest the checks and the counts. */
export interface Ledger {
  readonly metablocks: Map<string, KnownMetablock>;
  /** Takes a message that a member means to send, whether its power lasts or not; returns it where it was not known. */
  learn(from: Member, bytes: Uint8Array): Told | undefined;
  /** Whether the owners' quorum (1) certified this reference of the metablock, `given` with them where it is said. */
  isCertified(metablock: KnownMetablock, index: number, given?: string): boolean;
  parentsOf(metablock: KnownMetablock): (KnownMetablock | undefined)[];
  groupOf(reference: KnownReference): Group | undefined;
}

export interface KnownMetablock {
  readonly id: string;
  readonly header: MetablockHeader;
  readonly issuer: string;
  readonly references: Map<number, KnownReference>;
  /** By signer; its issuer's is for everything, and not among them. */
  readonly votes: Map<string, ReceivedCertificate[]>;
}

/** With what it is about in hex. */
export interface KnownReference extends BlockReference {
  readonly groupKey: string;
  readonly blockKey: string;
  readonly slot: string;
}

export type Vote = ReceivedCertificate["scope"];

/** Something signed, told by who signed it; the signature in hex. */
export type Told =
  | { readonly kind: "block"; readonly signature: string; readonly id: string; readonly header: BlockHeader }
  | { readonly kind: "metablock"; readonly signature: string; readonly metablock: KnownMetablock }
  | {
      readonly kind: "certificate";
      readonly signature: string;
      readonly metablock: KnownMetablock;
      readonly scope: Vote;
    }
  | { readonly kind: "locks"; readonly locks: readonly KnownLock[] };

export interface KnownLock {
  readonly slot: string;
  readonly block: string;
  readonly view: View;
}

function knownReference(bytes: Uint8Array): KnownReference {
  const reference = decodeBlockReference(bytes);
  const groupKey = toHex(reference.group);
  return { ...reference, groupKey, blockKey: toHex(reference.block), slot: `${groupKey}/${reference.position}` };
}

export function votesFor(metablock: KnownMetablock, owner: string, index: number): boolean {
  if (owner === metablock.issuer) return true;
  return metablock.votes.get(owner)?.some(({ scope }) => scope === null || scope.own.includes(index)) === true;
}

export function createLedger(world: Pick<World, "crypto" | "groups">): Ledger {
  const { crypto } = world;
  const metablocks = new Map<string, KnownMetablock>();
  const groups = new Map([...world.groups.values()].map((group) => [group.key, group]));

  function learnHeader(bytes: Uint8Array): KnownMetablock {
    const id = toHex(hash(crypto, "metablock", bytes));
    const known = metablocks.get(id);
    if (known !== undefined) return known;
    const header = decodeMetablockHeader(bytes);
    const metablock = { id, header, issuer: toHex(header.issuer), references: new Map(), votes: new Map() };
    metablocks.set(id, metablock);
    return metablock;
  }

  /** Only what leads to the root: a liar may show anything. */
  function learnReferences({ header, references }: KnownMetablock, shown: readonly ShownReference[]): void {
    const all = shown.length === header.referenceCount && shown.every(({ path }) => path.length === 0);
    const leaves = shown.map(({ bytes }) => bytes);
    if (all && !equal(merkleRoot(crypto, leaves), header.root)) return;
    for (const { index, bytes, path } of shown) {
      if (references.has(index)) continue;
      if (!all && !verifyMerklePath(crypto, bytes, index, header.referenceCount, path, header.root)) continue;
      references.set(index, knownReference(bytes));
    }
  }

  function learnVote(certificate: ReceivedCertificate): KnownMetablock | undefined {
    const known = metablocks.get(toHex(certificate.metablock));
    if (known === undefined) return undefined;
    const signer = toHex(certificate.signer);
    const votes = known.votes.get(signer) ?? [];
    if (votes.some(({ signature }) => equal(signature, certificate.signature))) return known;
    known.votes.set(signer, [...votes, certificate]);
    return known;
  }

  function learnEvidence({ bytes, references, certificates }: MetablockEvidence): KnownMetablock {
    const known = learnHeader(bytes);
    learnReferences(known, references);
    for (const certificate of certificates) learnVote(decodeCertificate(certificate));
    return known;
  }

  function learnLocks(message: Extract<Message, { type: "frontier" }>): Told {
    const locks = message.frontier.locks.flatMap((lock) => {
      const known = learnEvidence(lock.metablock);
      if (lock.parent !== null) learnEvidence(lock.parent);
      const block = toHex(hash(crypto, "block", lock.blockHeader));
      const reference = [...known.references.values()].find(({ blockKey }) => blockKey === block);
      return reference === undefined ? [] : [{ slot: reference.slot, block, view: known.header }];
    });
    return { kind: "locks", locks };
  }

  const ledger: Ledger = {
    metablocks,
    learn(from, bytes) {
      // The second byte of a message is its type.
      const type = bytes[1];
      if (type === 4) {
        const message = decodeMessage(bytes) as Extract<Message, { type: "metablock" }>;
        const metablock = learnHeader(message.header);
        learnReferences(metablock, message.references);
        const signature = toHex(message.signature);
        return metablock.issuer === from.key ? { kind: "metablock", signature, metablock } : undefined;
      }
      if (type === 5) {
        const message = decodeMessage(bytes) as Extract<Message, { type: "certificate" }>;
        const certificate = decodeCertificate(message.certificate);
        if (toHex(certificate.signer) !== from.key) return undefined;
        const metablock = learnVote(certificate);
        const signature = toHex(certificate.signature);
        return metablock && { kind: "certificate", signature, metablock, scope: certificate.scope };
      }
      if (type === 2 || type === 3) {
        const message = decodeMessage(bytes) as Extract<Message, { type: "block" | "header" }>;
        const header = decodeBlockHeader(message.header);
        if (toHex(header.issuer) !== from.key) return undefined;
        const id = toHex(hash(crypto, "block", message.header));
        return { kind: "block", signature: toHex(message.signature), id, header };
      }
      if (type === 7) return learnLocks(decodeMessage(bytes) as Extract<Message, { type: "frontier" }>);
      return undefined;
    },
    isCertified(metablock, index, given) {
      const reference = metablock.references.get(index);
      const group = reference && ledger.groupOf(reference);
      if (group === undefined) return false;
      const voters = group.ownerKeys.filter((owner) => owner === given || votesFor(metablock, owner, index));
      return voters.length >= ownersNeeded(group.policy.quorum, group.owners.length);
    },
    parentsOf: ({ header }) => header.parents.map((id) => metablocks.get(toHex(id))),
    groupOf: ({ groupKey }) => groups.get(groupKey),
  };
  return ledger;
}
