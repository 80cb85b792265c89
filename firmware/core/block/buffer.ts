import { encodeGap } from "../pact/entry";
import { idBytes } from "../pact/produced";
import { maxBlockBytes, maxEntries, maxEntryBytes } from "../wire/limits";
import type { WhenFull } from "../wire/types";

/**
 * The entry buffer of a group (PROTOCOL 3): in RAM, bounded, and sealed into a block at a fill level, a count or an age. What
 * a full one does is the pact's policy: the writer waits and is then refused; or the oldest is replaced; or only the latest
 * is kept. "What was dropped is counted in a gap entry, never silently."
 */

export interface EntryBufferOptions {
  readonly whenFull: WhenFull;
  /** What it holds at most. As much again may wait beside it. */
  readonly capacityEntries: number;
  readonly capacityBytes: number;
  /** It wants sealing at so many entries, so many bytes, or when its oldest entry is so old. */
  readonly sealCount: number;
  readonly sealBytes: number;
  readonly sealAgeMs: number;
}

export interface EntryBuffer {
  readonly options: EntryBufferOptions;
  /** Entries that the next blocks take, the oldest first. */
  readonly held: Queue;
  /** Entries of writers that wait for room, under the policy "wait". */
  readonly waiting: Queue;
  /** Entries dropped since the last gap entry. */
  dropped: number;
}

interface Queue {
  readonly entries: Held[];
  bytes: number;
}

interface Held {
  readonly entry: Uint8Array;
  readonly token: number;
  /** Monotonic ms of its offer. */
  readonly since: number;
}

/** How long a writer waits before it is refused. */
export const waitMs = 10_000;

export function createEntryBuffer(options: EntryBufferOptions): EntryBuffer {
  return { options, held: { entries: [], bytes: 0 }, waiting: { entries: [], bytes: 0 }, dropped: 0 };
}

/**
 * Takes an entry, or lets it wait. Where not accepted, it is refused at once: nothing more may wait, or it is larger than any
 * entry or the whole buffer. `dropped` are the tokens of the entries that made room.
 */
export function offer(
  buffer: EntryBuffer,
  entry: Uint8Array,
  token: number,
  now: number,
): { readonly accepted: boolean; readonly dropped: readonly number[] } {
  const { held, waiting, options } = buffer;
  const offered = { entry, token, since: now };
  if (entry.length > Math.min(options.capacityBytes, maxEntryBytes + idBytes)) return { accepted: false, dropped: [] };
  if (options.whenFull === "wait") {
    // Who came first is served first: nobody passes those who wait already.
    const queue = waiting.entries.length === 0 && fits(held, options, entry) ? held : waiting;
    const accepted = fits(queue, options, entry);
    if (accepted) append(queue, offered);
    return { accepted, dropped: [] };
  }
  const dropped: number[] = [];
  while (!fits(held, options, entry)) {
    const count = options.whenFull === "keep-latest" ? held.entries.length : 1;
    for (const each of remove(held, count)) dropped.push(each.token);
  }
  buffer.dropped += dropped.length;
  append(held, offered);
  return { accepted: true, dropped };
}

/** Monotonic ms at which it wants sealing, in the past where it is full enough; undefined where there is nothing to seal. */
export function dueAt(buffer: EntryBuffer): number | undefined {
  const { held, options } = buffer;
  const oldest = held.entries[0];
  if (oldest === undefined) return undefined;
  const fullEnough = held.entries.length >= options.sealCount || held.bytes >= options.sealBytes;
  return fullEnough || buffer.waiting.entries.length > 0 ? oldest.since : oldest.since + options.sealAgeMs;
}

/** Monotonic ms at which `expire` has something to refuse; undefined where nobody waits. */
export function expiresAt(buffer: EntryBuffer): number | undefined {
  const first = buffer.waiting.entries[0];
  return first === undefined ? undefined : first.since + waitMs;
}

const none: readonly number[] = [];

/** The tokens of the writers that have waited for `waitMs`: they are out, and to be refused. */
export function expire(buffer: EntryBuffer, now: number): readonly number[] {
  const { waiting } = buffer;
  if (waiting.entries.length === 0) return none;
  const count = waiting.entries.filter((each) => now >= each.since + waitMs).length;
  return remove(waiting, count).map((each) => each.token);
}

/**
 * What the next block holds, the oldest first and no more than one block may hold: a gap entry, where something was dropped
 * since the last, then entries, whose tokens these are. Those that waited move up. Empty where there is nothing.
 */
export function take(buffer: EntryBuffer): {
  readonly entries: readonly Uint8Array[];
  readonly tokens: readonly number[];
} {
  const { held } = buffer;
  const gap = buffer.dropped > 0 ? [encodeGap(buffer.dropped)] : [];
  buffer.dropped = 0;
  let count = 0;
  let bytes = gap.reduce((sum, entry) => sum + entry.length, 0);
  for (const { entry } of held.entries) {
    if (gap.length + count === maxEntries || bytes + entry.length > maxBlockBytes) break;
    bytes += entry.length;
    count++;
  }
  const taken = remove(held, count);
  moveUp(buffer);
  return { entries: [...gap, ...taken.map((each) => each.entry)], tokens: taken.map((each) => each.token) };
}

/** Takes an entry back whose writer wants it no more; false where none here has this token, as it is in a block already. */
export function withdraw(buffer: EntryBuffer, token: number): boolean {
  for (const queue of [buffer.held, buffer.waiting]) {
    const index = queue.entries.findIndex((each) => each.token === token);
    if (index === -1) continue;
    remove(queue, 1, index);
    moveUp(buffer);
    return true;
  }
  return false;
}

function moveUp({ held, waiting, options }: EntryBuffer): void {
  while (waiting.entries.length > 0 && fits(held, options, waiting.entries[0]!.entry)) {
    append(held, remove(waiting, 1)[0]!);
  }
}

function fits(queue: Queue, { capacityEntries, capacityBytes }: EntryBufferOptions, entry: Uint8Array): boolean {
  return queue.entries.length < capacityEntries && queue.bytes + entry.length <= capacityBytes;
}

function append(queue: Queue, held: Held): void {
  queue.entries.push(held);
  queue.bytes += held.entry.length;
}

function remove(queue: Queue, count: number, from = 0): Held[] {
  const removed = queue.entries.splice(from, count);
  for (const { entry } of removed) queue.bytes -= entry.length;
  return removed;
}
