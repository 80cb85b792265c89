import { VertebraError } from "../errors";
import { equal, toHex } from "../wire/bytes";
import type {
  BlockReference,
  Hash,
  MetablockHeader,
  ReceivedCertificate,
  Scope,
  ShownReference,
  Signed,
  View,
} from "../wire/types";
import type { Group } from "./group";

/**
 * Certificates of one signer for one metablock: their scope may grow, and one names only so much (`maxCertificateBytes`). An honest
 * signer of 256 references, and of as many in the parents, gives 17.
 */
export const certificatesPerSigner = 32;

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
  /** The same in the order of indexes, and by group in hex, each in the order of positions. */
  sorted: readonly HeldReference[];
  readonly byGroup: Map<string, HeldReference[]>;
  /** All of them were shown, also those that are not kept as they are about groups that are not known here. */
  whole: boolean;
  /** By signer in hex. The issuing certificate is not among them: it is the header's signature, which certifies all references of its own. */
  readonly certificates: Map<string, ReceivedCertificate[]>;
  /** Parents are known and it breaks no invariant; null while a parent is missing. */
  valid: boolean | null;
  /** It is certified for, or closes, at least one group, so it may be a parent (PROTOCOL 6, rule 1). */
  standing: boolean;
  /** The groups, in hex, for which it does: since then it is known how long their votes took. */
  readonly standsFor: Set<string>;
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
    sorted: [],
    byGroup: new Map(),
    whole: false,
    certificates: new Map(),
    valid: null,
    standing: false,
    standsFor: new Set(),
    childTurn: null,
    rank: null,
    seenAt,
  };
}

export function invalid(metablock: Metablock, code: string, what: string): VertebraError {
  return new VertebraError(
    code,
    `The metablock ${metablock.key.slice(0, 16)} of ${metablock.issuerKey.slice(0, 16)} is invalid: ${what}.`,
    "It was dropped. If this goes on, look at the participant that issued it.",
  );
}

const none: readonly ReceivedCertificate[] = [];

export function releases(metablock: Metablock, group: Hash): boolean {
  const { releasedGroups } = metablock.header.value;
  for (let at = 0; at < releasedGroups.length; at++) if (equal(releasedGroups[at]!, group)) return true;
  return false;
}

/** Whether `signer` certified the reference of this index: the issuer did so by issuing (PROTOCOL 4). */
export function certifiedBy(metablock: Metablock, signerKey: string, index: number): boolean {
  if (signerKey === metablock.issuerKey) return true;
  const certificates = metablock.certificates.get(signerKey) ?? none;
  for (let at = 0; at < certificates.length; at++) {
    const { scope } = certificates[at]!;
    if (scope === null || scope.own.includes(index)) return true;
  }
  return false;
}

/**
 * Whether `signer` certified the metablock for a reference that one of its parents holds. The issuer of a child may not know that it owns the
 * group: where its own certificate of the parent need not be among those of the quorum, it certifies its child as everyone does (PROTOCOL 6).
 */
export function closedBy(
  metablock: Metablock,
  { closesByIssuing }: Group,
  signerKey: string,
  parent: number,
  index: number,
): boolean {
  if (closesByIssuing && signerKey === metablock.issuerKey) return true;
  const certificates = metablock.certificates.get(signerKey) ?? none;
  for (let at = 0; at < certificates.length; at++) {
    const { scope } = certificates[at]!;
    if (scope === null || names(scope.parents, parent, index)) return true;
  }
  return false;
}

function names(places: Scope["parents"], parent: number, index: number): boolean {
  for (let at = 0; at < places.length; at++) if (places[at]![0] === parent && places[at]![1] === index) return true;
  return false;
}

/** PROTOCOL 6: "Block b in a slot of metablock A is certified in A when its owners' quorum (1) certified A with b in scope". */
export function isCertified(metablock: Metablock, group: Group, index: number): boolean {
  let owners = 0;
  for (let at = 0; at < group.ownerKeys.length && owners < group.quorum; at++) {
    if (certifiedBy(metablock, group.ownerKeys[at]!, index)) owners++;
  }
  return owners >= group.quorum;
}

/** Whether the owners' quorum (2) certified this child with that reference of its parent in scope. */
export function isClosed(child: Metablock, group: Group, parent: number, index: number): boolean {
  if (releases(child, group.id)) return false;
  let owners = 0;
  for (let at = 0; at < group.ownerKeys.length && owners < group.closingQuorum; at++) {
    if (closedBy(child, group, group.ownerKeys[at]!, parent, index)) owners++;
  }
  return owners >= group.closingQuorum;
}
