import type { Group } from "../chain/group";
import { closedBy, type HeldReference, type Metablock, referencesOf } from "../chain/metablock";
import { groupsAbout, parentsOf } from "../chain/predicates";
import { compareViews } from "../chain/view";
import type { News, World } from "../chain/world";
import type { PeerId } from "../events";
import { compare, toHex } from "../wire/bytes";
import { encodeMessage } from "../wire/messages";
import type { Block, Message, ReceivedCertificate } from "../wire/types";
import { type Peer, tell } from "./peer";

/** What is to be sent with the answer to the present event. */
export interface Outgoing {
  readonly peer: PeerId;
  /** Lower goes first: blocks before the metablocks that hold them, those before certificates. */
  readonly order: number;
  readonly bytes: Uint8Array;
}

/** A metablock travels before the certificates that came with it: its receiver would else prepare what it already brings. */
const order = {
  hello: 0,
  block: 1,
  header: 1,
  metablock: 2,
  certificate: 3,
  frontier: 4,
  want: 5,
  pull: 5,
  proof: 6,
  bye: 7,
};

export function send(outgoing: Outgoing[], peer: Peer, message: Message): void {
  outgoing.push({ peer: peer.id, order: order[message.type], bytes: encodeMessage(message) });
}

/**
 * Re-sends what is new to those peers who own, follow or must certify it (PROTOCOL 7). Children after their parents, so that
 * each message can be understood when it comes.
 */
export function spread(world: World, peers: readonly Peer[], outgoing: Outgoing[]): void {
  const news = world.news.splice(0);
  const metablocks = news.flatMap((each) => (each.kind === "metablock" ? [each.metablock] : []));
  metablocks.sort((a, b) => compareViews(a.view, b.view));
  for (const each of news) {
    if (each.kind === "block") for (const peer of peers) tellBlock(peer, each.group, each.block, outgoing);
  }
  for (const metablock of metablocks) {
    for (const peer of peers) if (peer.avatarKey !== metablock.issuerKey) tellMetablock(peer, metablock, outgoing);
  }
  for (const each of news) spreadCertificate(each, peers, outgoing);
}

function spreadCertificate(news: News, peers: readonly Peer[], outgoing: Outgoing[]): void {
  if (news.kind !== "certificate") return;
  const signer = toHex(news.certificate.signer);
  for (const peer of peers) if (peer.avatarKey !== signer) tellCertificate(peer, news.certificate, outgoing);
}

export function tellBlock(peer: Peer, group: Group, { header, entries }: Block, outgoing: Outgoing[]): void {
  if (!peer.interests.has(group.key)) return;
  const onlyHeader = entries === null || group.pact.policy.private;
  if (!tell(peer, toHex(header.id), onlyHeader ? 0 : 1)) return;
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
    [...parent.byGroup.keys()].some(
      (groupKey) =>
        peer.interests.has(groupKey) &&
        peer.world.groups
          .get(groupKey)
          ?.ownerKeys.some((owner) =>
            referencesOf(parent, groupKey).some(({ index }) => closedBy(metablock, owner, place, index)),
          ),
    ),
  );
}

/** Sends the metablock and what is held of its certificates, unless the peer has them. */
export function showMetablock(peer: Peer, metablock: Metablock, outgoing: Outgoing[]): void {
  const references = shownTo(peer, metablock);
  if (tell(peer, metablock.key, references.length)) {
    const { bytes, signature } = metablock.header;
    const all = references.length === metablock.header.value.referenceCount;
    const shown = references.map(({ index, bytes, path }) => ({ index, bytes, path: all ? [] : path }));
    send(outgoing, peer, { type: "metablock", header: bytes, signature, references: shown });
  }
  for (const certificate of [...metablock.certificates.values()].flat()) tellCertificate(peer, certificate, outgoing);
}

/**
 * "A board is sent of each metablock the header, the references of its groups with their Merkle paths" (PROTOCOL 6), and the
 * references beside these: so it knows that it was shown all of its groups, and may issue a child.
 */
function shownTo(peer: Peer, metablock: Metablock): HeldReference[] {
  const sorted = [...metablock.references.values()].sort((a, b) => a.index - b.index);
  const wanted = new Set<number>();
  for (const groupKey of peer.interests) {
    const group = peer.world.groups.get(groupKey);
    if (group === undefined) continue;
    const at = sorted.findIndex(({ value }) => compare(value.group, group.id) >= 0);
    const first = at === -1 ? sorted.length : at;
    const count = referencesOf(metablock, groupKey).length;
    for (let place = first - 1; place <= first + count; place++) {
      if (sorted[place] !== undefined) wanted.add(place);
    }
  }
  return sorted.filter((_, place) => wanted.has(place));
}

/** "Its co-owners' certificates": to those who share with the signer a group that the metablock is about. */
export function tellCertificate(peer: Peer, certificate: ReceivedCertificate, outgoing: Outgoing[]): void {
  const { world } = peer;
  const signer = toHex(certificate.signer);
  const metablock = world.metablocks.get(toHex(certificate.metablock));
  // Whose parents are gone may close more than can be seen here.
  const isWhole = metablock !== undefined && parentsOf(world, metablock) !== undefined;
  const about = isWhole ? new Set(groupsAbout(world, metablock).map((group) => group.key)) : undefined;
  const shared = [...peer.interests].some(
    (key) => (about === undefined || about.has(key)) && world.groups.get(key)?.ownerKeys.includes(signer),
  );
  if (!shared || !tell(peer, toHex(certificate.signature))) return;
  send(outgoing, peer, { type: "certificate", certificate: certificate.bytes });
}
