import { decodeBlock } from "../block/block";
import { finalKey, finalKeys } from "../block/final-record";
import { blockKey, footingKey, groupKey, slotKey, stateKey, tipKey } from "../block/records";
import { readable, VertebraError } from "../errors";
import { fromHex, toHex } from "../wire/bytes";
import { type Cbor, decode, encode } from "../wire/cbor";
import type { Sha256 } from "../wire/hash";
import { maxCertificateBytes, maxCertificates, maxLockProofBytes } from "../wire/limits";
import { decodeLockProof, evidenceItems, readEvidence } from "../wire/proofs";
import { bytes, bytesOf, hash32, integer, list, nullable, tuple } from "../wire/shape";
import { decodeCertificate, signedMetablockHeader } from "../wire/structures";
import type { ShownReference, View } from "../wire/types";
import { addCertificate } from "./certify";
import { type Group, nextBlockNumber, recentFinalKept, soleOwner } from "./group";
import { createMetablock, type Metablock } from "./metablock";
import { referencesAround, takeReferences } from "./references";
import { restoreProducedIds } from "./repeats";
import type { Slot } from "./slots";
import { isKept } from "./store-room";
import { put, remove, type World } from "./world";

/** What a world keeps through restarts, each as a CBOR record under a key of `block/records`. */

/** Wider than all that is written: what an earlier version wrote is read, too. */
const recordLimits = { depth: 8, items: 1 << 17, length: 1 << 22 };
/** Bytes of the tip's record. */
const tipBytes = 65_536;

/** Puts all that changed into the writes of the present event. */
export function recordChanges(world: World): void {
  const { changed } = world;
  if (changed.state) put(world, stateKey(world.tag), encodeState(world));
  if (changed.tip && world.tip !== null) put(world, tipKey(world.tag), encodeTip(world, world.tip));
  if (changed.footing) recordFooting(world);
  for (const group of changed.groups) put(world, ...groupRecord(world, group, changed.puts));
  for (const [group, positions] of changed.slots) {
    for (const position of positions) recordSlot(world, group, position);
  }
}

/** Its header alone: a child of it releases the groups whose references it lacks, and that is rare. */
function recordFooting(world: World): void {
  const key = footingKey(world.tag);
  const header = world.footing?.metablock.header;
  if (header === undefined) remove(world, key);
  else put(world, key, encode([header.bytes, header.signature]));
}

function recordSlot(world: World, group: Group, position: number): void {
  const slot = group.slots.get(position);
  const key = slotKey(world.tag, group.key, position);
  if (slot === undefined) remove(world, key);
  else put(world, key, encodeSlot(slot));
}

/** Takes the records of the store back; throws `record-…` where one is not what this program wrote. */
export function restore(world: World, records: Iterable<readonly [string, Uint8Array]>): void {
  for (const [key, value] of records) {
    const [root, tag, kind, groupHex, rest] = key.split("/");
    if (root !== "w" || tag !== world.tag) continue;
    if (kind === "state") restoreState(world, value);
    else if (kind === "tip") restoreTip(world, value);
    else if (kind === "footing") restoreFooting(world, value);
    // Taken before all others, since they may be of a group that it defines (`definitions/defined`, `definitions/epochs`).
    else if (kind === "defined" || kind === "epoch" || kind === "offered") continue;
    else restoreOfGroup(world, key, value, kind, world.groups.get(groupHex ?? ""), rest);
  }
}

function restoreOfGroup(
  world: World,
  key: string,
  value: Uint8Array,
  kind: string | undefined,
  group: Group | undefined,
  rest: string | undefined,
): void {
  // A group that this participant is no longer provisioned with: its records stay, and wait for it.
  if (group === undefined) return;
  if (kind === "group") restoreGroup(group, value);
  else if (kind === "slot") group.slots.set(Number(rest), decodeSlot(value));
  else if (kind === "block") restoreBlock(world.crypto, group, numberOfBlock(world, group, key, rest!, value), value);
  else if (kind === "ids") restoreProducedIds(group, Number(rest), value);
  else
    throw new VertebraError(
      "record-unknown",
      `The store holds a record "${key}" of no known kind.`,
      "Update Vertebra: a newer version wrote this store.",
    );
}

/** An earlier version named blocks by their ids: those are written anew under a number, with the first event. */
function numberOfBlock(world: World, group: Group, key: string, rest: string, value: Uint8Array): number {
  if (rest.length < 64) return Number(rest);
  const number = nextBlockNumber(group);
  remove(world, key);
  put(world, blockKey(world.tag, group.key, number), value);
  return number;
}

function restoreBlock(crypto: Sha256, group: Group, number: number, value: Uint8Array): void {
  const block = decodeBlock(crypto, value);
  const issuer = toHex(block.header.value.issuer);
  group.blocks.set(toHex(block.header.id), block);
  group.blockNumbers.set(toHex(block.header.id), number);
  group.nextBlockNumber = Math.max(group.nextBlockNumber, number + 1);
  const seen = group.highestSeen.get(issuer);
  if (seen === undefined || seen.value.counter < block.header.value.counter)
    group.highestSeen.set(issuer, block.header);
}

function encodeState(world: World): Uint8Array {
  const { issued } = world;
  return encode([
    world.epoch,
    world.highestFinalizableGeneration,
    world.highestCertifiedGeneration,
    issued === null ? null : viewItems(issued),
  ]);
}

function restoreState(world: World, value: Uint8Array): void {
  const [epoch, finalizable, certified, issued] = tuple("state record", decode(value, recordLimits), 4);
  world.epoch = integer("state record: epoch", epoch);
  world.highestFinalizableGeneration = integer("state record: HFG", finalizable, -1);
  world.highestCertifiedGeneration = integer("state record: HCG", certified, -1);
  world.issued = nullable("state record: issued", issued, readView);
  world.issuedBefore = world.issued;
}

/**
 * The tip with what is held of it of this participant's groups: after a power cut everywhere, it is the next generation's parent. Of
 * a small store it takes no more than an eighth: of the groups whose references it lacks, its child is released.
 */
function encodeTip(world: World, tip: Metablock): Uint8Array {
  const most = world.room.bytes === null ? tipBytes : Math.min(tipBytes, world.room.bytes / 8);
  const mine = [...world.groups.values()].filter((group) => group.mine);
  const references: ShownReference[] = [];
  const certificates: Uint8Array[] = [];
  let bytes = tip.header.bytes.length + tip.header.signature.length;
  for (const { index, bytes: reference, path } of referencesAround(tip.sorted, mine)) {
    bytes += 8 + reference.length + 34 * path.length;
    if (bytes > most) break;
    references.push({ index, bytes: reference, path });
  }
  for (const certificate of certificatesOf(
    tip,
    new Set([world.avatarKey, ...mine.flatMap((group) => group.ownerKeys)]),
  )) {
    bytes += certificate.length + 3;
    if (bytes > most || certificates.length === maxCertificates) break;
    certificates.push(certificate);
  }
  const { header } = tip;
  return encode(evidenceItems({ bytes: header.bytes, signature: header.signature, references, certificates }));
}

/**
 * What these signers certified in it: of its references, by which it stands as a parent, and of its parents', by which their blocks
 * are final for who has not heard yet. Of each its first, then of each its second: so that none takes another's place.
 */
function certificatesOf(tip: Metablock, signers: ReadonlySet<string>): Uint8Array[] {
  const held = [...signers].map((signer) => tip.certificates.get(signer) ?? []);
  const most = Math.max(...held.map(({ length }) => length));
  return Array.from({ length: most }, (_, round) => held.flatMap((each) => each[round]?.bytes ?? [])).flat();
}

/** Without its tip a participant goes on all the same: it asks its neighbours for theirs. */
function restoreTip(world: World, value: Uint8Array): void {
  // An earlier version may have written one without a bound.
  const kept = readable(() => readEvidence("tip record", decode(value, recordLimits)));
  if (kept === undefined) return;
  const tip = createMetablock(signedMetablockHeader(world.crypto, kept.bytes, kept.signature), world.now.monotonic);
  takeReferences(world.crypto, tip, kept.references);
  for (const bytes of kept.certificates) {
    // An earlier version took larger ones than are taken now: what they said is lost, and the tip certified without them.
    if (bytes.length <= maxCertificateBytes) addCertificate(tip, decodeCertificate(bytes));
  }
  tip.standing = true;
  world.tip = tip;
  world.metablocks.set(tip.key, tip);
}

function restoreFooting(world: World, value: Uint8Array): void {
  const [header, signature] = tuple("footing record", decode(value, recordLimits), 2);
  const signed = signedMetablockHeader(
    world.crypto,
    bytes("footing record: header", header),
    bytesOf("footing record: signature", signature, 64),
  );
  const footing = createMetablock(signed, world.now.monotonic);
  world.footing = { metablock: footing, durable: true };
  world.metablocks.set(footing.key, footing);
}

/**
 * The record of a group, key and value, again, after a final record of it was given up; `puts` are to be written with it. Undefined for
 * a group that this participant is no longer provisioned with.
 */
export function recordGivenUp(
  world: World | undefined,
  groupHex: string,
  puts: ReadonlyMap<string, Uint8Array>,
): [string, Uint8Array] | undefined {
  const group = world?.groups.get(groupHex);
  return world && group && groupRecord(world, group, puts);
}

function groupRecord(world: World, group: Group, puts: ReadonlyMap<string, Uint8Array>): [string, Uint8Array] {
  const gone: [number, Uint8Array][] = [];
  const tail = finalKeys(world.tag, group.key);
  for (const [position, block] of group.recentFinal) {
    if (isKept(world.room, tail, position) || puts.has(finalKey(world.tag, group.key, position))) continue;
    gone.push([position, block]);
  }
  // It stands in the last final record, too; only where that may be read beside the participant, or the next block names it, it is wanted here.
  const lastFinal = soleOwner(group) || world.bounds.finalTail === 0 ? group.lastFinal : null;
  return [groupKey(world.tag, group.key), encodeGroup({ ...group, lastFinal }, gone)];
}

/** `gone` are recent final blocks whose records are not kept: by them alone a start knows what they were. */
export function encodeGroup(
  group: Pick<
    Group,
    "position" | "entries" | "lastFinal" | "ownCounter" | "observesUntil" | "finalCounters" | "movedThrough"
  >,
  gone: readonly (readonly [number, Uint8Array])[],
): Uint8Array {
  const counters = [...group.finalCounters].map(([issuer, { base, above }]) => [fromHex(issuer), base, above] as const);
  const { position, entries, lastFinal, ownCounter, observesUntil, movedThrough } = group;
  const items = [position, entries, lastFinal, ownCounter, observesUntil, counters];
  if (movedThrough > 0) return encode([...items, gone, movedThrough]);
  return encode(gone.length === 0 ? items : [...items, gone]);
}

/** What a group record says to who reads it beside the participant: how many blocks, and how many entries, are final. */
export function readStanding(value: Uint8Array): Pick<Group, "position" | "entries" | "lastFinal"> {
  const [position, entries, lastFinal] = tuple("group record", decode(value, recordLimits), 6, 8);
  return {
    position: integer("group record: position", position),
    entries: integer("group record: entries", entries),
    lastFinal: nullable("group record: last final", lastFinal, hash32),
  };
}

function restoreGroup(group: Group, value: Uint8Array): void {
  const items = decode(value, recordLimits);
  const [position, entries, lastFinal, ownCounter, observesUntil, counters, gone, moved] = tuple(
    "group record",
    items,
    6,
    8,
  );
  group.position = integer("group record: position", position);
  group.entries = integer("group record: entries", entries);
  group.lastFinal = nullable("group record: last final", lastFinal, hash32);
  group.ownCounter = integer("group record: counter", ownCounter);
  group.observesUntil = integer("group record: observes until", observesUntil);
  group.movedThrough = integer("group record: moved through", moved ?? 0);
  list("group record: counters", counters, 4096, (where, item) => {
    const [issuer, base, above] = tuple(where, item, 3);
    // An earlier version wrote it in hex.
    const key = typeof issuer === "string" ? issuer : toHex(hash32(where, issuer));
    group.finalCounters.set(key, { base: integer(where, base), above: list(where, above, 64, integer) });
  });
  list("group record: recent", gone ?? [], recentFinalKept, (where, item) => {
    const [at, block] = tuple(where, item, 2);
    group.recentFinal.set(integer(where, at), hash32(where, block));
  });
}

function encodeSlot({ claim, lock, final }: Slot): Uint8Array {
  return encode([
    claim === null
      ? null
      : [claim.block, viewItems(claim.view), claim.otherView === null ? null : viewItems(claim.otherView)],
    lock === null ? null : [lock.block, viewItems(lock.view), lock.proof ?? new Uint8Array(0), lock.history],
    final === null ? null : [final.block, final.firstEntry, final.count, final.proof],
  ]);
}

function decodeSlot(value: Uint8Array): Slot {
  const [claim, lock, final] = tuple("slot record", decode(value, recordLimits), 3);
  return {
    claim: nullable("slot record: claim", claim, (where, item) => {
      const [block, view, otherView] = tuple(where, item, 3);
      return {
        block: hash32(where, block),
        view: readView(where, view),
        otherView: nullable(where, otherView, readView),
      };
    }),
    lock: nullable("slot record: lock", lock, (where, item) => {
      const [block, view, proof, history] = tuple(where, item, 4);
      const slots = list(where, history, 1024, (place, each) => {
        const [position, held] = tuple(place, each, 2);
        return [integer(place, position), hash32(place, held)] as const;
      });
      return {
        block: hash32(where, block),
        view: readView(where, view),
        proof: provenAsNow(bytes(where, proof)),
        history: slots,
      };
    }),
    final: nullable("slot record: final", final, (where, item) => {
      const [block, firstEntry, count, proof] = tuple(where, item, 4);
      return {
        block: hash32(where, block),
        firstEntry: integer(where, firstEntry),
        count: integer(where, count, 1),
        proof: bytes(where, proof),
      };
    }),
  };
}

/** The lock stands without its proof, too. One of an earlier version that nobody would take any more is told to nobody. */
function provenAsNow(proof: Uint8Array): Uint8Array | null {
  if (proof.length === 0 || proof.length > maxLockProofBytes) return null;
  const read = readable(() => decodeLockProof(proof));
  const certificates = [...(read?.metablock.certificates ?? []), ...(read?.parent?.certificates ?? [])];
  return read !== undefined && certificates.every((each) => each.length <= maxCertificateBytes) ? proof : null;
}

function viewItems({ sequence, attempt }: View): Cbor {
  return [sequence, attempt];
}

function readView(where: string, value: Cbor | undefined): View {
  const [sequence, attempt] = tuple(where, value, 2);
  return { sequence: integer(where, sequence), attempt: integer(where, attempt) };
}
