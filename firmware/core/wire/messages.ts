import { type Cbor, decode, defaultLimits, encode } from "./cbor";
import {
  chunkBytes,
  maxCapabilities,
  maxCertificatesTogether,
  maxCount,
  maxEntries,
  maxGroups,
  maxLocks,
  maxNameBytes,
  maxReasonBytes,
  maxReferences,
  maxWanted,
  messageLimit,
} from "./limits";
import { decodeLockProof, encodeLockProof, readShownReference, shownReferenceItems } from "./proofs";
import { bytes, hash32, integer, list, nullable, signature64, text, tuple, wrong } from "./shape";
import type { Frontier, Hash, LockProof, Message } from "./types";

/** The messages of PROTOCOL 7: CBOR arrays whose first item is the type. */

export { messageLimit } from "./limits";

/** Of more than `messageLimit` bytes it is what no decoder takes: who sends looks. */
export function encodeMessage(message: Message): Uint8Array {
  return encode(messageItems(message));
}

/** Throws `message-limit`, `message-type`, `cbor-…` or `structure-…`; byte strings in it are views into `encoded`. */
export function decodeMessage(encoded: Uint8Array, most = messageLimit): Message {
  if (encoded.length > most) {
    throw wrong("message-limit", "message", `has ${encoded.length} bytes, and the most is ${most}`);
  }
  const items = decode(encoded, { ...defaultLimits, length: most });
  if (!Array.isArray(items)) throw wrong("structure-shape", "message", "is not an array");
  return readMessage(items as readonly Cbor[]);
}

function messageItems(message: Message): readonly Cbor[] {
  switch (message.type) {
    case "hello":
      return [1, message.capabilities, message.groups, message.epoch];
    case "block":
      return [2, message.header, message.signature, message.entries];
    case "header":
      return [3, message.header, message.signature];
    case "metablock":
      return [4, message.header, message.signature, message.references.map(shownReferenceItems)];
    case "certificate":
      return [5, message.certificate];
    case "certificates":
      return [11, message.certificates];
    case "want":
      return [6, message.hashes];
    case "frontier":
      return [7, ...frontierItems(message.frontier)];
    case "pull":
      return [8, message.group, message.from];
    case "proof":
      return [9, message.proof, message.entries];
    case "bye":
      return [10, message.reason];
    case "chunk":
      return [12, message.bytes];
  }
}

function frontierItems(frontier: Frontier): readonly Cbor[] {
  const { highestFinalizableGeneration, tip, attempt, positions, locks } = frontier;
  return [highestFinalizableGeneration, tip, attempt, positions, locks.map(encodeLockProof)];
}

function readMessage(items: readonly Cbor[]): Message {
  switch (items[0]) {
    case 1:
      return readHello(items);
    case 2:
      return readBlock(items);
    case 3:
      return readHeader(items);
    case 4:
      return readMetablock(items);
    case 5:
      return { type: "certificate", certificate: bytes("CERTIFICATE: certificate", tuple("CERTIFICATE", items, 2)[1]) };
    case 6:
      return { type: "want", hashes: list("WANT: hash", tuple("WANT", items, 2)[1], maxWanted, hash32) };
    case 7:
      return { type: "frontier", frontier: readFrontier(items) };
    case 8:
      return readPull(items);
    case 9:
      return readProof(items);
    case 10:
      return { type: "bye", reason: text("BYE: reason", tuple("BYE", items, 2)[1], maxReasonBytes) };
    case 11:
      return { type: "certificates", certificates: readCertificates(tuple("CERTIFICATES", items, 2)[1]) };
    case 12:
      return { type: "chunk", bytes: readChunk(tuple("CHUNK", items, 2)[1]) };
    default:
      throw wrong("message-type", "message", "is of an unknown type");
  }
}

function readChunk(value: Cbor | undefined): Uint8Array {
  const chunk = bytes("CHUNK: bytes", value);
  if (chunk.length < 1 || chunk.length > chunkBytes)
    throw wrong("structure-bound", "CHUNK: bytes", `are ${chunk.length}, and a chunk has 1 to ${chunkBytes}`);
  return chunk;
}

function readCertificates(value: Cbor | undefined): Uint8Array[] {
  const certificates = list("CERTIFICATES: certificate", value, maxCertificatesTogether, bytes);
  if (certificates.length < 2)
    throw wrong("structure-bound", "CERTIFICATES", "has fewer than 2, and one goes as CERTIFICATE");
  return certificates;
}

function readHello(items: readonly Cbor[]): Message {
  const [, capabilities, groups, epoch] = tuple("HELLO", items, 4);
  return {
    type: "hello",
    capabilities: list("HELLO: capability", capabilities, maxCapabilities, (where, value) =>
      text(where, value, maxNameBytes),
    ),
    groups: list("HELLO: group", groups, maxGroups, hash32),
    epoch: integer("HELLO: epoch", epoch),
  };
}

function readBlock(items: readonly Cbor[]): Message {
  const [, header, signature, entries] = tuple("BLOCK", items, 4);
  return {
    type: "block",
    header: bytes("BLOCK: header", header),
    signature: signature64("BLOCK: signature", signature),
    entries: readEntries("BLOCK: entry", entries),
  };
}

function readHeader(items: readonly Cbor[]): Message {
  const [, header, signature] = tuple("HEADER", items, 3);
  return {
    type: "header",
    header: bytes("HEADER: header", header),
    signature: signature64("HEADER: signature", signature),
  };
}

function readMetablock(items: readonly Cbor[]): Message {
  const [, header, signature, references] = tuple("METABLOCK", items, 4);
  return {
    type: "metablock",
    header: bytes("METABLOCK: header", header),
    signature: signature64("METABLOCK: signature", signature),
    references: list("METABLOCK: reference", references, maxReferences, readShownReference),
  };
}

function readFrontier(items: readonly Cbor[]): Frontier {
  const [, generation, tip, attempt, positions, locks] = tuple("FRONTIER", items, 6);
  return {
    highestFinalizableGeneration: integer("FRONTIER: HFG", generation, -1, maxCount),
    tip: nullable("FRONTIER: tip", tip, hash32),
    attempt: integer("FRONTIER: attempt", attempt, 0, maxCount),
    positions: list("FRONTIER: position", positions, maxGroups, readPosition),
    locks: list("FRONTIER: lock", locks, maxLocks, readLock),
  };
}

function readPosition(where: string, value: Cbor): readonly [Hash, number] {
  const [group, position] = tuple(where, value, 2);
  return [hash32(`${where}: group`, group), integer(where, position)];
}

function readLock(where: string, value: Cbor): LockProof {
  return decodeLockProof(bytes(where, value));
}

function readPull(items: readonly Cbor[]): Message {
  const [, group, from] = tuple("PULL", items, 3);
  return { type: "pull", group: hash32("PULL: group", group), from: integer("PULL: from", from) };
}

function readProof(items: readonly Cbor[]): Message {
  const [, proof, entries] = tuple("PROOF", items, 3);
  return {
    type: "proof",
    proof: bytes("PROOF: proof", proof),
    entries: nullable("PROOF: entry", entries, readEntries),
  };
}

function readEntries(where: string, value: Cbor | undefined): Uint8Array[] {
  return list(where, value, maxEntries, bytes);
}
