import { encodeBlock } from "../block/block";
import { counterIsFinal } from "../block/counters";
import { blockKey } from "../block/records";
import { assert, VertebraError } from "../errors";
import { checkEntry } from "../pact/entry";
import { equal, toHex } from "../wire/bytes";
import { verifySignature } from "../wire/signature";
import { certificateHash, entriesHash, signedMetablockHeader } from "../wire/structures";
import type { Block, Hash, MetablockHeader, ReceivedCertificate, ShownReference } from "../wire/types";
import { blockBytes, isCertifiedSomewhere, makeRoomForPeers } from "./block-room";
import { addCertificate, certify } from "./certify";
import { advance } from "./finalize";
import { blocksPerIssuer, countersOf, type Group, issuersPerGroup } from "./group";
import {
  certificatesPerSigner,
  createMetablock,
  type HeldReference,
  invalid,
  isCertified,
  isClosed,
  type Metablock,
  referencesOf,
  takeReferences,
} from "./metablock";
import { brokenInvariant, groupsAbout, ownedBy, parentAt, parentsOf } from "./predicates";
import { progress } from "./progress";
import { takeRoom } from "./room";
import { compareViews } from "./view";
import {
  certificatesWaiting,
  generationsOpen,
  metablocksHeld,
  put,
  reportMissing,
  reportMissingBlock,
  timing,
  type World,
} from "./world";

/** Metablocks of one issuer, in one generation and in all. */
const metablocksPerGeneration = 8;
const metablocksPerIssuer = 32;
/** Signers whose certificates one metablock keeps: the owners of a wide metablock's groups. */
const signersPerMetablock = 256;
/** What follows from one event ends: each round certifies, locks or finalizes something of a bounded state. */
const settleRounds = 256;

/**
 * Figure 6A, a metablock is observed: verifies it and what is shown of its references, and keeps it. Returns it, with
 * whether it was news; undefined where it is of a generation that is over. Throws `metablock-…` where it is invalid.
 */
export function observeMetablock(
  world: World,
  headerBytes: Uint8Array,
  signature: Uint8Array,
  shown: readonly ShownReference[],
): { readonly metablock: Metablock; readonly news: boolean } | undefined {
  const header = signedMetablockHeader(world.crypto, headerBytes, signature);
  const held = world.metablocks.get(toHex(header.id));
  if (held !== undefined) return { metablock: held, news: takeReferences(world.crypto, held, shown) };
  const over = header.value.sequence <= world.highestFinalizableGeneration - generationsOpen;
  if (over && !relays(world)) return undefined;
  if (!roomForIssuer(world, header.value, world.missing.has(toHex(header.id)))) return undefined;
  if (!verifySignature(world.crypto, header.value.issuer, header.id, signature)) {
    throw refused(
      "metablock-signature",
      `the signature of metablock ${toHex(header.id).slice(0, 16)} is not its issuer's`,
    );
  }
  const metablock = createMetablock(header, world.now.monotonic);
  takeReferences(world.crypto, metablock, shown);
  const parents = parentsOf(world, metablock);
  const broken = parents && brokenInvariant(header.value, parents, ownedBy(world, metablock.issuerKey));
  if (broken !== undefined) throw invalid(metablock, "metablock-invariant", broken);
  keepMetablock(world, metablock);
  return { metablock, news: true };
}

/**
 * Few metablocks of one issuer are held at once: of a generation those that stand or have children, and those of its latest
 * attempts; in all those nearest to the present. So a flood, whoever signs it, costs others no room and little time. One that
 * is asked for has room, since something held is its child.
 */
export function roomForIssuer(world: World, { issuer, sequence, attempt }: MetablockHeader, asked: boolean): boolean {
  const issuerKey = toHex(issuer);
  const ofIssuer = [...world.metablocks.values()].filter(
    (other) => other.issuerKey === issuerKey && other !== world.tip,
  );
  ofIssuer.sort((a, b) => compareViews(a.view, b.view));
  const ofGeneration = ofIssuer.filter((other) => other.view.sequence === sequence);
  if (ofGeneration.length >= metablocksPerGeneration) {
    const parents = new Set([...world.metablocks.values()].flatMap(({ parentKeys }) => parentKeys));
    const least = ofGeneration.find(({ standing, key }) => !standing && !parents.has(key));
    if (least === undefined || (!asked && least.view.attempt >= attempt)) return false;
    world.metablocks.delete(least.key);
  } else if (ofIssuer.length >= metablocksPerIssuer) {
    const furthest = ofIssuer[ofIssuer.length - 1]!;
    if (furthest.view.sequence <= sequence) return false;
    world.metablocks.delete(furthest.key);
  }
  return true;
}

/** Holds a metablock, and gives it the certificates that came before it. */
export function keepMetablock(world: World, metablock: Metablock): void {
  if (world.metablocks.size >= metablocksHeld) dropFurthest(world);
  world.metablocks.set(metablock.key, metablock);
  world.missing.delete(metablock.key);
  for (const certificate of world.certificatesWaiting.get(metablock.key) ?? []) addCertificate(metablock, certificate);
  world.certificatesWaiting.delete(metablock.key);
}

/** Where room is short, what is furthest from the next generation goes first: only a runaway or a flood is there. */
function dropFurthest(world: World): void {
  let furthest: Metablock | undefined;
  for (const metablock of world.metablocks.values()) {
    if (metablock === world.tip) continue;
    if (furthest === undefined || compareViews(metablock.view, furthest.view) > 0) furthest = metablock;
  }
  assert(furthest !== undefined, "a full store of metablocks holds more than the tip");
  world.metablocks.delete(furthest.key);
}

/**
 * Figure 6A, a certificate is observed: verified, and kept with its metablock, or for it. Returns whether it was news.
 * Throws `certificate-…` where the signature is wrong or the signer owns nothing that it speaks of.
 */
export function observeCertificate(world: World, certificate: ReceivedCertificate): boolean {
  const key = toHex(certificate.metablock);
  const metablock = world.metablocks.get(key);
  const signer = toHex(certificate.signer);
  const held =
    metablock === undefined ? (world.certificatesWaiting.get(key) ?? []) : (metablock.certificates.get(signer) ?? []);
  if (held.some(({ bytes }) => equal(bytes, certificate.bytes))) return false;
  if (metablock !== undefined && ownsNothingOf(world, metablock, signer)) {
    throw refused(
      "certificate-stranger",
      `${signer.slice(0, 16)} certified metablock ${key.slice(0, 16)} and owns none of its groups`,
    );
  }
  if (metablock !== undefined && !stillCounts(world, metablock, certificate)) return false;
  const signed = certificateHash(world.crypto, certificate.metablock, certificate.signer, certificate.scope);
  if (!verifySignature(world.crypto, certificate.signer, signed, certificate.signature)) {
    throw refused(
      "certificate-signature",
      `the certificate of ${signer.slice(0, 16)} for metablock ${key.slice(0, 16)} does not verify`,
    );
  }
  if (metablock !== undefined) {
    if (held.length >= certificatesPerSigner) return false;
    if (held.length === 0 && metablock.certificates.size >= signersPerMetablock) return false;
    addCertificate(metablock, certificate);
    return true;
  }
  return keepWaiting(world, key, certificate, held);
}

/**
 * Whether it helps the metablock to stand as a parent, or is about a block that is not final and has not its quorum yet: any
 * other is not worth its verification.
 */
function stillCounts(world: World, metablock: Metablock, { signer, scope }: ReceivedCertificate): boolean {
  const signerKey = toHex(signer);
  if (scope === null || !metablock.standing || signerKey === world.avatarKey) return true;
  const open = (reference: HeldReference | undefined, reached: (group: Group) => boolean) => {
    if (reference === undefined) return true;
    const group = world.groups.get(reference.groupKey);
    if (group === undefined || !group.ownerKeys.includes(signerKey)) return false;
    return reference.value.position >= group.position && !reached(group);
  };
  const own = scope.own.some((index) =>
    open(metablock.references.get(index), (group) => isCertified(metablock, group, index)),
  );
  return (
    own ||
    scope.parents.some(([parent, index]) =>
      open(parentAt(world, metablock, parent)?.references.get(index), (group) =>
        isClosed(metablock, group, parent, index),
      ),
    )
  );
}

/** "A certificate also when its metablock is not known yet, bounded, without blame" (PROTOCOL 7). */
function keepWaiting(
  world: World,
  key: string,
  certificate: ReceivedCertificate,
  held: readonly ReceivedCertificate[],
): boolean {
  const known = [...world.groups.values()].some((group) => group.ownerKeys.includes(toHex(certificate.signer)));
  if (!known || held.length >= certificatesPerSigner) return false;
  if (world.certificatesWaiting.size >= certificatesWaiting && held.length === 0) {
    const oldest = world.certificatesWaiting.keys().next().value;
    if (oldest !== undefined) world.certificatesWaiting.delete(oldest);
  }
  world.certificatesWaiting.set(key, [...held, certificate]);
  return true;
}

/** Whether all groups of the metablock and of its parents are known, and the signer is an owner of none. */
function ownsNothingOf(world: World, metablock: Metablock, signer: string): boolean {
  const parents = parentsOf(world, metablock);
  if (parents === undefined) return false;
  return [metablock, ...parents].every(
    (each) =>
      each.references.size === each.header.value.referenceCount &&
      [...each.references.values()].every(({ groupKey }) => {
        const group = world.groups.get(groupKey);
        return group !== undefined && !group.ownerKeys.includes(signer);
      }),
  );
}

/**
 * A block is observed: verified against its group and pact, and durable before anything is certified on it. Returns whether
 * it was news. Throws `block-…` and `entry-…` naming what is wrong.
 */
export function observeBlock(world: World, group: Group, block: Block): boolean {
  const { header, entries } = block;
  const key = toHex(header.id);
  const held = group.blocks.get(key);
  if (held !== undefined && (held.entries !== null || entries === null)) return false;
  const issuer = toHex(header.value.issuer);
  if (counterIsFinal(countersOf(group, issuer), header.value.counter)) return false;
  checkBlock(world, group, block);
  const certified = isCertifiedSomewhere(world, group, key);
  if (held === undefined && !certified && !roomForBlock(group, header.value.issuer)) return false;
  if (!makeRoomForPeers(world, group, block, certified || world.missing.has(key))) return false;
  keepBlock(world, group, block);
  advance(world, group);
  return true;
}

/** Each issuer has room of its own, so that one that floods takes nobody else's. */
function roomForBlock(group: Group, issuer: Uint8Array): boolean {
  let held = 0;
  for (const block of group.blocks.values()) if (equal(block.header.value.issuer, issuer)) held++;
  const known = group.highestSeen.has(toHex(issuer)) || group.finalCounters.has(toHex(issuer));
  return held < blocksPerIssuer && (known || group.highestSeen.size + group.finalCounters.size < issuersPerGroup);
}

export function keepBlock(world: World, group: Group, block: Block): void {
  const key = toHex(block.header.id);
  const { issuer, counter } = block.header.value;
  group.blocks.set(key, block);
  world.missing.delete(key);
  put(world, blockKey(world.tag, group.key, key), encodeBlock(block));
  takeRoom(world.room, blockBytes(block));
  const seen = group.highestSeen.get(toHex(issuer));
  if (seen === undefined || seen.value.counter < counter) group.highestSeen.set(toHex(issuer), block.header);
}

/** Whether the pact lets this issuer write: an owner, a steward, or any member, as all are whose blocks come over a session. */
export function mayWrite(world: World, group: Group, issuerKey: string): boolean {
  const { writers } = group.pact.policy;
  if (writers === "owners") return group.ownerKeys.includes(issuerKey);
  return writers === "members" || world.stewards.has(issuerKey);
}

function checkBlock(world: World, group: Group, { header, entries }: Block): void {
  const name = `block ${toHex(header.id).slice(0, 16)} of group ${group.key.slice(0, 16)}`;
  const issuer = toHex(header.value.issuer);
  if (!mayWrite(world, group, issuer)) {
    throw refused("block-issuer", `${name} was issued by ${issuer.slice(0, 16)}, who may not write there`);
  }
  if (header.value.previous !== null && group.ownerKeys.length > 1) {
    throw refused("block-previous", `${name} names a previous block, which only a group of one owner has`);
  }
  if (!verifySignature(world.crypto, header.value.issuer, header.id, header.signature)) {
    throw refused("block-signature", `${name} is not signed by its issuer`);
  }
  if (entries === null) return;
  if (entries.length !== header.value.count) {
    throw refused("block-count", `${name} has ${entries.length} entries and its header says ${header.value.count}`);
  }
  if (!equal(entriesHash(world.crypto, entries), header.value.entriesHash)) {
    throw refused("block-entries", `${name} holds other entries than its header's hash says`);
  }
  for (const entry of entries) checkEntry(group.fields, group.pact.policy, entry);
}

function refused(code: string, what: string): VertebraError {
  return new VertebraError(
    code,
    `Refused: ${what}.`,
    "Look at the participant that sent it; nothing here was changed.",
  );
}

/**
 * Figure 6A to 6C for all that is held and may have changed, until nothing more follows: certify first, then progress, in the
 * order of the views. What is over is dropped.
 */
export function settle(world: World): void {
  for (let round = 0; ; round++) {
    assert(round < settleRounds, "what follows from one event comes to an end");
    let changed = false;
    for (const metablock of [...world.metablocks.values()].sort((a, b) => compareViews(a.view, b.view))) {
      validate(world, metablock);
      if (certify(world, metablock)) changed = true;
      if (progress(world, metablock)) changed = true;
    }
    if (!changed) break;
  }
  dropOldGenerations(world);
}

/** Whether its parents are known and it keeps the invariants; what is missing of a metablock that is to be voted on is asked for. */
function validate(world: World, metablock: Metablock): void {
  if (metablock.valid !== null) return;
  // What is followed is looked for too: neighbours may have no other way to it.
  const concerned = [...metablock.byGroup.keys()].flatMap((key) => world.groups.get(key) ?? []);
  const parents = parentsOf(world, metablock);
  if (parents !== undefined) {
    const broken = brokenInvariant(metablock.header.value, parents, ownedBy(world, metablock.issuerKey));
    metablock.valid = broken === undefined;
    // Who sent it may not have had the parents either: it is told here, and held against nobody.
    if (broken !== undefined)
      world.delivered.push({
        kind: "notice",
        world: world.tag,
        error: invalid(metablock, "metablock-invariant", broken),
      });
  } else if (metablock.view.sequence > world.highestFinalizableGeneration - generationsOpen && concerned.length > 0) {
    for (const parent of metablock.header.value.parents) reportMissingMetablock(world, parent);
  }
  for (const group of concerned) {
    for (const { value, blockKey } of referencesOf(metablock, group.key)) {
      if (value.position >= group.position && !group.blocks.has(blockKey))
        reportMissingBlock(world, blockKey, value.block);
    }
  }
}

function reportMissingMetablock(world: World, id: Hash): void {
  const key = toHex(id);
  if (!world.metablocks.has(key)) reportMissing(world, key, id);
}

/**
 * PROTOCOL 6, "Single generation": what is kept is generation HFG, the one before it, by whose blocks HFG's metablocks close,
 * and what is prepared above; and for a short time, in memory alone, what may still finish of this participant's groups.
 */
function dropOldGenerations(world: World): void {
  const { highestFinalizableGeneration } = world;
  const relaying = relays(world);
  for (const [key, metablock] of world.metablocks) {
    const behind = highestFinalizableGeneration - metablock.view.sequence;
    if (relaying && metablock !== world.tip && isDoneForRelay(world, metablock)) {
      world.metablocks.delete(key);
      continue;
    }
    if (behind <= 1 || (behind <= generationsOpen && mayStillFinish(world, metablock))) continue;
    if (relaying && world.now.monotonic - metablock.seenAt < timing.longestAttempt) continue;
    world.metablocks.delete(key);
  }
}

/** One that follows groups which it does not own passes on what is about them, in whatever generation their owners are. */
function relays(world: World): boolean {
  for (const group of world.groups.values()) if (!group.mine) return true;
  return false;
}

function mayStillFinish(world: World, metablock: Metablock): boolean {
  return world.now.monotonic - metablock.seenAt < world.patience && isOpen(world, metablock);
}

/** Whether it, or a parent of it, holds a block of a known group that is not final yet. */
function isOpen(world: World, metablock: Metablock): boolean {
  const parents = parentsOf(world, metablock) ?? [];
  return [metablock, ...parents].some(({ references }) =>
    [...references.values()].some(({ groupKey, value }) => {
      const group = world.groups.get(groupKey);
      return group !== undefined && value.position >= group.position;
    }),
  );
}

/** About followed groups alone, and done: one that only relays has no generation of its own by which it would grow old. */
function isDoneForRelay(world: World, metablock: Metablock): boolean {
  const old = world.now.monotonic - metablock.seenAt >= world.patience;
  return old && !groupsAbout(world, metablock).some((group) => group.mine) && !isOpen(world, metablock);
}
