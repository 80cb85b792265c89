import { type Cbor, encode } from "./cbor";
import { hash, type Sha256 } from "./hash";
import {
  maxCertificateBytes,
  maxCount,
  maxEntries,
  maxOwners,
  maxParents,
  maxReferences,
  maxReleasedGroups,
} from "./limits";
import {
  bytesOf,
  hash32,
  integer,
  list,
  nullable,
  readStructure,
  signature64,
  sortedHashes,
  tuple,
  wrong,
} from "./shape";
import type {
  AvatarId,
  BlockHeader,
  BlockReference,
  Certificate,
  Hash,
  MetablockHeader,
  ReceivedCertificate,
  Scope,
  Signed,
  SyncGroup,
} from "./types";

/**
 * What is hashed and signed (PROTOCOL 3 and 4): arrays in the order of the patent's fields. Decoders throw `cbor-…` or
 * `structure-…` naming the structure and the field; what they return holds views into the bytes given.
 */

export function encodeSyncGroup(group: SyncGroup): Uint8Array {
  return encode([group.pact, group.owners]);
}

export function decodeSyncGroup(bytes: Uint8Array): SyncGroup {
  const [pact, owners] = readStructure("sync group", bytes, 2);
  const read = sortedHashes("sync group: owner", owners, maxOwners);
  if (read.length === 0) throw wrong("structure-field", "sync group: owners", "are none, and a group has one at least");
  return { pact: hash32("sync group: pact", pact), owners: read };
}

export function encodeBlockHeader(header: BlockHeader): Uint8Array {
  const { group, issuer, counter, count, entriesHash, time, previous } = header;
  return encode([group, issuer, counter, count, entriesHash, time, previous]);
}

export function decodeBlockHeader(bytes: Uint8Array): BlockHeader {
  const [group, issuer, counter, count, entriesHash, time, previous] = readStructure("block header", bytes, 7);
  return {
    group: hash32("block header: group", group),
    issuer: hash32("block header: issuer", issuer),
    counter: integer("block header: counter", counter, 1, maxCount),
    count: integer("block header: count", count, 1, maxEntries),
    entriesHash: hash32("block header: entriesHash", entriesHash),
    time: integer("block header: time", time),
    previous: nullable("block header: previous", previous, hash32),
  };
}

/** The header with its BlockId. The signature's length is checked, not whether it verifies. */
export function signedBlockHeader(crypto: Sha256, bytes: Uint8Array, signature: Uint8Array): Signed<BlockHeader> {
  return {
    value: decodeBlockHeader(bytes),
    bytes,
    id: hash(crypto, "block", bytes),
    signature: bytesOf("block header: signature", signature, 64),
  };
}

/** What a block header says of its entries: the hash over the array of their byte strings. */
export function entriesHash(crypto: Sha256, entries: readonly Uint8Array[]): Hash {
  return hash(crypto, "entries", encode(entries));
}

export function encodeMetablockHeader(header: MetablockHeader): Uint8Array {
  const { sequence, attempt, parents, releasedGroups, root, referenceCount, issuer } = header;
  return encode([sequence, attempt, parents, releasedGroups, root, referenceCount, issuer]);
}

export function decodeMetablockHeader(bytes: Uint8Array): MetablockHeader {
  const [sequence, attempt, parents, released, root, count, issuer] = readStructure("metablock header", bytes, 7);
  const header = {
    sequence: integer("metablock header: sequence", sequence, 0, maxCount),
    attempt: integer("metablock header: attempt", attempt, 0, maxCount),
    parents: sortedHashes("metablock header: parent", parents, maxParents),
    releasedGroups: sortedHashes("metablock header: released group", released, maxReleasedGroups),
    root: hash32("metablock header: root", root),
    referenceCount: integer("metablock header: referenceCount", count, 0, maxReferences),
    issuer: hash32("metablock header: issuer", issuer),
  };
  // PROTOCOL 5, SIC-DAG invariants: genesis has no parents, each other node references at least one.
  if ((header.sequence === 0) !== (header.parents.length === 0)) {
    const what = `are ${header.parents.length} at sequence ${header.sequence}`;
    throw wrong("structure-field", "metablock header: parents", `${what}, and only genesis has none`);
  }
  return header;
}

/** The header with its MetablockId. The signature's length is checked, not whether it verifies. */
export function signedMetablockHeader(
  crypto: Sha256,
  bytes: Uint8Array,
  signature: Uint8Array,
): Signed<MetablockHeader> {
  return {
    value: decodeMetablockHeader(bytes),
    bytes,
    id: hash(crypto, "metablock", bytes),
    signature: bytesOf("metablock header: signature", signature, 64),
  };
}

export function encodeBlockReference(reference: BlockReference): Uint8Array {
  const { group, position, firstEntry, block, count } = reference;
  return encode([group, position, firstEntry, block, count]);
}

export function decodeBlockReference(bytes: Uint8Array): BlockReference {
  const [group, position, firstEntry, block, count] = readStructure("block reference", bytes, 5);
  return {
    group: hash32("block reference: group", group),
    position: integer("block reference: position", position),
    firstEntry: integer("block reference: firstEntry", firstEntry),
    block: hash32("block reference: block", block),
    count: integer("block reference: count", count, 1, maxEntries),
  };
}

/**
 * What a certificate's signature is over. Encoding what was decoded gives the bytes received, since the decoder takes no
 * other encoding.
 */
export function certificateHash(crypto: Sha256, metablock: Hash, signer: AvatarId, scope: Scope | null): Hash {
  return hash(crypto, "certificate", encode([metablock, signer, scopeItems(scope)]));
}

export function encodeCertificate(certificate: Certificate): Uint8Array {
  const { metablock, signer, scope, signature } = certificate;
  return encode([metablock, signer, scopeItems(scope), signature]);
}

export function decodeCertificate(bytes: Uint8Array): ReceivedCertificate {
  if (bytes.length > maxCertificateBytes) {
    throw wrong("structure-bound", "certificate", `has ${bytes.length} bytes, and the most is ${maxCertificateBytes}`);
  }
  const [metablock, signer, scope, signature] = readStructure("certificate", bytes, 4);
  return {
    metablock: hash32("certificate: metablock", metablock),
    signer: hash32("certificate: signer", signer),
    scope: nullable("certificate: scope", scope, readScope),
    signature: signature64("certificate: signature", signature),
    bytes,
  };
}

function scopeItems(scope: Scope | null): Cbor {
  return scope === null ? null : [scope.own, scope.parents];
}

function readScope(where: string, value: Cbor | undefined): Scope {
  const [own, parents] = tuple(where, value, 2);
  const inParents = list(`${where} in parents`, parents, maxCertificateBytes, readParentIndex);
  return {
    own: ascending(where, list(where, own, maxCertificateBytes, readIndex), (index) => index),
    parents: ascending(where, inParents, ([parent, index]) => parent * maxReferences + index),
  };
}

function readIndex(where: string, value: Cbor): number {
  return integer(where, value, 0, maxReferences - 1);
}

function readParentIndex(where: string, value: Cbor): readonly [number, number] {
  const [parent, index] = tuple(where, value, 2);
  return [
    integer(`${where}: parent`, parent, 0, maxParents - 1),
    integer(`${where}: reference`, index, 0, maxReferences - 1),
  ];
}

/** One scope has one encoding: its indexes go up, each once. */
function ascending<T>(where: string, items: T[], rank: (item: T) => number): T[] {
  for (let i = 1; i < items.length; i++) {
    if (rank(items[i - 1]!) >= rank(items[i]!)) {
      throw wrong("structure-order", `${where} ${i}`, "is out of order or there twice");
    }
  }
  return items;
}
