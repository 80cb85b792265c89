import type { MetablockEvidence, ReceivedCertificate, Scope } from "../wire/types";
import type { Group } from "./group";
import type { HeldReference, Metablock } from "./metablock";

/** What the certificates must cover to count: a reference of the metablock's own, or one of a parent. */
export type Wanted = { readonly own: number } | { readonly parent: number; readonly index: number };

/**
 * A metablock's header with these of its references, and the smallest certificates of the group's owners that make a quorum for
 * what is wanted; none where nothing is.
 */
export function evidence(
  metablock: Metablock,
  group: Group,
  references: readonly HeldReference[],
  wanted: Wanted | null,
): MetablockEvidence {
  return {
    bytes: metablock.header.bytes,
    signature: metablock.header.signature,
    references: references.map(({ index, bytes, path }) => ({ index, bytes, path })),
    certificates: wanted === null ? [] : quorumOf(metablock, group, wanted),
  };
}

function quorumOf(metablock: Metablock, group: Group, wanted: Wanted): Uint8Array[] {
  const needed = "own" in wanted ? group.quorum : group.closingQuorum;
  // The issuing certificate is the header's signature and costs nothing more: it counts first.
  const issues = ("own" in wanted || group.closesByIssuing) && group.ownerKeys.includes(metablock.issuerKey);
  const smallest = group.ownerKeys.flatMap((owner) =>
    issues && owner === metablock.issuerKey ? [] : (smallestOf(metablock.certificates.get(owner) ?? [], wanted) ?? []),
  );
  smallest.sort((a, b) => a.length - b.length);
  return smallest.slice(0, needed - Number(issues));
}

function smallestOf(certificates: readonly ReceivedCertificate[], wanted: Wanted): Uint8Array | undefined {
  let smallest: Uint8Array | undefined;
  for (const { scope, bytes } of certificates) {
    if (covers(scope, wanted) && (smallest === undefined || bytes.length < smallest.length)) smallest = bytes;
  }
  return smallest;
}

/** Whether a certificate of this scope counts for it. */
export function covers(scope: Scope | null, wanted: Wanted): boolean {
  if (scope === null) return true;
  if ("own" in wanted) return scope.own.includes(wanted.own);
  return scope.parents.some(([parent, index]) => parent === wanted.parent && index === wanted.index);
}
