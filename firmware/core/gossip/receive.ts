import { isWhole } from "../chain/access";
import { forgetIfSignedBySelf, forgottenBlock } from "../chain/amnesia";
import { hearSigner } from "../chain/attempt";
import { observeCertificate } from "../chain/certificates";
import { isOfDefinitions } from "../chain/defining";
import type { Group } from "../chain/group";
import { observeBlock, observeMetablock } from "../chain/observe";
import { notice, type World } from "../chain/world";
import { takeChunk } from "../definitions/content";
import { VertebraError } from "../errors";
import type { Action } from "../events";
import { equal, toHex } from "../wire/bytes";
import { decodeCertificate, decodeMetablockHeader, signedBlockHeader } from "../wire/structures";
import type { AvatarId, Block, Hash, Message } from "../wire/types";
import { type Reads, servePiece, servePull, takeProof } from "./catchup";
import { forgetTold, resynchronize, sendFrontier, takeFrontier } from "./frontier";
import { follows, isBehind, type Peer, tell, untell } from "./peer";
import { noteBlockOfLost } from "./recovery";
import { hasRoom } from "./room";
import { type Outgoing, showMetablock, tellBlock } from "./tell";

/** Hashes answered of one WANT, and such as wait for room. */
const wantsAnswered = 16;
const wantsWaiting = 64;

/** What a message needs to be taken: whom it came from, and where answers go. */
export interface Receiving {
  readonly peer: Peer;
  readonly outgoing: Outgoing[];
  readonly actions: Action[];
  readonly reads: Reads;
}

/** Takes one message; throws a VertebraError where it is invalid, and then nothing was changed by it. */
export function receive(receiving: Receiving, message: Message): void {
  const { peer, outgoing, actions, reads } = receiving;
  const { world } = peer;
  switch (message.type) {
    case "hello":
      takeInterests(peer, message.groups, outgoing);
      break;
    case "block":
      takeBlock(peer, message.header, message.signature, message.entries);
      break;
    case "header":
      takeBlock(peer, message.header, message.signature, null);
      break;
    case "metablock":
      takeMetablock(receiving, message);
      break;
    case "certificate":
      takeCertificate(peer, message.certificate);
      break;
    case "certificates":
      for (const certificate of message.certificates) takeCertificate(peer, certificate);
      break;
    case "want":
      for (const hash of message.hashes.slice(0, wantsAnswered)) {
        if (peer.wanted.size < wantsWaiting) peer.wanted.set(toHex(hash), hash);
      }
      answerWants(receiving);
      break;
    case "frontier":
      takeFrontier(peer, message.frontier, outgoing);
      break;
    case "pull": {
      const group = world.groups.get(toHex(message.group));
      if (group !== undefined && peer.interests.has(group.key)) servePull(reads, peer, group, message.from, actions);
      break;
    }
    case "proof":
      takeProof(peer, message.proof, message.entries, outgoing);
      break;
    case "chunk":
      takeChunk(world, message.bytes);
      break;
    case "bye":
      break;
  }
}

/** A neighbour that follows more than it owns is told what waits in those groups, too. */
function takeInterests(peer: Peer, groups: readonly Hash[], outgoing: Outgoing[]): void {
  const before = peer.interests.size;
  // It greets again since a group was defined for it: what it was told of that before, it did not know what to make of.
  const again = peer.greeted && peer.world.definitions.length > 0;
  peer.greeted = true;
  if (again) peer.told.clear();
  for (const id of groups) followAsAllowed(peer, toHex(id));
  if (peer.interests.size === before && !again) return;
  peer.world.linesChanged = true;
  resynchronize(peer, outgoing);
}

/** "Checked wherever a group's data leaves" (PROTOCOL 8): who may not read it is told nothing of it, whatever it says. */
function followAsAllowed(peer: Peer, groupKey: string): void {
  const { world } = peer;
  const group = world.groups.get(groupKey);
  if (group === undefined || peer.interests.has(groupKey)) return;
  if (follows(peer, group)) peer.interests.add(groupKey);
  else if (!peer.refused.has(groupKey) && !isBehind(peer)) {
    peer.refused.add(groupKey);
    notice(
      world,
      "follower-refused",
      `${peer.avatarKey.slice(0, 16)} asked to follow group ${groupKey.slice(0, 16)} of pact ${group.pact.name}, and may not read it.`,
      "If it is to relay the group, name it as a follower in the world; else look at this participant.",
    );
  }
}

function takeBlock(peer: Peer, bytes: Uint8Array, signature: Uint8Array, entries: readonly Uint8Array[] | null): void {
  const { world } = peer;
  const header = signedBlockHeader(world.crypto, bytes, signature);
  const group = world.groups.get(toHex(header.value.group));
  if (group === undefined) return;
  // Whose word it is is not sure enough where members write; and who goes on in the present epoch says it again.
  if (isBehind(peer) && !isOfDefinitions(world, group)) return;
  tell(peer, header.id, entries === null ? 0 : 1);
  const block: Block = { header, entries };
  noteBlockOfLost(world, group, block);
  if (equal(header.value.issuer, world.avatar) && forgottenBlock(world, group, block)) return;
  if (!isWhole(block, group)) return;
  if (observeBlock(world, group, block)) world.news.push({ kind: "block", group, block });
}

function takeMetablock(receiving: Receiving, message: Extract<Message, { type: "metablock" }>): void {
  const { peer, outgoing } = receiving;
  const { world } = peer;
  const observed = observeRelayed(peer, message);
  if (observed === undefined) {
    // It came too late: its sender is behind, and learns from this frontier how far the world is.
    const due = peer.frontierAt + Math.max(200, peer.delay);
    if (hasRoom(peer) && due <= world.now.monotonic) sendFrontier(peer, false, outgoing);
    return;
  }
  const { metablock, news } = observed;
  tell(peer, metablock.header.id, message.references.length);
  hearSigner(world, metablock.issuerKey, metablock.view);
  forgetIfSignedBySelf(world, metablock);
  if (news) world.news.push({ kind: "metablock", metablock });
}

function observeRelayed(peer: Peer, message: Extract<Message, { type: "metablock" }>) {
  const observe = () => observeMetablock(peer.world, message.header, message.signature, message.references);
  return heldAgainst(peer, decodeMetablockHeader(message.header).issuer, toldByMore, observe);
}

/** What tells it are a metablock's parents, or references that its author showed here and not there. */
const toldByMore = ["metablock-invariant", "metablock-order", "metablock-references"];

/**
 * What can be judged only with more than the message is held against its author alone: an honest neighbour may have passed it on
 * before it had that. Undefined where it is refused so.
 */
function heldAgainst<T>(peer: Peer, author: AvatarId, codes: readonly string[], observe: () => T): T | undefined {
  const { world } = peer;
  try {
    return observe();
  } catch (error) {
    if (!(error instanceof VertebraError) || !codes.includes(error.code) || equal(author, peer.avatar)) throw error;
    world.delivered.push({ kind: "notice", world: world.tag, error });
    return undefined;
  }
}

function takeCertificate(peer: Peer, bytes: Uint8Array): void {
  const { world } = peer;
  const certificate = decodeCertificate(bytes);
  tell(peer, certificate.signature);
  const observe = () => observeCertificate(world, certificate);
  if (!heldAgainst(peer, certificate.signer, ["certificate-stranger", "certificate-scope"], observe)) return;
  world.news.push({ kind: "certificate", certificate });
  const metablock = world.metablocks.get(toHex(certificate.metablock));
  if (metablock === undefined) return;
  hearSigner(world, toHex(certificate.signer), metablock.view);
  forgetIfSignedBySelf(world, metablock);
}

/** Answers what a peer wants, as far as there is room; the rest when there is. */
export function answerWants({ peer, outgoing, reads, actions }: Receiving): void {
  for (const [key, hash] of peer.wanted) {
    if (!hasRoom(peer)) return;
    peer.wanted.delete(key);
    if (peer.world.contents.pieces.has(key)) servePiece(reads, peer, key, actions);
    else answerWant(peer, hash, outgoing);
  }
}

function answerWant(peer: Peer, hash: Hash, outgoing: Outgoing[]): void {
  const { world } = peer;
  const key = toHex(hash);
  untell(peer, hash);
  const metablock = world.metablocks.get(key);
  if (metablock !== undefined) {
    forgetTold(peer, metablock);
    showMetablock(peer, metablock, outgoing);
    return;
  }
  const found = blockHeld(world, key);
  if (found !== undefined) tellBlock(peer, found.group, found.block, outgoing);
}

function blockHeld(world: World, key: string): { readonly group: Group; readonly block: Block } | undefined {
  for (const group of world.groups.values()) {
    const block = group.blocks.get(key);
    if (block !== undefined) return { group, block };
  }
  return undefined;
}
