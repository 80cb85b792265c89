import { VertebraError } from "../errors";
import { compare, equal, toHex } from "../wire/bytes";
import type { Sha256 } from "../wire/hash";
import { merklePath, verifyMerklePath } from "../wire/merkle";
import { decodeBlockReference } from "../wire/structures";
import type {
  BlockReference,
  Hash,
  MetablockHeader,
  ReceivedCertificate,
  ShownReference,
  Signed,
  View,
} from "../wire/types";
import type { Group } from "./group";

/** Certificates of one signer for one metablock, whose scope may grow: more than these tell nothing new. */
export const certificatesPerSigner = 8;

/** A metablock as this participant holds it: the header, and what it was shown of the references. */
export interface Metablock {
  readonly header: Signed<MetablockHeader>;
  readonly key: string;
  readonly issuerKey: string;
  /** The parents' ids in hex, in their order. */
  readonly parentKeys: readonly string[];
  readonly view: View;
  /** By index: the reference, its exact bytes and its Merkle path, verified against the root. */
  readonly references: Map<number, HeldReference>;
  /** The same by group in hex, each in the order of positions. */
  readonly byGroup: Map<string, readonly HeldReference[]>;
  /** By signer in hex. The issuing certificate is not among them: it is the header's signature. */
  readonly certificates: Map<string, ReceivedCertificate[]>;
  /** Parents are known and it breaks no invariant; null while a parent is missing. */
  valid: boolean | null;
  /** It is certified for, or closes, at least one group, so it may be a parent (PROTOCOL 6, rule 1). */
  standing: boolean;
  /** Monotonic ms of this participant's turn to prepare a child of it; null while none is called for. */
  childTurn: number | null;
  /** Of its issuer among the owners of its groups that are known here; null while nobody asked. */
  rank: number | null;
  /** Monotonic ms when it was first seen. */
  readonly seenAt: number;
}

export interface HeldReference extends ShownReference {
  readonly value: BlockReference;
  /** The group and the block in hex: they are looked up at every turn. */
  readonly groupKey: string;
  readonly blockKey: string;
}

export function createMetablock(header: Signed<MetablockHeader>, seenAt: number): Metablock {
  const { sequence, attempt, issuer, parents } = header.value;
  return {
    header,
    key: toHex(header.id),
    issuerKey: toHex(issuer),
    parentKeys: parents.map(toHex),
    view: { sequence, attempt },
    references: new Map(),
    byGroup: new Map(),
    certificates: new Map(),
    valid: null,
    standing: false,
    childTurn: null,
    rank: null,
    seenAt,
  };
}

/**
 * Takes what a peer shows of the references; returns whether anything was new. Throws `metablock-…` where a path does not
 * lead to the root, or the order of the references is broken.
 */
export function takeReferences(crypto: Sha256, metablock: Metablock, shown: readonly ShownReference[]): boolean {
  const { root, referenceCount } = metablock.header.value;
  if (metablock.references.size === referenceCount) return false;
  const all = shown.length === referenceCount && shown.every((each) => each.path.length === 0);
  let news = false;
  for (const reference of all ? withPaths(crypto, shown) : shown) {
    if (metablock.references.has(reference.index)) continue;
    if (!verifyMerklePath(crypto, reference.bytes, reference.index, referenceCount, reference.path, root)) {
      throw invalid(metablock, "metablock-path", `its reference ${reference.index} does not lead to its root`);
    }
    const value = decodeBlockReference(reference.bytes);
    const held = heldReference(reference, value);
    checkOrder(metablock, held);
    holdReference(metablock, held);
    news = true;
  }
  return news;
}

export function heldReference(shown: ShownReference, value: BlockReference): HeldReference {
  return { ...shown, value, groupKey: toHex(value.group), blockKey: toHex(value.block) };
}

/** Where all references are shown they need no paths: these are the ones that they make together. */
function withPaths(crypto: Sha256, shown: readonly ShownReference[]): ShownReference[] {
  const leaves = shown.map(({ bytes }) => bytes);
  return shown.map(({ bytes }, index) => ({ index, bytes, path: merklePath(crypto, leaves, index) }));
}

/** PROTOCOL 4: references are sorted by group bytes, then position. */
function checkOrder(metablock: Metablock, held: HeldReference): void {
  for (const other of metablock.references.values()) {
    const order = compare(held.value.group, other.value.group) || held.value.position - other.value.position;
    if (order === 0 || order < 0 !== held.index < other.index) {
      throw invalid(metablock, "metablock-order", `its references ${other.index} and ${held.index} are not in order`);
    }
  }
}

export function invalid(metablock: Metablock, code: string, what: string): VertebraError {
  return new VertebraError(
    code,
    `The metablock ${metablock.key.slice(0, 16)} of ${metablock.issuerKey.slice(0, 16)} is invalid: ${what}.`,
    "It was dropped. If this goes on, look at the participant that issued it.",
  );
}

/** What it shows of a group, by position. */
export function referencesOf(metablock: Metablock, groupKey: string): readonly HeldReference[] {
  return metablock.byGroup.get(groupKey) ?? [];
}

/** Takes a verified reference in. */
export function holdReference(metablock: Metablock, reference: HeldReference): void {
  metablock.references.set(reference.index, reference);
  const others = metablock.byGroup.get(reference.groupKey) ?? [];
  metablock.byGroup.set(
    reference.groupKey,
    [...others, reference].sort((a, b) => a.index - b.index),
  );
}

export function releases(metablock: Metablock, group: Hash): boolean {
  return metablock.header.value.releasedGroups.some((released) => equal(released, group));
}

/**
 * Whether all that the metablock holds of a group is shown: its references stand together, and the ones beside them are of
 * other groups. Who issues a child is bound by everything of its groups in the parents, so it must know this.
 */
export function showsAllOf(metablock: Metablock, group: Hash): boolean {
  const count = metablock.header.value.referenceCount;
  if (metablock.references.size === count) return true;
  const sorted = [...metablock.references.values()].sort((a, b) => a.index - b.index);
  const next = sorted.findIndex((reference) => compare(reference.value.group, group) >= 0);
  const first = next === -1 ? sorted.length : next;
  let end = first;
  while (end < sorted.length && equal(sorted[end]!.value.group, group)) end++;
  const before = first === 0 ? -1 : sorted[first - 1]!.index;
  const after = end === sorted.length ? count : sorted[end]!.index;
  return after - before === end - first + 1;
}

/** Whether `signer` certified the reference of this index: the issuer did so by issuing (PROTOCOL 4). */
export function certifiedBy(metablock: Metablock, signerKey: string, index: number): boolean {
  if (signerKey === metablock.issuerKey) return true;
  const certificates = metablock.certificates.get(signerKey) ?? [];
  return certificates.some(({ scope }) => scope === null || scope.own.includes(index));
}

/** Whether `signer` certified the metablock for a reference that one of its parents holds. */
export function closedBy(metablock: Metablock, signerKey: string, parent: number, index: number): boolean {
  if (signerKey === metablock.issuerKey) return true;
  const certificates = metablock.certificates.get(signerKey) ?? [];
  return certificates.some(
    ({ scope }) => scope === null || scope.parents.some(([p, i]) => p === parent && i === index),
  );
}

/** PROTOCOL 6: "Block b in a slot of metablock A is certified in A when its owners' quorum (1) certified A with b in scope". */
export function isCertified(metablock: Metablock, group: Group, index: number): boolean {
  return group.ownerKeys.filter((owner) => certifiedBy(metablock, owner, index)).length >= group.quorum;
}

/** Whether the owners' quorum (2) certified this child with that reference of its parent in scope. */
export function isClosed(child: Metablock, group: Group, parent: number, index: number): boolean {
  if (releases(child, group.id)) return false;
  return group.ownerKeys.filter((owner) => closedBy(child, owner, parent, index)).length >= group.closingQuorum;
}
