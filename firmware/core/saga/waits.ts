import type { Time } from "../../ports";
import { VertebraError } from "../errors";
import { toHex } from "../wire/bytes";
import { encode } from "../wire/cbor";
import { maxGroups } from "../wire/limits";
import { hash32, integer, list, nullable, readStructure, tuple } from "../wire/shape";
import type { Hash } from "../wire/types";
import type { Effects } from "./effects";
import type { Invocation } from "./invocation";
import type { Book, Ledger } from "./ledger";
import type { Known } from "./runtime";

/**
 * How long what is under way has waited, as it is kept beside the snapshot: final entries say what is waited for, and not since
 * when. Each timer of a saga counts by the participant's own monotonic clock. What a restart does to it:
 *
 * - The deadline of a stage, the lease before a run or a push in another's place, the age of an entry that waits: what was kept is
 *   added and, with a wall clock, how long the participant was away.
 * - The leases before an intent is taken over: what was kept is added, never the time away. A wall clock that jumps must not bring
 *   that before the two leases in which who made the intent may act.
 * - These two leases count since it pushed the intent. After a restart it never acts on it.
 * - The wait before a retry, and before a refused push is tried again: over, with the count of what failed.
 *
 * Without a wall clock a restart costs the time away, and what was waited since it was kept.
 */
export interface Waits {
  /** ms since 1970 when it was kept; 0 where there was no wall clock. */
  readonly wall: number;
  readonly invocations: readonly InvocationWait[];
  /** Entries that a stage may consume. */
  readonly entries: readonly { readonly group: Hash; readonly sequence: number; readonly age: number }[];
  /** Entries that a stage produced and that are not final yet. */
  readonly effects: readonly { readonly id: Hash; readonly waited: number }[];
}

/** All in ms. */
interface InvocationWait {
  readonly id: Hash;
  /** Sequence of its last state, null where it has none: after another one it waits for something else. */
  readonly head: number | null;
  readonly since: number;
  /** Of these so many that it was away. */
  readonly away: number;
  readonly began: number;
}

/** Of more, the oldest: a record of any store holds these. */
const mostInvocations = 384;
const mostEntries = 256;
const mostEffects = 256;

/** ms between two times that it is kept: of what was waited no more than this is lost, or one part in 256. A byte a ms at most. */
const leastPause = 1_000;
const partLost = 256;

/** When it is kept next. */
export interface WaitsKeeping {
  /** ms after which an entry that nobody waited for is too old for whoever waits later. */
  readonly lease: number;
  /** Whether a final block changed what is waited for since it was kept; and when one did last, monotonic. */
  changed: boolean;
  changedAt: number;
  /** Monotonic ms before which it is not kept again. */
  due: number;
}

export function createWaitsKeeping(lease: number): WaitsKeeping {
  return { lease, changed: true, changedAt: Number.NEGATIVE_INFINITY, due: Number.NEGATIVE_INFINITY };
}

/** The bytes to keep now, where it is time. */
export function waitsToKeep(keeping: WaitsKeeping, known: Known, now: Time): Uint8Array | undefined {
  if (now.monotonic < keeping.due || !isToBeKept(keeping, known, now)) return undefined;
  if (keeping.changed) keeping.changedAt = now.monotonic;
  keeping.changed = false;
  keeping.due = now.monotonic + leastPause;
  const waits = waitsOf(known, now);
  if (waits === undefined) return undefined;
  const bytes = encodeWaits(waits);
  const longest = Math.max(0, ...waits.invocations.map(({ since, began }) => Math.max(since, began)));
  keeping.due = now.monotonic + Math.max(leastPause, bytes.length, longest / partLost);
  return bytes;
}

/** When it has to be woken to keep it; Infinity where only a final block brings that about. */
export function keepsWaitsAt(keeping: WaitsKeeping, known: Known, now: Time): number {
  return isToBeKept(keeping, known, now) ? keeping.due : Number.POSITIVE_INFINITY;
}

function isToBeKept({ changed, changedAt, lease }: WaitsKeeping, { ledger, effects }: Known, now: Time): boolean {
  if (changed) return true;
  if (now.wall > 0) return isOutcomeAwaited(ledger);
  if (effects.waiting.size > 0 || now.monotonic - changedAt < 2 * lease) return true;
  for (const { invocations } of ledger.books.values()) if (invocations.size > 0) return true;
  return false;
}

/** The wall clock does not count for it. */
function isOutcomeAwaited({ books }: Ledger): boolean {
  for (const { invocations } of books.values()) {
    for (const { next } of invocations.values()) if (next.kind === "outcome") return true;
  }
  return false;
}

/** What waits now; undefined where nothing does that has to be kept. */
export function waitsOf({ ledger, effects }: Known, now: Time): Waits | undefined {
  const books = [...ledger.books.values()].filter(({ standsStill }) => !standsStill);
  const under = books.flatMap(({ invocations }) => [...invocations.values()].filter(counts));
  const pending = [...effects.waiting.values()].filter(({ patience }) => patience > 0);
  const ago = (at: number) => Math.max(0, Math.floor(now.monotonic - at));
  const unconsumed = books.flatMap((book) => [...book.unconsumed.values()]);
  if (under.length + pending.length + unconsumed.length === 0) return undefined;
  return {
    wall: now.wall,
    invocations: under.slice(0, mostInvocations).map(({ id, head, since, away, began }) => {
      return {
        id,
        head: head === null ? null : head.reference[1],
        since: ago(since),
        away: Math.floor(away),
        began: ago(began),
      };
    }),
    entries: unconsumed
      .slice(-mostEntries)
      .map(({ group, sequence, seenAt }) => ({ group, sequence, age: ago(seenAt) })),
    effects: pending.slice(0, mostEffects).map(({ id, at, patience }) => ({ id, waited: ago(at - patience) })),
  };
}

/** One that waits behind others has no more than the deadline of its first stage. */
function counts(invocation: Invocation): boolean {
  const { reach, saga } = invocation;
  return (reach.running ?? reach.waiting[0]) === invocation || saga.stages[0]!.deadline > 0;
}

/** Goes on counting at a start: from what was kept, and from now where nothing was. */
export function countOn({ ledger, effects }: Known, waits: Waits | null, now: Time): void {
  const slept = waits !== null && waits.wall > 0 ? Math.max(0, now.wall - waits.wall) : 0;
  const kept = new Map(waits?.invocations.map((each) => [toHex(each.id), each]));
  const ages = new Map(waits?.entries.map(({ group, sequence, age }) => [`${toHex(group)}/${sequence}`, age]));
  for (const book of ledger.books.values()) {
    for (const invocation of book.invocations.values()) {
      countInvocationOn(invocation, kept.get(invocation.key), slept, now.monotonic);
    }
    countEntriesOn(book, ages, slept, now.monotonic);
  }
  countEffectsOn(effects, waits, slept, now.monotonic);
}

function countInvocationOn(invocation: Invocation, kept: InvocationWait | undefined, slept: number, now: number): void {
  const { head } = invocation;
  const same = kept !== undefined && kept.head === (head === null ? null : head.reference[1]);
  invocation.began = kept === undefined ? now : now - kept.began - slept;
  invocation.since = same ? now - kept.since - slept : now;
  invocation.away = same ? kept.away + slept : 0;
}

function countEntriesOn({ unconsumed }: Book, ages: ReadonlyMap<string, number>, slept: number, now: number): void {
  for (const [key, entry] of unconsumed) {
    const age = ages.get(key);
    entry.seenAt = age === undefined ? now : now - age - slept;
  }
}

function countEffectsOn({ waiting }: Effects, waits: Waits | null, slept: number, now: number): void {
  const waited = new Map(waits?.effects.map((each) => [toHex(each.id), each.waited + slept]));
  for (const [key, effect] of waiting) effect.at = now + Math.max(0, effect.patience - (waited.get(key) ?? 0));
}

export function encodeWaits({ wall, invocations, entries, effects }: Waits): Uint8Array {
  const groups = [...new Map(entries.map(({ group }) => [toHex(group), group])).values()];
  const places = new Map(groups.map((group, index) => [toHex(group), index]));
  return encode([
    wall,
    groups,
    invocations.map(({ id, head, since, away, began }) => [id, head, since, away, began]),
    entries.map(({ group, sequence, age }) => [places.get(toHex(group))!, sequence, age]),
    effects.map(({ id, waited }) => [id, waited]),
  ]);
}

/** Throws `saga-waits` where the bytes are none, naming the field. */
export function decodeWaits(encoded: Uint8Array): Waits {
  try {
    return readWaits(encoded);
  } catch (error) {
    if (!(error instanceof VertebraError)) throw error;
    throw new VertebraError(
      "saga-waits",
      `How long sagas have waited can't be read from the store: ${error.message}`,
      "Their deadlines and leases count from this start on; nothing else is lost.",
    );
  }
}

function readWaits(encoded: Uint8Array): Waits {
  const [wall, groupItems, invocations, entries, effects] = readStructure("waits", encoded, 5);
  const groups = list("waits: group", groupItems, maxGroups, (where, item) => hash32(where, item).slice());
  return {
    wall: integer("waits: wall", wall),
    invocations: list("waits: invocation", invocations, mostInvocations, (where, item) => {
      const [id, head, since, away, began] = tuple(where, item, 5);
      return {
        id: hash32(where, id).slice(),
        head: nullable(`${where}: head`, head, integer),
        since: integer(`${where}: since`, since),
        away: integer(`${where}: away`, away),
        began: integer(`${where}: began`, began),
      };
    }),
    entries: list("waits: entry", entries, mostEntries, (where, item) => {
      const [group, sequence, age] = tuple(where, item, 3);
      return {
        group: groups[integer(`${where}: group`, group, 0, groups.length - 1)]!,
        sequence: integer(`${where}: sequence`, sequence),
        age: integer(`${where}: age`, age),
      };
    }),
    effects: list("waits: effect", effects, mostEffects, (where, item) => {
      const [id, waited] = tuple(where, item, 2);
      return { id: hash32(where, id).slice(), waited: integer(`${where}: waited`, waited) };
    }),
  };
}
