import { equal, toHex } from "../../firmware/core/wire/bytes";
import { hash } from "../../firmware/core/wire/hash";
import { verifyMerklePath } from "../../firmware/core/wire/merkle";
import { decodeFinalityProof } from "../../firmware/core/wire/proofs";
import {
  certificateHash,
  decodeBlockHeader,
  decodeBlockReference,
  decodeCertificate,
  decodeMetablockHeader,
} from "../../firmware/core/wire/structures";
import type { MetablockEvidence } from "../../firmware/core/wire/types";
import type { Crypto } from "../../firmware/ports";
import { ownersNeeded } from "./plan";
import type { Group } from "./world";

/**
 * A second judge of finality proofs, written from PROTOCOL 6 ("Finality proof") and not from the firmware's own. Returns what a proof
 * lacks to make this block final at this place of the group, or undefined where it lacks nothing.
 */
export function lacking(crypto: Crypto, group: Group, position: number, bytes: Uint8Array): string | undefined {
  const proof = decodeFinalityProof(bytes);
  if (!equal(proof.group, group.bytes)) return "its group is another";
  if (!equal(proof.pacts[0]!, group.pactBytes)) return "its pact is another";
  const header = decodeBlockHeader(proof.blockHeader);
  const block = hash(crypto, "block", proof.blockHeader);
  if (!equal(header.group, group.id)) return "its block is of another group";
  if (!crypto.verify(header.issuer, block, proof.blockSignature)) return "its block is not signed";
  if (proof.chain === null) return group.owners.length === 1 ? undefined : "it shows no metablocks";
  const { reference, certified, child } = proof.chain;
  const place = decodeBlockReference(reference.bytes);
  if (!equal(place.group, group.id) || !equal(place.block, block)) return "its reference is to another block";
  if (place.position !== position || place.count !== header.count) return "its reference is to another place";
  const first = decodeMetablockHeader(certified.bytes);
  const second = decodeMetablockHeader(child.bytes);
  if (!verifyMerklePath(crypto, reference.bytes, reference.index, first.referenceCount, reference.path, first.root))
    return "its path leads elsewhere";
  const firstId = hash(crypto, "metablock", certified.bytes);
  const parent = second.parents.findIndex((id) => equal(id, firstId));
  if (parent === -1 || second.sequence !== first.sequence + 1) return "its second metablock is no child of the first";
  for (const [header, { bytes, signature }] of [
    [first, certified],
    [second, child],
  ] as const) {
    if (!crypto.verify(header.issuer, hash(crypto, "metablock", bytes), signature)) return "a metablock is not signed";
  }
  if (second.releasedGroups.some((id) => equal(id, group.id))) return "its second metablock releases the group";
  const owners = group.owners.length;
  const closing = group.policy.quorum === "all" ? "two-thirds" : group.policy.quorum;
  const quorum = ownersNeeded(group.policy.quorum, owners);
  const certifiers = signers(crypto, certified, (scope) => scope === null || scope.own.includes(reference.index)).add(
    toHex(first.issuer),
  );
  const certifying = ownersAmong(group, certifiers);
  if (certifying < quorum) return `${certifying} of ${owners} certified it`;
  const closers = signers(
    crypto,
    child,
    (scope) => scope === null || scope.parents.some(([at, index]) => at === parent && index === reference.index),
  );
  // Issuing a child says nothing of its parents where its issuer need not have certified them.
  if (quorum === owners) closers.add(toHex(second.issuer));
  const closed = ownersAmong(group, closers);
  if (certified.certificates.some((each) => speaksBeyond(first, each)))
    return "a certificate speaks of what is not there";
  return closed < ownersNeeded(closing, owners) ? `${closed} of ${owners} closed it` : undefined;
}

function speaksBeyond({ referenceCount }: { readonly referenceCount: number }, certificate: Uint8Array): boolean {
  return decodeCertificate(certificate).scope?.own.some((index) => index >= referenceCount) === true;
}

type Scope = ReturnType<typeof decodeCertificate>["scope"];

function ownersAmong(group: Group, signers: ReadonlySet<string>): number {
  return group.ownerKeys.filter((owner) => signers.has(owner)).length;
}

/** Who certified the metablock for what is asked. */
function signers(
  crypto: Crypto,
  { bytes, certificates }: MetablockEvidence,
  counts: (scope: Scope) => boolean,
): Set<string> {
  const id = hash(crypto, "metablock", bytes);
  const found = new Set<string>();
  for (const each of certificates) {
    const { metablock, signer, scope, signature } = decodeCertificate(each);
    const signed = certificateHash(crypto, id, signer, scope);
    if (equal(metablock, id) && counts(scope) && crypto.verify(signer, signed, signature)) found.add(toHex(signer));
  }
  return found;
}
