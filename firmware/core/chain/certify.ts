import { assert } from "../errors";
import { equal, toHex } from "../wire/bytes";
import { maxCertificateBytes } from "../wire/limits";
import { certificateHash, encodeCertificate } from "../wire/structures";
import type { Block, ReceivedCertificate, Scope } from "../wire/types";
import { isWhole } from "./access";
import { type Group, slotWindow, votes } from "./group";
import { leadsAway, mayBeLed, noteLead, othersBuiltUpon } from "./lead";
import { certifiedBy, closedBy, type HeldReference, isCertified, type Metablock, releases } from "./metablock";
import { isGivenUp } from "./patience";
import {
  groupsAbout,
  isCausallyConsistent,
  isFinalHere,
  isRunaway,
  isTimely,
  mayBeParent,
  parentsOf,
  shouldCertify,
} from "./predicates";
import { countersIn } from "./propose";
import { turnOfIssuer } from "./rank";
import { isPast, referencesOf, showsAllOf } from "./references";
import { packScopes } from "./scope";
import { claimAfter, mayClaim, mayClose } from "./slots";
import { claimRoom, hasRoom, takeRoom } from "./store-room";
import { changeSlot, roomForSlot, type World } from "./world";

/** What of one group a participant may certify in a metablock: its own references, and those that its parents hold. */
export interface CertifiablePart {
  readonly group: Group;
  readonly own: readonly HeldReference[];
  readonly parents: readonly ParentReference[];
}

export interface ParentReference {
  /** Index of the parent among the metablock's parents. */
  readonly parent: number;
  readonly reference: HeldReference;
}

/**
 * Figure 6B. Certifies what PROTOCOL 6 allows and this participant has not certified yet, if anything is to be won by it:
 * updates the claims and HCG, and leaves the certificate as news. Returns whether it certified.
 */
export function certify(world: World, metablock: Metablock): boolean {
  if (metablock.issuerKey === world.avatarKey || metablock.valid !== true) return false;
  if (!shouldCertify(world, metablock)) return false;
  if (!metablock.certificates.has(world.avatarKey)) {
    if (!isTimely(world, metablock) || turnOfIssuer(world, metablock) > world.now.monotonic) return false;
  }
  const certifiable = certifiableParts(world, metablock);
  if (certifiable.length === 0) return false;
  const parts = certifiable.map((part) => notYetCertified(world, metablock, part));
  const scopes = packScopes(parts.map(scopeOf));
  if (scopes.length === 0 || leadsAway(world, metablock)) return false;
  if (
    isRunaway(
      world,
      metablock,
      parts.map((part) => part.group),
    )
  )
    return false;
  recordClaims(world, metablock, parts);
  for (const scope of scopes) sign(world, metablock, scope);
  return true;
}

/**
 * What the issuer of a metablock certifies beside its signature: what the parents hold of groups in which issuing does not close it. The
 * claims are recorded already.
 */
export function closeOwn(world: World, metablock: Metablock, parts: readonly CertifiablePart[]): void {
  const closing = parts.map((part) => scopeOf({ ...notYetCertified(world, metablock, part), own: [] }));
  for (const scope of packScopes(closing)) sign(world, metablock, scope);
}

function sign(world: World, metablock: Metablock, scope: Scope): void {
  const { id } = metablock.header;
  const signature = world.signer.sign(certificateHash(world.crypto, id, world.avatar, scope));
  const certificate = { metablock: id, signer: world.avatar, scope, signature };
  const received = { ...certificate, bytes: encodeCertificate(certificate) };
  assert(received.bytes.length <= maxCertificateBytes, "a certificate of one's own is no larger than others take");
  addCertificate(metablock, received);
  world.news.push({ kind: "certificate", certificate: received });
}

export function addCertificate(metablock: Metablock, certificate: ReceivedCertificate): void {
  const signer = toHex(certificate.signer);
  const held = metablock.certificates.get(signer) ?? [];
  held.push(certificate);
  metablock.certificates.set(signer, held);
}

/** The claims that certifying, or issuing, makes; HCG rises with it. Durable before the certificate is sent (PROTOCOL 6). */
export function recordClaims(world: World, metablock: Metablock, parts: readonly CertifiablePart[]): void {
  for (let at = 0; at < parts.length; at++) {
    const { group, own } = parts[at]!;
    if (own.length > 0) noteLead(world, group, metablock);
    for (const { value } of own) {
      const slot = changeSlot(world, group, value.position);
      takeRoom(world.room, claimRoom(slot));
      slot.claim = claimAfter(slot.claim, value.block, metablock.view);
    }
  }
  takeFooting(world, metablock);
  if (metablock.view.sequence > world.highestCertifiedGeneration) {
    world.highestCertifiedGeneration = metablock.view.sequence;
    world.changed.state = true;
  }
}

/**
 * Who certifies beyond the next generation follows others to a parent that need not stand here, and that they may drop again, as of a
 * liar who ran ahead: then nothing could be proposed above the claims any more.
 */
function takeFooting(world: World, metablock: Metablock): void {
  const below = metablock.view.sequence - 1;
  if (below <= Math.max(world.highestFinalizableGeneration, world.footing?.metablock.view.sequence ?? -1)) return;
  const parents = parentsOf(world, metablock) ?? [];
  const parent = parents.find(({ standing }) => standing) ?? parents[0];
  assert(parent !== undefined, "what is certified beyond the first generation has a parent");
  // Where its record changes in this event anyway, it says this one.
  world.changed.footing ||= world.footing?.durable === true;
  world.footing = { metablock: parent, durable: world.changed.footing };
}

/** Rules 1 to 4 of PROTOCOL 6 for each group that this participant owns, as far as it was shown them. */
export function certifiableParts(world: World, metablock: Metablock): CertifiablePart[] {
  const parents = parentsOf(world, metablock);
  const parts: CertifiablePart[] = [];
  if (parents === undefined) return parts;
  let stand = true;
  for (let at = 0; at < parents.length; at++) if (!mayBeParent(world, parents[at]!)) stand = false;
  const groups = groupsAbout(world, metablock);
  for (let at = 0; at < groups.length; at++) {
    const group = groups[at]!;
    if (!votes(group) || (isPast(metablock, group) && areAllPast(parents, group))) continue;
    if (!stand && !othersBuiltUpon(world, group, metablock)) continue;
    const part = certifiablePart(world, metablock, parents, group);
    if (part.own.length > 0 || part.parents.length > 0) parts.push(part);
  }
  return parts;
}

function areAllPast(metablocks: readonly Metablock[], group: Group): boolean {
  for (let at = 0; at < metablocks.length; at++) if (!isPast(metablocks[at]!, group)) return false;
  return true;
}

function certifiablePart(
  world: World,
  metablock: Metablock,
  parents: readonly Metablock[],
  group: Group,
): CertifiablePart {
  const released = releases(metablock, group.id);
  const own = referencesOf(metablock, group.key);
  // Rule 4: "at most one parent holds the group unreleased, and what it holds is in the scope too" (or is final already).
  // What a parent holds of it and was not shown here could be all of that.
  let holder: Metablock | undefined;
  let parent = -1;
  for (let at = 0; at < parents.length && !released; at++) {
    const each = parents[at]!;
    if (!showsAllOf(each, group.id)) return nothingOf(group);
    if (referencesOf(each, group.key).length === 0) continue;
    if (holder !== undefined) return nothingOf(group);
    holder = each;
    parent = at;
  }
  if (holder === undefined) return { group, own: certifiableOwn(world, group, metablock, own, []), parents: [] };
  const held = referencesOf(holder, group.key);
  const allFinal = held.every((reference) => isFinalHere(group, reference));
  if (!allFinal && !mayCloseAll(group, holder, held)) return nothingOf(group);
  const certifiable = certifiableOwn(world, group, metablock, own, held);
  const waits =
    metablock.issuerKey !== world.avatarKey &&
    certifiable.length === 0 &&
    (closesElsewhere(world, metablock, group, holder) || !isLed(world, metablock, group, parent, held));
  const closing = allFinal || waits ? [] : held;
  return { group, own: certifiable, parents: closing.map((reference) => ({ parent, reference })) };
}

function nothingOf(group: Group): CertifiablePart {
  return { group, own: [], parents: [] };
}

/**
 * Rules 2 and 3: the group is certified in that parent; its blocks follow on without gap from what is final; and nothing
 * that this participant locked or certified above the parent's view stands against one. Each must be locked here, so that
 * what this certificate helps to make final can't be voted against later.
 */
export function mayCloseAll(group: Group, parent: Metablock, held: readonly HeldReference[]): boolean {
  let position = group.position;
  let firstEntry = group.entries;
  for (let at = 0; at < held.length; at++) {
    const reference = held[at]!;
    if (isFinalHere(group, reference)) continue;
    const { value, index } = reference;
    if (value.position !== position || value.firstEntry !== firstEntry) return false;
    if (!isCertified(parent, group, index)) return false;
    const slot = group.slots.get(value.position);
    if (slot === undefined || !mayClose(slot, value.block, parent.view)) return false;
    const locked = slot.final?.block ?? slot.lock?.block;
    if (locked === undefined || !equal(locked, value.block)) return false;
    position++;
    firstEntry += value.count;
  }
  return true;
}

/** Rule 4 for the metablock's own references of a group: the longest run from the first that may be certified. */
function certifiableOwn(
  world: World,
  group: Group,
  metablock: Metablock,
  own: readonly HeldReference[],
  inParent: readonly HeldReference[],
): HeldReference[] {
  if (own.length === 0 || !mayBeLed(world, group, metablock)) return [];
  const last = inParent[inParent.length - 1]?.value;
  let position = Math.max(group.position, last === undefined ? 0 : last.position + 1);
  let firstEntry = position === group.position || last === undefined ? group.entries : last.firstEntry + last.count;
  const standing = new Set<string>();
  for (let at = 0; at < inParent.length; at++) standing.add(inParent[at]!.blockKey);
  const certifiable: HeldReference[] = [];
  for (let at = 0; at < own.length; at++) {
    const reference = own[at]!;
    const { value, blockKey: key } = reference;
    if (isFinalHere(group, reference)) continue;
    const block = group.blocks.get(key);
    if (block === undefined || !agrees(group, block, value.count) || standing.has(key)) break;
    if (value.position !== position || value.firstEntry !== firstEntry || position >= group.position + slotWindow)
      break;
    if (!isCausallyConsistent(group, block, countersIn(group, standing, block.header.value.issuer))) break;
    if (!mayClaim(group.slots.get(position), value.block, metablock.view)) break;
    // Claims are durable before a certificate is sent: what could not be written is not voted for.
    if (!hasRoom(world.room, roomForSlot(group, position), claimRoom(group.slots.get(position)))) break;
    standing.add(key);
    certifiable.push(reference);
    position++;
    firstEntry += value.count;
  }
  return certifiable;
}

/** The block is held as its pact asks, entries and all unless it is private, and is what the reference says. */
function agrees(group: Group, block: Block, count: number): boolean {
  return block.header.value.count === count && isWhole(block, group);
}

/**
 * A sibling that closes the same blocks has this participant's certificate, and may still gather the others': a second one
 * would cost a signature and win nothing yet.
 */
function closesElsewhere(world: World, metablock: Metablock, group: Group, parent: Metablock): boolean {
  for (const sibling of world.metablocks.values()) {
    if (sibling === metablock || sibling.view.sequence !== metablock.view.sequence || releases(sibling, group.id))
      continue;
    if (isGivenUp(world, sibling, group)) continue;
    const place = sibling.header.value.parents.findIndex((id) => equal(id, parent.header.id));
    if (place === -1) continue;
    if (referencesOf(parent, group.key).every(({ index }) => closedBy(sibling, group, world.avatarKey, place, index)))
      return true;
  }
  return false;
}

/**
 * Where many groups have a block in one parent, each has a child by an owner of its own. A child that no other owner of the group
 * closes its blocks in is for other groups: it is taken only where none of this group's comes in time.
 */
function isLed(
  world: World,
  metablock: Metablock,
  group: Group,
  parent: number,
  held: readonly HeldReference[],
): boolean {
  if (isGivenUp(world, metablock, group)) return true;
  return group.ownerKeys.some(
    (owner) => owner !== world.avatarKey && held.every(({ index }) => closedBy(metablock, group, owner, parent, index)),
  );
}

function notYetCertified(world: World, metablock: Metablock, part: CertifiablePart): CertifiablePart {
  const self = world.avatarKey;
  return {
    group: part.group,
    own: part.own.filter(({ index }) => !certifiedBy(metablock, self, index)),
    parents: part.parents.filter(
      ({ parent, reference }) => !closedBy(metablock, part.group, self, parent, reference.index),
    ),
  };
}

function scopeOf({ own, parents }: CertifiablePart): Scope {
  return {
    own: own.map(({ index }) => index),
    parents: parents.map(({ parent, reference }) => [parent, reference.index] as const),
  };
}
