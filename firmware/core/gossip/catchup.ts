import { decodeFinalRecord, finalKey } from "../block/final-record";
import { contentKey } from "../block/records";
import { isWhole, mayRead } from "../chain/access";
import { blockBytes } from "../chain/block-room";
import { learnFinality } from "../chain/finalize";
import { type Group, recentFinalKept, slotWindow } from "../chain/group";
import { keepBlock, wrongEntries } from "../chain/observe";
import { type ProvenBlock, verifyFinalityProof } from "../chain/proof";
import { hasRoomForBlock } from "../chain/store-room";
import type { World } from "../chain/world";
import { mayHave, notePiece, type Piece } from "../definitions/content";
import { VertebraError } from "../errors";
import type { Action } from "../events";
import { syncGroupId } from "../pact/pact";
import { equal, toHex } from "../wire/bytes";
import { hash, type Sha256 } from "../wire/hash";
import { messageLimit } from "../wire/limits";
import { decodeFinalityProof } from "../wire/proofs";
import { decodeBlockHeader, decodeBlockReference, signedBlockHeader } from "../wire/structures";
import type { FinalityProof } from "../wire/types";
import { affordableAt, type Peer } from "./peer";
import { entriesOfLost, isLost, takeLost } from "./recovery";
import { hasRoom } from "./room";
import { type Outgoing, send } from "./tell";

/** Proofs sent for one PULL; who wants more asks again. */
export const proofsPerPull = 8;
/** How long a PULL may stay unanswered, and what the way takes so often besides, before the same is asked again. */
const pullTimeoutMs = 5_000;
const waysWaited = 4;
/** Room that a proof is reckoned to take, bytes. */
const proofRoom = 2_000;
/** Reads of the store under way at once: more PULLs are not answered, and asked again. */
const readsAtOnce = 64;

/** Reads of final records that were asked for, until the driver answers: for a peer's PULL, or for this participant's memory. */
export interface Reads {
  next: number;
  readonly underway: Map<number, ReadFor>;
}

type ReadFor =
  /** To be sent to this peer; for this participant itself, which asks whether the store has it, where there is none. */
  | { readonly piece: Piece; readonly world: World; readonly peer: Peer | undefined }
  | { readonly peer: Peer; readonly group: Group }
  | { readonly group: Group; readonly position: number; readonly crypto: Sha256 };

export function createReads(): Reads {
  return { next: 1, underway: new Map() };
}

/** Whose PULL this read answers; undefined where it is this participant's own. */
export function readFor(reads: Reads, request: number): Peer | undefined {
  const purpose = reads.underway.get(request);
  return purpose !== undefined && "peer" in purpose ? purpose.peer : undefined;
}

function read(reads: Reads, key: string, purpose: ReadFor, actions: Action[]): void {
  const request = reads.next++;
  reads.underway.set(request, purpose);
  actions.push({ kind: "read", key, request });
}

/** At boot: which blocks are final in the last slots of each group, by which a parent's references are judged. */
export function readRecentFinals(reads: Reads, world: World, actions: Action[]): void {
  for (const group of world.groups.values()) {
    for (let position = Math.max(0, group.position - recentFinalKept); position < group.position; position++) {
      read(reads, finalKey(world.tag, group.key, position), { group, position, crypto: world.crypto }, actions);
    }
  }
}

/** Asks the store which pieces of content it has. */
export function readContents(reads: Reads, world: World, actions: Action[]): void {
  for (const piece of world.contents.unread.splice(0)) {
    read(reads, contentKey(world.tag, piece.key), { piece, world, peer: undefined }, actions);
  }
}

/** Answers a peer that wants a piece of content and may have it, from the store. */
export function servePiece(reads: Reads, peer: Peer, key: string, actions: Action[]): void {
  const { world } = peer;
  const piece = world.contents.pieces.get(key);
  if (piece?.state !== "here" || !mayHave(peer, piece) || reads.underway.size >= readsAtOnce) return;
  read(reads, contentKey(world.tag, key), { piece, world, peer }, actions);
}

/** Asks a peer that has more final blocks of the group for those that follow here, unless it is about to answer. */
export function pullIfBehind(peer: Peer, group: Group, outgoing: Outgoing[]): void {
  if (pullDue(peer, group) > peer.world.now.monotonic) return;
  const until = Math.min(peer.positions.get(group.key) ?? 0, group.position + proofsPerPull);
  peer.pulls.set(group.key, { until, at: peer.world.now.monotonic });
  send(outgoing, peer, { type: "pull", group: group.id, from: group.position });
}

/** Monotonic ms at which to ask this peer for blocks of the group; Infinity where it has none that are missing here. */
export function pullDue(peer: Peer, group: Group): number {
  if ((peer.positions.get(group.key) ?? 0) <= group.position) return Number.POSITIVE_INFINITY;
  const asked = peer.pulls.get(group.key);
  const answered = asked === undefined || asked.until <= group.position;
  if (answered) return affordableAt(peer, peer.world.now.monotonic);
  return asked.at + pullTimeoutMs + waysWaited * peer.delay;
}

/** Asks again where an answer was lost, or more became final meanwhile. */
export function pullWhereBehind(peers: readonly Peer[], outgoing: Outgoing[]): void {
  for (let at = 0; at < peers.length; at++) {
    const peer = peers[at]!;
    for (const key of peer.positions.keys()) pullIfBehind(peer, peer.world.groups.get(key)!, outgoing);
  }
}

/** Answers a PULL from the store: a read for each final block, whose record becomes a PROOF, as there is room for it. */
export function servePull(reads: Reads, peer: Peer, group: Group, from: number, actions: Action[]): void {
  peer.served.set(group.key, { next: from, end: Math.min(group.position, from + proofsPerPull) });
  serve(reads, peer, group, actions);
}

function serve(reads: Reads, peer: Peer, group: Group, actions: Action[]): void {
  const served = peer.served.get(group.key);
  if (served === undefined) return;
  for (
    let room = peer.room;
    served.next < served.end && room > 0 && reads.underway.size < readsAtOnce;
    room -= proofRoom
  )
    read(reads, finalKey(peer.world.tag, group.key, served.next++), { peer, group }, actions);
  if (served.next >= served.end) peer.served.delete(group.key);
}

/** Goes on with the PULLs that there was no room for. */
export function serveOn(reads: Reads, peer: Peer, actions: Action[]): void {
  if (!hasRoom(peer)) return;
  for (const key of peer.served.keys()) serve(reads, peer, peer.world.groups.get(key)!, actions);
}

/**
 * A record came from the store: sent on as a PROOF, or remembered. One that retention has erased is not there, which a peer
 * will notice.
 */
export function answerRead(
  reads: Reads,
  request: number,
  value: Uint8Array | undefined,
  outgoing: Outgoing[],
  actions: Action[],
): void {
  const purpose = reads.underway.get(request);
  reads.underway.delete(request);
  if (purpose === undefined) return;
  if ("piece" in purpose) {
    notePiece(purpose.world, purpose.piece, value);
    if (purpose.peer !== undefined && purpose.piece.state === "here" && mayHave(purpose.peer, purpose.piece))
      send(outgoing, purpose.peer, { type: "chunk", bytes: value! });
    return;
  }
  if (value === undefined) return;
  const { proof, entries } = decodeFinalRecord(value);
  if ("peer" in purpose) {
    const { peer, group } = purpose;
    // It was asked for before the peer fell behind.
    if (!peer.interests.has(group.key)) return;
    sendProof(peer, proof, mayRead(peer.world, group, peer.avatarKey) ? entries : null, outgoing);
    serve(reads, peer, group, actions);
    return;
  }
  const { blockHeader } = decodeFinalityProof(proof);
  purpose.group.recentFinal.set(purpose.position, hash(purpose.crypto, "block", blockHeader));
}

/** The proof of a wide group fills a message: then its block goes before it, in one of its own. */
function sendProof(peer: Peer, proof: Uint8Array, entries: readonly Uint8Array[] | null, outgoing: Outgoing[]): void {
  const together = (entries ?? []).reduce((sum, { length }) => sum + length + 5, proof.length + 16);
  if (entries === null || together <= messageLimit) {
    send(outgoing, peer, { type: "proof", proof, entries });
    return;
  }
  const { blockHeader, blockSignature } = decodeFinalityProof(proof);
  send(outgoing, peer, { type: "block", header: blockHeader, signature: blockSignature, entries });
  send(outgoing, peer, { type: "proof", proof, entries: null });
}

/** A PROOF came: verified as a stranger would, and finalized. Throws `proof-…` where it does not hold. */
export function takeProof(
  peer: Peer,
  bytes: Uint8Array,
  entries: readonly Uint8Array[] | null,
  outgoing: Outgoing[],
): void {
  const { world } = peer;
  const proof = decodeFinalityProof(bytes);
  const group = world.groups.get(toHex(syncGroupId(world.crypto, proof.group)));
  if (group === undefined) return;
  // What is of no use here is not worth verifying.
  const claimed = positionClaimed(proof);
  if (claimed >= group.position + slotWindow || (claimed < group.position && !isLost(world, group, claimed))) return;
  const proven = verifyFinalityProof(world.crypto, proof);
  if (proven.position < group.position) {
    takeBack(world, group, proven, bytes, entries);
    return;
  }
  const asked = peer.pulls.get(group.key);
  if (asked !== undefined) asked.at = world.now.monotonic;
  // A chain is followed link by link: what comes out of order is pulled again.
  if (proven.firstEntry === null && proven.position > group.position) return;
  const firstEntry = proven.firstEntry ?? nextOfSoleOwner(group, proven);
  const id = toHex(proven.block);
  const enough = isWhole({ entries }, group);
  if (enough && !group.blocks.has(id)) {
    if (entries !== null) checkEntries(world, proven, entries);
    const block = {
      header: signedBlockHeader(world.crypto, proof.blockHeader, proof.blockSignature),
      entries,
    };
    // What follows on is final at once, and takes no room that it does not give back.
    const more = blockBytes(block);
    if (proven.position > group.position && !hasRoomForBlock(world.room, group.key, world.groups.size, more, false))
      return;
    keepBlock(world, group, block);
  }
  learnFinality(world, group, proven.position, {
    block: proven.block,
    firstEntry,
    count: proven.header.count,
    proof: bytes,
  });
  pullIfBehind(peer, group, outgoing);
}

/** What was final here, and lost. Of a wide group the block came before its proof. */
function takeBack(
  world: World,
  group: Group,
  proven: ProvenBlock,
  bytes: Uint8Array,
  entries: readonly Uint8Array[] | null,
): void {
  const held = entries ?? entriesOfLost(world, group, proven.block);
  if (!isWhole({ entries: held }, group)) return;
  if (held !== null) checkEntries(world, proven, held);
  takeLost(world, group, proven, bytes, held);
}

/** Where its block is, as the proof says it before it is verified. */
function positionClaimed({ chain, blockHeader }: FinalityProof): number {
  return chain === null
    ? decodeBlockHeader(blockHeader).counter - 1
    : decodeBlockReference(chain.reference.bytes).position;
}

/** In a group of one owner each block names the one before it: "that chain is its proof" (PROTOCOL 3). */
function nextOfSoleOwner(group: Group, { block, header, position }: ProvenBlock): number {
  const { previous } = header;
  const known = group.slots.get(position)?.final?.block ?? block;
  const follows =
    previous === null ? group.lastFinal === null : group.lastFinal !== null && equal(previous, group.lastFinal);
  if (position !== group.position || !follows || !equal(known, block)) {
    throw new VertebraError(
      "proof-previous",
      `Block ${position} of group ${group.key.slice(0, 16)} does not follow on the one before it here.`,
      "Its one owner issued two histories: look at it before you trust it again.",
    );
  }
  return group.entries;
}

function checkEntries(world: World, { block, header }: ProvenBlock, entries: readonly Uint8Array[]): void {
  const wrong = wrongEntries(world.crypto, header, entries);
  if (wrong === undefined) return;
  throw new VertebraError(
    "proof-entries",
    `The entries that came with the proof of block ${toHex(block).slice(0, 16)} are not its own: it ${wrong}.`,
    "Pull it from another owner.",
  );
}
