import { VertebraError } from "../core/errors";
import { concat, equal, fromHex } from "../core/wire/bytes";
import { type Cbor, decode, encode } from "../core/wire/cbor";
import { maxEntries } from "../core/wire/limits";
import { decodeFinalityProof } from "../core/wire/proofs";
import { bytes, tuple } from "../core/wire/shape";
import { writeRecords as writeJournal } from "./journal";
import { knownKey, type Place, placeOf } from "./kinds";
import { lengthOf, readValue } from "./log";
import { numberOf, textOf } from "./names";
import { contentAt, firstOf, lengthAt, pack, packOnto, type Source, type Stored } from "./packing";
import { borrowedBy, firstOfId, isKnown, isVisible, mostKnown, noteBorrower, type Records, readPlain } from "./records";
import { addressOf, keysIn } from "./table";
import { likeTemplate } from "./template";

/** How a write of a participant is done: what is stored, what goes, and what a final record keeps that the participant gives up. */
interface Plan {
  readonly records: Records;
  readonly puts: ReadonlyMap<string, Uint8Array>;
  readonly stored: Map<string, Stored>;
  readonly gone: Set<string>;
  readonly kept: Set<string>;
  /** What keys say, and what is known of groups: asked for again and again in one write. */
  readonly places: Map<string, Place | undefined>;
  readonly known: Map<string, readonly Source[]>;
  /** By world and group, the last block that a final record keeps. */
  readonly blocks: Map<string, readonly Source[]>;
}

type Of<Kind extends Place["kind"]> = Extract<Place, { readonly kind: Kind }>;
type OfFinal = Of<"final">;

/**
 * Does the deletes, then the puts: all of them or, after a cut, none. Durable on return. Throws `store-full` before anything is
 * written; what frees room is never refused.
 */
export function writeRecords(
  records: Records,
  puts: ReadonlyMap<string, Uint8Array>,
  deletes: ReadonlySet<string>,
): void {
  const plan: Plan = {
    ...{ records, puts, stored: new Map(), gone: new Set(), kept: new Set() },
    ...{ places: new Map(), known: new Map(), blocks: new Map() },
  };
  for (const key of deletes) if (!puts.has(key) && isThere(records, key)) plan.gone.add(key);
  for (const key of plan.gone) if (placeIn(plan, key)?.kind === "final") giveUpKept(plan, key);
  for (const [key, value] of puts) planPut(plan, key, placeIn(plan, key), value);
  planBorrowers(plan);
  for (const [key, each] of plan.stored) planLikeness(plan, key, each);
  const stored = new Map([...plan.stored].map(([key, { bytes }]) => [key, bytes]));
  writeJournal(records.journal, stored, plan.gone);
  noteWritten(plan);
}

function placeIn({ places }: Plan, key: string): Place | undefined {
  if (!places.has(key)) places.set(key, placeOf(key));
  return places.get(key);
}

function isThere(records: Records, key: string): boolean {
  const number = numberOf(records.journal.names, key);
  return number !== undefined && isVisible(records, key, number);
}

/** The number of a record that is in the journal, whatever needs it. */
function numberIn({ journal }: Records, key: string): number | undefined {
  const number = numberOf(journal.names, key);
  return number !== undefined && addressOf(journal.log.table, number) !== undefined ? number : undefined;
}

/** A final record goes, or is written anew: with it what it keeps. */
function giveUpKept({ records, gone }: Plan, key: string): void {
  const number = numberIn(records, key);
  if (number === undefined) return;
  for (const source of borrowedBy(records, number)) gone.add(textOf(records.journal.names, source)!);
}

function planPut(plan: Plan, key: string, place: Place | undefined, value: Uint8Array): void {
  const { stored } = plan;
  if (place?.kind === "final") planFinal(plan, key, place, value);
  else if (place === undefined || place.kind === "known") stored.set(key, { bytes: value, sources: [] });
  else stored.set(key, planOther(plan, key, place, value));
}

function planOther(plan: Plan, key: string, place: Exclude<Place, OfFinal | Of<"known">>, value: Uint8Array): Stored {
  const { crypto } = plan.records;
  if (place.kind === "tip") return planTip(plan, place, value);
  const known = knownOf(plan, place);
  if (place.kind === "group") return pack(crypto, value, [...known, ...blockKept(plan, place)]);
  dropKeeper(plan, key, place);
  if (place.kind === "block") return pack(crypto, value, known, bytesOfEntries(value));
  return pack(crypto, value, [...known, ...blocksNamed(plan, place, value)]);
}

/** A record that a final one keeps is written anew: the final one does without. No participant that remembers does so. */
function dropKeeper(plan: Plan, key: string, { world, group }: Of<"block" | "slot">): void {
  const { records, stored, puts, gone } = plan;
  const { log, names } = records.journal;
  const number = numberIn(records, key);
  if (number === undefined || isVisible(records, key, number)) return;
  for (const other of keysIn(log.table)) {
    const final = textOf(names, other);
    const place = final === undefined ? undefined : placeIn(plan, final);
    if (place?.kind !== "final" || place.world !== world || place.group !== group) continue;
    if (!borrowedBy(records, other).includes(number) || puts.has(final!) || gone.has(final!)) continue;
    stored.set(final!, pack(records.crypto, readPlain(records, other)!, knownOf(plan, place)));
    giveUpKept(plan, final!);
  }
  gone.delete(key);
}

/** What is known of a group, where it was written before. */
function knownOf({ records, known }: Plan, { world, group }: Pick<OfFinal, "world" | "group">): readonly Source[] {
  const key = knownKey(world, group, 0);
  const found = known.get(key) ?? sourceIn(records, key);
  known.set(key, found);
  return found;
}

function sourceIn(records: Records, key: string): Source[] {
  const number = numberIn(records, key);
  return number === undefined ? [] : [{ key: number, value: readPlain(records, number)! }];
}

/** A record that this write puts, where its key has a number already. */
function sourcePut({ records, puts }: Plan, key: string): Source[] {
  const number = numberOf(records.journal.names, key);
  return number === undefined ? [] : [{ key: number, value: puts.get(key)! }];
}

/** The last block of the group that a final record of this write keeps: where the group stands says its id. */
function blockKept({ blocks }: Plan, { world, group }: Of<"group">): readonly Source[] {
  return blocks.get(`${world}/${group}`) ?? [];
}

/** Where a final record, or the lock in a slot, of this write shows the same metablock, it is taken from there. */
function planTip(plan: Plan, { world }: Of<"tip">, value: Uint8Array): Stored {
  const signed = signedPart(value);
  for (const [key, other] of plan.puts) {
    const place = placeIn(plan, key);
    if ((place?.kind !== "final" && place?.kind !== "slot") || place.world !== world) continue;
    const at = indexOf(other, signed);
    const source = at < 0 ? [] : sourcePut(plan, key);
    if (source.length > 0) return packOnto(plan.records.crypto, value, 1, source[0]!, at);
  }
  return pack(plan.records.crypto, value, []);
}

/** The blocks that a slot's claim and lock are about. */
function blocksNamed(plan: Plan, { world, group }: Of<"slot">, value: Uint8Array): Source[] {
  const { records, puts, gone } = plan;
  const named = new Set<number>();
  for (let at = 0; at + 34 <= value.length; at++) {
    if (value[at] === 0x58 && value[at + 1] === 0x20) named.add(firstOf(value, at + 2));
  }
  const sources: Source[] = [];
  for (const [number, first] of records.waiting) {
    if (!named.has(first)) continue;
    const key = textOf(records.journal.names, number)!;
    const place = placeIn(plan, key);
    if (place?.kind !== "block" || place.world !== world || place.group !== group) continue;
    if (!gone.has(key) && !puts.has(key)) sources.push(...sourceIn(records, key));
  }
  for (const [key, block] of puts) {
    const place = placeIn(plan, key);
    if (place?.kind !== "block" || place.world !== world || place.group !== group) continue;
    if (named.has(firstOfId(records.crypto, block))) sources.push(...sourcePut(plan, key));
  }
  return sources.slice(0, mostBlocksNamed);
}

/** A claim, a lock, and what came before the lock: of more the ids are written. */
const mostBlocksNamed = 4;

/**
 * A final record is written without its block, and without the metablock that its slot's lock shows, where the same write gives these up: then they stay, and
 * it keeps them.
 */
function planFinal(plan: Plan, key: string, place: OfFinal, value: Uint8Array): void {
  const { records, stored, gone, kept } = plan;
  giveUpKept(plan, key);
  const known = knownOf(plan, place);
  if (known.length === 0) putKnown(plan, place, value);
  const block = blockGivenUp(plan, place, value);
  const slot = block.length === 0 ? [] : slotGivenUp(plan, key, place, block[0]!.key);
  let packed = pack(records.crypto, value, [...known, ...block, ...slot]);
  if (!isWorth(plan, packed, block[0], slot[0], value.length))
    packed = pack(records.crypto, value, [...known, ...block]);
  for (const source of [...block, ...slot]) {
    if (!packed.sources.includes(source.key)) continue;
    const of = textOf(records.journal.names, source.key)!;
    gone.delete(of);
    kept.add(of);
    if (source === block[0]) plan.blocks.set(`${place.world}/${place.group}`, block);
  }
  stored.set(key, packed);
}

/**
 * Whether the record of the slot may be kept: what it takes from the block's is kept too, and all together takes no more room than the
 * participant believes.
 */
function isWorth({ records }: Plan, packed: Stored, block: Source | undefined, slot: Source | undefined, most: number) {
  if (slot === undefined || !packed.sources.includes(slot.key)) return true;
  if (block === undefined || !packed.sources.includes(block.key)) return false;
  const { log } = records.journal;
  return packed.bytes.length + lengthOf(log, slot.key)! + lengthOf(log, block.key)! <= most;
}

/** Bytes of a slot's record with a lock, at least: a claim alone says nothing that a final record has. */
const leastKept = 128;

function blockGivenUp(plan: Plan, { world, group }: OfFinal, value: Uint8Array): Source[] {
  const { records, gone, kept } = plan;
  for (const key of gone) {
    const place = placeIn(plan, key);
    if (place?.kind !== "block" || place.world !== world || place.group !== group || kept.has(key)) continue;
    const source = sourceIn(records, key);
    if (source.length > 0 && indexOf(value, signedPart(source[0]!.value)) >= 0) return source;
  }
  return [];
}

function slotGivenUp(plan: Plan, final: string, { world, group }: OfFinal, block: number): Source[] {
  const { records, gone, kept } = plan;
  for (const key of gone) {
    const place = placeIn(plan, key);
    if (place?.kind !== "slot" || place.world !== world || place.group !== group || place.final !== final) continue;
    const number = numberIn(records, key);
    if (number === undefined || kept.has(key) || lengthOf(records.journal.log, number)! < leastKept) continue;
    // It may need no record that this final one does not keep.
    if (borrowedBy(records, number).every((source) => source === block)) return sourceIn(records, key);
  }
  return [];
}

/** The byte strings that all proofs of a group begin with, and the group's id; none where this is no proof that says them. */
function putKnown(plan: Plan, { world, group }: OfFinal, value: Uint8Array): void {
  try {
    const encoded = tuple("final record", decode(value, finalLimits), 5)[2];
    const proof = decodeFinalityProof(bytes("final record: proof", encoded));
    const strings: Cbor[] = [...proof.pacts, proof.group, fromHex(group)];
    keepKnown(plan, knownKey(world, group, 0), concat(strings.map(encode)));
  } catch (error) {
    if (!(error instanceof VertebraError) || error.code === "assertion") throw error;
  }
}

const finalLimits = { depth: 4, items: 2 * maxEntries, length: 1 << 20 };

/** For ever, while there is room: what follows takes bytes from it. */
function keepKnown({ records, stored }: Plan, key: string, bytes: Uint8Array): void {
  if (!stored.has(key) && records.known + bytes.length <= mostKnown) stored.set(key, { bytes, sources: [] });
}

/** Whoever takes bytes from what goes, or is written anew, is written without them; what it holds does not change. */
function planBorrowers(plan: Plan): void {
  const { records, stored, gone } = plan;
  const { names } = records.journal;
  const changed = new Set([...stored.keys(), ...gone].map((key) => numberOf(names, key)));
  for (const [number, sources] of records.borrowers) {
    const key = textOf(names, number)!;
    if (stored.has(key) || gone.has(key) || plan.kept.has(key) || !sources.some((source) => changed.has(source)))
      continue;
    const place = placeIn(plan, key)!;
    const known = "group" in place ? knownOf(plan, place) : [];
    stored.set(key, pack(records.crypto, readPlain(records, number)!, known));
  }
}

/** What is packed is stored as what differs from the first of its kind, which becomes the template of those that follow. */
function planLikeness(plan: Plan, key: string, { bytes, sources }: Stored): void {
  const place = placeIn(plan, key);
  if (sources.length === 0 || place === undefined || !("group" in place)) return;
  // Where a group stands follows from its last final block.
  const at = place.kind === "group" ? sources[sources.length - 1]! % half : place.number;
  const { records, stored } = plan;
  const { names, log } = records.journal;
  const templateKey = knownKey(place.world, place.group, templateNumber(place.kind, at, sources.length));
  const number = numberIn(records, templateKey);
  if (number !== undefined) stored.set(key, { bytes: likeTemplate(bytes, readValue(log, number)!, number), sources });
  else if (numberOf(names, templateKey) !== undefined) keepKnown(plan, templateKey, bytes);
}

/** What takes bytes from as many records is alike, as far as its numbers are of one size; at most 7 of them. */
function templateNumber(kind: keyof typeof kindNumbers, number: number, sources: number): number {
  const size = number < 24 ? 0 : number < 0x100 ? 1 : number < 0x10000 ? 2 : 3;
  return (kindNumbers[kind] + size) * 8 + sources;
}

const kindNumbers = { final: 4, block: 8, slot: 12, group: 16 } as const;
const half = 0x100000000;

function noteWritten(plan: Plan): void {
  const { records, puts, stored, gone, kept } = plan;
  const { waiting, borrowers, journal, crypto } = records;
  for (const key of [...gone, ...kept]) {
    const number = numberOf(journal.names, key);
    if (number === undefined) continue;
    waiting.delete(number);
    borrowers.delete(number);
  }
  for (const [key, { sources, bytes }] of stored) {
    const place = placeIn(plan, key);
    if (place?.kind === "known") records.known += bytes.length;
    if (place === undefined || place.kind === "final" || place.kind === "known") continue;
    const number = numberOf(journal.names, key)!;
    noteBorrower(
      records,
      number,
      sources.filter((source) => !isKnown(records, source)),
    );
    if (place.kind === "block") waiting.set(number, firstOfId(crypto, puts.get(key)!));
  }
}

/** In a record that begins with what was signed and its signature: both, as CBOR. */
function signedPart(value: Uint8Array): Uint8Array {
  const content = contentAt(value, 1);
  if (content === undefined) return value;
  const signature = content + lengthAt(value, 1);
  return value.subarray(1, signature + 2 + 64);
}

/** Bytes at the end of a block's record that are its entries, as they are hashed. */
function bytesOfEntries(value: Uint8Array): number {
  const part = signedPart(value);
  return part === value ? 0 : Math.max(0, value.length - 1 - part.length);
}

/** Where these bytes stand in others; -1 where they do not. */
function indexOf(bytes: Uint8Array, part: Uint8Array): number {
  const last = bytes.length - part.length;
  for (let at = bytes.indexOf(part[0]!); at >= 0 && at <= last; at = bytes.indexOf(part[0]!, at + 1)) {
    if (equal(bytes.subarray(at, at + part.length), part)) return at;
  }
  return -1;
}
