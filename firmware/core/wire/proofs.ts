import { type Cbor, encode } from "./cbor";
import { maxCertificates, maxPactDepth, maxPathLength, maxReferences } from "./limits";
import { bytes, hash32, integer, list, nullable, readStructure, signature64, tuple } from "./shape";
import type { FinalityProof, LockProof, MetablockEvidence, ShownReference } from "./types";

/**
 * What convinces one who was not there (PROTOCOL 6, "Finality proof", and the proof of a lock). Everything signed or hashed
 * stands in it as a byte string of its exact bytes, and is checked by who reads the proof, not here.
 */

export function encodeFinalityProof(proof: FinalityProof): Uint8Array {
  const { pacts, group, blockHeader, blockSignature, chain } = proof;
  const links = chain && [
    shownReferenceItems(chain.reference),
    evidenceItems(chain.certified),
    evidenceItems(chain.child),
  ];
  return encode([pacts, group, blockHeader, blockSignature, links]);
}

export function decodeFinalityProof(encoded: Uint8Array): FinalityProof {
  const [pacts, group, blockHeader, blockSignature, chain] = readStructure("finality proof", encoded, 5);
  return {
    pacts: list("finality proof: pact", pacts, maxPactDepth, bytes),
    group: bytes("finality proof: group", group),
    blockHeader: bytes("finality proof: block header", blockHeader),
    blockSignature: signature64("finality proof: block signature", blockSignature),
    chain: nullable("finality proof: chain", chain, readChain),
  };
}

function readChain(where: string, value: Cbor | undefined): NonNullable<FinalityProof["chain"]> {
  const [reference, certified, child] = tuple(where, value, 3);
  return {
    reference: readShownReference(`${where}: reference`, reference),
    certified: readEvidence(`${where}: certified`, certified),
    child: readEvidence(`${where}: child`, child),
  };
}

export function encodeLockProof(proof: LockProof): Uint8Array {
  const { metablock, parent, blockHeader, blockSignature } = proof;
  return encode([evidenceItems(metablock), parent && evidenceItems(parent), blockHeader, blockSignature]);
}

export function decodeLockProof(encoded: Uint8Array): LockProof {
  const [metablock, parent, blockHeader, blockSignature] = readStructure("lock proof", encoded, 4);
  return {
    metablock: readEvidence("lock proof: metablock", metablock),
    parent: nullable("lock proof: parent", parent, readEvidence),
    blockHeader: bytes("lock proof: block header", blockHeader),
    blockSignature: signature64("lock proof: block signature", blockSignature),
  };
}

/** A metablock as evidence: in a proof, and in the record of the tip. */
export function evidenceItems(evidence: MetablockEvidence): Cbor {
  const { bytes, signature, references, certificates } = evidence;
  return [bytes, signature, references.map(shownReferenceItems), certificates];
}

export function readEvidence(where: string, value: Cbor | undefined): MetablockEvidence {
  const [header, signature, references, certificates] = tuple(where, value, 4);
  return {
    bytes: bytes(`${where}: header`, header),
    signature: signature64(`${where}: signature`, signature),
    references: list(`${where}: reference`, references, maxReferences, readShownReference),
    certificates: list(`${where}: certificate`, certificates, maxCertificates, bytes),
  };
}

/** A reference as it travels, in a proof and in a METABLOCK alike. */
export function shownReferenceItems(reference: ShownReference): Cbor {
  return [reference.index, reference.bytes, reference.path];
}

export function readShownReference(where: string, value: Cbor | undefined): ShownReference {
  const [index, reference, path] = tuple(where, value, 3);
  return {
    index: integer(`${where}: index`, index, 0, maxReferences - 1),
    bytes: bytes(`${where}: bytes`, reference),
    path: list(`${where}: path`, path, maxPathLength, hash32),
  };
}
