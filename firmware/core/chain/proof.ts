import type { Crypto } from "../../ports";
import { VertebraError } from "../errors";
import { closesByIssuing, closingQuorumSize, decodePact, pactId, quorumSize, syncGroupId } from "../pact/pact";
import { equal, toHex } from "../wire/bytes";
import { verifyMerklePath } from "../wire/merkle";
import { verifySignature } from "../wire/signature";
import {
  certificateHash,
  decodeBlockReference,
  decodeCertificate,
  decodeSyncGroup,
  signedBlockHeader,
  signedMetablockHeader,
} from "../wire/structures";
import type {
  AvatarId,
  BlockHeader,
  BlockReference,
  FinalityProof,
  Hash,
  MetablockEvidence,
  MetablockHeader,
  Pact,
  ShownReference,
  Signed,
  SyncGroup,
} from "../wire/types";
import { covers, type Wanted } from "./evidence";

/** What a finality proof proves. */
export interface ProvenBlock {
  readonly pact: Pact;
  readonly group: Hash;
  readonly definition: SyncGroup;
  readonly block: Hash;
  readonly header: BlockHeader;
  readonly position: number;
  /** null in a group of one owner, whose block names the one before it in place of its place among the entries. */
  readonly firstEntry: number | null;
  /** Whose certificates make it certified, and whose make it final. */
  readonly certifiedBy: readonly AvatarId[];
  readonly closedBy: readonly AvatarId[];
}

type Verifier = Pick<Crypto, "sha256" | "verify">;

/**
 * Checks a finality proof as anyone can, offline, years later (PROTOCOL 6, "Finality proof"). Throws `proof-…` saying what
 * does not hold.
 */
export function verifyFinalityProof(crypto: Verifier, proof: FinalityProof): ProvenBlock {
  const pactBytes = proof.pacts[0];
  if (pactBytes === undefined) throw broken("pact", "it carries no pact");
  const pact = decodePact(pactBytes);
  const definition = decodeSyncGroup(proof.group);
  if (!equal(definition.pact, pactId(crypto, pactBytes))) throw broken("pact", "its pact is not the group's");
  const group = syncGroupId(crypto, proof.group);
  const block = signedBlockHeader(crypto, proof.blockHeader, proof.blockSignature);
  const header = block.value;
  if (!equal(header.group, group)) throw broken("group", "its block is of another group");
  if (!verifySignature(crypto, header.issuer, block.id, block.signature))
    throw broken("signature", "its block is not signed by its issuer");
  const base = { pact, group, definition, block: block.id, header };
  if (proof.chain === null) return { ...base, ...soleOwnership(definition, header) };
  return { ...base, ...provenByChain(crypto, proof.chain, pact, definition, block) };
}

function soleOwnership(definition: SyncGroup, header: BlockHeader) {
  const [owner] = definition.owners;
  if (definition.owners.length !== 1 || owner === undefined || !equal(owner, header.issuer)) {
    throw broken("chain", "a block stands alone only in a group whose one owner issued it");
  }
  return { position: header.counter - 1, firstEntry: null, certifiedBy: [owner], closedBy: [owner] };
}

function provenByChain(
  crypto: Verifier,
  chain: NonNullable<FinalityProof["chain"]>,
  pact: Pact,
  { owners }: SyncGroup,
  block: Signed<BlockHeader>,
) {
  // A proof has one form: what it does not need does not stand in it.
  if (chain.certified.references.length + chain.child.references.length > 0) {
    throw broken("references", "its metablocks show references that prove nothing");
  }
  const certified = verifiedHeader(crypto, chain.certified);
  const child = verifiedHeader(crypto, chain.child);
  const reference = verifiedReference(crypto, certified.value, chain.reference);
  if (
    !equal(reference.block, block.id) ||
    reference.count !== block.value.count ||
    !equal(reference.group, block.value.group)
  ) {
    throw broken("reference", "its reference is not to its block, in its group and of its count");
  }
  const parent = child.value.parents.findIndex((id) => equal(id, certified.id));
  if (parent === -1 || child.value.sequence !== certified.value.sequence + 1) {
    throw broken("child", "its second metablock is no child of the first, in the generation after it");
  }
  if (child.value.releasedGroups.some((released) => equal(released, reference.group))) {
    throw broken("released", "its second metablock releases the group");
  }
  const { index } = chain.reference;
  const { quorum } = pact.policy;
  const certifiers = signersOf(crypto, certified, chain.certified, owners, { own: index }, true);
  const closers = signersOf(
    crypto,
    child,
    chain.child,
    owners,
    { parent, index },
    closesByIssuing(quorum, owners.length),
  );
  need(certifiers, quorumSize(quorum, owners.length), "first");
  need(closers, closingQuorumSize(quorum, owners.length), "second");
  const { position, firstEntry } = reference;
  return { position, firstEntry, certifiedBy: certifiers, closedBy: closers };
}

function need(signers: readonly AvatarId[], quorum: number, which: string): void {
  if (signers.length < quorum) {
    throw broken(
      "quorum",
      `${signers.length} owners certified its ${which} metablock for the block, and its pact asks ${quorum}`,
    );
  }
}

/** The header of a metablock, signed by its issuer. */
export function verifiedHeader(crypto: Verifier, evidence: MetablockEvidence): Signed<MetablockHeader> {
  const header = signedMetablockHeader(crypto, evidence.bytes, evidence.signature);
  if (!verifySignature(crypto, header.value.issuer, header.id, header.signature)) {
    throw broken("signature", `metablock ${toHex(header.id).slice(0, 16)} is not signed by its issuer`);
  }
  return header;
}

/** A reference whose Merkle path leads to the metablock's root. */
export function verifiedReference(crypto: Verifier, header: MetablockHeader, shown: ShownReference): BlockReference {
  if (!verifyMerklePath(crypto, shown.bytes, shown.index, header.referenceCount, shown.path, header.root)) {
    throw broken("path", "a Merkle path does not lead to its metablock's root");
  }
  return decodeBlockReference(shown.bytes);
}

/** The distinct owners whose certificates in the evidence cover what is wanted; where `byIssuing`, the issuer's signature does too. */
export function signersOf(
  crypto: Verifier,
  header: Signed<MetablockHeader>,
  evidence: MetablockEvidence,
  owners: readonly AvatarId[],
  wanted: Wanted,
  byIssuing: boolean,
): AvatarId[] {
  const signers = new Map<string, AvatarId>();
  if (byIssuing && owners.some((owner) => equal(owner, header.value.issuer)))
    signers.set(toHex(header.value.issuer), header.value.issuer);
  for (const bytes of evidence.certificates) {
    const { metablock, signer, scope, signature } = decodeCertificate(bytes);
    if (!equal(metablock, header.id) || !owners.some((owner) => equal(owner, signer))) {
      throw broken("certificate", "a certificate is of another metablock, or by one who is no owner");
    }
    // A second one of a signer, or one about other blocks, is not worth verifying.
    if (signers.has(toHex(signer)) || !covers(scope, wanted)) continue;
    if (!verifySignature(crypto, signer, certificateHash(crypto, metablock, signer, scope), signature)) {
      throw broken("signature", `the certificate of ${toHex(signer).slice(0, 16)} does not verify`);
    }
    signers.set(toHex(signer), signer);
  }
  return [...signers.values()];
}

function broken(what: string, sentence: string): VertebraError {
  return new VertebraError(
    `proof-${what}`,
    `This proof does not hold: ${sentence}.`,
    "Don't rely on the entry; ask another owner of the group for its proof.",
  );
}
