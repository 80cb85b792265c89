import { mayRead } from "../chain/access";
import type { Group } from "../chain/group";
import { closedBy, type HeldReference, type Metablock } from "../chain/metablock";
import { parentsOf } from "../chain/predicates";
import { referencesAround, referencesOf } from "../chain/references";
import { groupsInScope } from "../chain/scope";
import { compareViews } from "../chain/view";
import { type News, notice, type World } from "../chain/world";
import type { PeerId } from "../events";
import { toHex } from "../wire/bytes";
import { maxCertificatesTogether } from "../wire/limits";
import { encodeMessage, messageLimit } from "../wire/messages";
import type { Block, Message, ReceivedCertificate, ShownReference } from "../wire/types";
import { type Peer, tell } from "./peer";
import { mayTell, useRoom } from "./room";

/** What is to be sent with the answer to the present event. */
export interface Outgoing {
  readonly peer: PeerId;
  /** Lower goes first: blocks before the metablocks that hold them, those before certificates. */
  readonly order: number;
  readonly bytes: Uint8Array;
}

/** Bytes of the references in one METABLOCK; beside them its header, of 64 parents and 64 released groups at most. */
const referenceBytesShown = 49_152;

/**
 * In a group of more owners than this their certificates come in a row, and each of them wants the others': what is passed on
 * waits so many ms for those that follow, a fraction of what an attempt takes.
 */
const ownersWithoutHold = 4;
const holdMs = 20;

/** A metablock travels before the certificates that came with it: its receiver would else prepare what it already brings. */
const order = {
  hello: 0,
  block: 1,
  header: 1,
  metablock: 2,
  certificate: 3,
  certificates: 3,
  frontier: 4,
  want: 5,
  pull: 5,
  proof: 6,
  chunk: 6,
  bye: 7,
};

/** Sends it with the answer to the present event; what its peer's link has room for grows less by it. */
export function send(outgoing: Outgoing[], peer: Peer, message: Message): void {
  useRoom(peer, post(outgoing, peer, message));
}

/**
 * Who sends keeps each message within its limit. Should one be larger all the same, as a record of an earlier version, it is not
 * sent and somebody is told: what a neighbour may lack is no reason to end. Returns its bytes.
 */
function post(outgoing: Outgoing[], peer: Peer, message: Message): number {
  const bytes = encodeMessage(message);
  if (bytes.length <= messageLimit) outgoing.push({ peer: peer.id, order: order[message.type], bytes });
  else {
    notice(
      peer.world,
      "message-unsent",
      `A ${message.type} of ${bytes.length} bytes was not sent to ${peer.avatarKey.slice(0, 16)}: the most is ${messageLimit}.`,
      "Report this as a bug; until then the neighbour has to hear it from another.",
    );
  }
  return bytes.length;
}

/**
 * Re-sends what is new to those peers who own, follow or must certify it (PROTOCOL 7). Children after their parents, so that
 * each message can be understood when it comes.
 */
export function spread(world: World, peers: readonly Peer[], outgoing: Outgoing[]): void {
  if (world.news.length === 0) return;
  const news = world.news.splice(0);
  const metablocks = news.flatMap((each) => (each.kind === "metablock" ? [each.metablock] : []));
  metablocks.sort((a, b) => compareViews(a.view, b.view));
  for (const each of news) {
    if (each.kind === "block") for (const peer of peers) tellBlock(peer, each.group, each.block, outgoing);
  }
  for (const metablock of metablocks) {
    for (const peer of peers) if (peer.avatarKey !== metablock.issuerKey) tellMetablock(peer, metablock, outgoing);
  }
  for (const each of news) spreadCertificate(world, each, peers);
}

function spreadCertificate(world: World, news: News, peers: readonly Peer[]): void {
  if (news.kind !== "certificate") return;
  const signer = toHex(news.certificate.signer);
  const after = signer !== world.avatarKey && isOfMany(world, news.certificate) ? holdMs : 0;
  for (const peer of peers) if (peer.avatarKey !== signer) tellCertificate(peer, news.certificate, after);
}

/** Whether one of the groups that it speaks of has so many owners that others' certificates will come at about the same time. */
function isOfMany(world: World, { metablock, scope }: ReceivedCertificate): boolean {
  const held = world.metablocks.get(toHex(metablock));
  const groups = held === undefined ? undefined : groupsInScope(world, held, scope);
  return [...(groups ?? [])].some((key) => (world.groups.get(key)?.ownerKeys.length ?? 0) > ownersWithoutHold);
}

export function tellBlock(peer: Peer, group: Group, { header, entries }: Block, outgoing: Outgoing[]): void {
  if (!peer.interests.has(group.key)) return;
  const onlyHeader = entries === null || group.pact.policy.private || !mayRead(peer.world, group, peer.avatarKey);
  if (!mayTell(peer) || !tell(peer, header.id, onlyHeader ? 0 : 1)) return;
  const { bytes, signature } = header;
  if (onlyHeader) send(outgoing, peer, { type: "header", header: bytes, signature });
  else send(outgoing, peer, { type: "block", header: bytes, signature, entries });
}

/** A metablock with what concerns the peer of its references; its parents first, which the peer needs to judge it. */
export function tellMetablock(peer: Peer, metablock: Metablock, outgoing: Outgoing[]): void {
  const parents = parentsOf(peer.world, metablock) ?? [];
  if (!concerns(peer, metablock) && !closesFor(peer, metablock, parents)) return;
  for (const parent of parents) showMetablock(peer, parent, outgoing);
  showMetablock(peer, metablock, outgoing);
}

function concerns(peer: Peer, { byGroup }: Metablock): boolean {
  for (const groupKey of byGroup.keys()) if (peer.interests.has(groupKey)) return true;
  return false;
}

/** Whether a co-owner of the peer, or the peer, closes in the metablock what a parent holds of a group of the peer's. */
function closesFor(peer: Peer, metablock: Metablock, parents: readonly Metablock[]): boolean {
  return parents.some((parent, place) =>
    [...parent.byGroup.keys()].some((groupKey) => {
      const group = peer.interests.has(groupKey) ? peer.world.groups.get(groupKey) : undefined;
      // The issuer's own certificate may come after its metablock.
      return group?.ownerKeys.some(
        (owner) =>
          owner === metablock.issuerKey ||
          referencesOf(parent, groupKey).some(({ index }) => closedBy(metablock, group, owner, place, index)),
      );
    }),
  );
}

/** Sends the metablock and what is held of its certificates, unless the peer has them. */
export function showMetablock(peer: Peer, metablock: Metablock, outgoing: Outgoing[]): void {
  if (!mayTell(peer)) return;
  const references = shownTo(peer, metablock);
  if (tell(peer, metablock.header.id, references.length)) {
    const { bytes, signature } = metablock.header;
    for (const part of inParts(metablock, references)) {
      send(outgoing, peer, { type: "metablock", header: bytes, signature, references: part });
    }
  }
  for (const certificate of [...metablock.certificates.values()].flat()) tellCertificate(peer, certificate, 0);
}

/**
 * The references as messages show them: all of a metablock's in one without paths, where that fits; else with their paths, which
 * can be five times as much, in as many messages as it takes.
 */
function inParts({ header }: Metablock, references: readonly HeldReference[]): ShownReference[][] {
  const all = references.length === header.value.referenceCount;
  const shown = references.map(({ index, bytes }) => ({ index, bytes, path: [] }));
  if (all && shown.reduce((sum, each) => sum + bytesShown(each), 0) <= referenceBytesShown) return [shown];
  const parts: ShownReference[][] = [[]];
  let room = referenceBytesShown;
  for (const { index, bytes, path } of references) {
    const each = { index, bytes, path };
    if (bytesShown(each) > room) {
      parts.push([]);
      room = referenceBytesShown;
    }
    room -= bytesShown(each);
    parts[parts.length - 1]!.push(each);
  }
  return parts;
}

/** As it is encoded, at most. */
function bytesShown({ bytes, path }: ShownReference): number {
  return 8 + bytes.length + 34 * path.length;
}

/**
 * "A board is sent of each metablock the header, the references of its groups with their Merkle paths" (PROTOCOL 6), and the
 * references beside these: so it knows that it was shown all of its groups, and may issue a child.
 */
function shownTo({ interests, world }: Peer, metablock: Metablock): HeldReference[] {
  const groups = [...interests].flatMap((key) => world.groups.get(key) ?? []);
  return referencesAround(metablock.sorted, groups);
}

/**
 * "Its co-owners' certificates": to those who share with the signer a group that it speaks of. It goes with all that go to the peer within so many ms.
 */
export function tellCertificate(peer: Peer, certificate: ReceivedCertificate, after: number): void {
  const { world, certificates } = peer;
  const signer = toHex(certificate.signer);
  const metablock = world.metablocks.get(toHex(certificate.metablock));
  // Whose parents are gone may close more than can be seen here.
  const about = metablock && groupsInScope(world, metablock, certificate.scope);
  const shared = [...peer.interests].some(
    (key) => (about === undefined || about.has(key)) && world.groups.get(key)?.ownerKeys.includes(signer),
  );
  if (!shared || !mayTell(peer) || !tell(peer, certificate.signature)) return;
  useRoom(peer, certificate.bytes.length);
  certificates.waiting.push(certificate.bytes);
  certificates.due = Math.min(certificates.due, world.now.monotonic + after);
}

/** Sends the certificates that are due, those of a peer together. */
export function sendCertificates(peers: readonly Peer[], outgoing: Outgoing[]): void {
  for (let at = 0; at < peers.length; at++) {
    const peer = peers[at]!;
    const { certificates, world } = peer;
    if (certificates.due > world.now.monotonic && certificates.waiting.length < maxCertificatesTogether) continue;
    certificates.due = Number.POSITIVE_INFINITY;
    while (certificates.waiting.length > 0) {
      const together = certificates.waiting.splice(0, maxCertificatesTogether);
      const [first] = together;
      if (together.length === 1) post(outgoing, peer, { type: "certificate", certificate: first! });
      else post(outgoing, peer, { type: "certificates", certificates: together });
    }
  }
}
