import type { MetablockEvidence } from "../wire/types";
import type { Group } from "./group";
import { certifiedBy, closedBy, type HeldReference, type Metablock } from "./metablock";

/** Which of the certificates count: for a reference of its own, for one of a parent, or (absent) all of the group's owners. */
export type Wanted = { readonly own: number } | { readonly parent: number; readonly index: number };

/**
 * A metablock's header with these of its references and the certificates of the group's owners: no more of them than the
 * quorum needs where `wanted` says for what.
 */
export function evidence(
  metablock: Metablock,
  group: Group,
  references: readonly HeldReference[],
  wanted?: Wanted,
): MetablockEvidence {
  return {
    bytes: metablock.header.bytes,
    signature: metablock.header.signature,
    references: references.map(({ index, bytes, path }) => ({ index, bytes, path })),
    certificates: wanted === undefined ? allCertificates(metablock, group) : quorumOf(metablock, group, wanted),
  };
}

function allCertificates(metablock: Metablock, group: Group): Uint8Array[] {
  return group.ownerKeys.flatMap((owner) => (metablock.certificates.get(owner) ?? []).map(({ bytes }) => bytes));
}

function quorumOf(metablock: Metablock, group: Group, wanted: Wanted): Uint8Array[] {
  const counts = (owner: string) =>
    "own" in wanted
      ? certifiedBy(metablock, owner, wanted.own)
      : closedBy(metablock, owner, wanted.parent, wanted.index);
  const needed = "own" in wanted ? group.quorum : group.closingQuorum;
  // The issuer's own certificate is the header's signature and costs nothing more: count it first.
  const signers = [...group.ownerKeys].sort(
    (a, b) => Number(b === metablock.issuerKey) - Number(a === metablock.issuerKey),
  );
  return signers
    .filter(counts)
    .slice(0, needed)
    .flatMap((owner) => {
      if (owner === metablock.issuerKey) return [];
      const certificates = metablock.certificates.get(owner) ?? [];
      return [certificates.find((certificate) => covers(certificate.scope, wanted))!.bytes];
    });
}

function covers(
  scope: { readonly own: readonly number[]; readonly parents: readonly (readonly [number, number])[] } | null,
  wanted: Wanted,
): boolean {
  if (scope === null) return true;
  if ("own" in wanted) return scope.own.includes(wanted.own);
  return scope.parents.some(([parent, index]) => parent === wanted.parent && index === wanted.index);
}
