import { noCounters, withFinalCounter } from "../block/counters";
import { groupKey } from "../block/records";
import { equal, toHex } from "../wire/bytes";
import type { AvatarId, BlockHeader, Hash } from "../wire/types";
import type { Group } from "./group";
import { encodeGroup } from "./records";
import { noteProducedIds } from "./repeats";
import { noChanges, type World } from "./world";

/**
 * Where a group stands, from its final blocks alone: for one whose record of it is gone. What was promised and not final is not in them.
 * So whoever begins from this is one that forgot, and notices it as any other (PROTOCOL 6, Amnesia).
 */
export interface Past
  extends Pick<
      Group,
      | "key"
      | "position"
      | "entries"
      | "lastFinal"
      | "ownCounter"
      | "observesUntil"
      | "finalCounters"
      | "producedIds"
      | "movedThrough"
    >,
    Pick<World, "tag" | "changed"> {}

export interface PastFinal {
  readonly position: number;
  readonly firstEntry: number;
  readonly block: Hash;
  readonly header: BlockHeader;
  readonly entries: readonly Uint8Array[] | null;
}

/** Of the group `key` in world `tag`, both in hex. */
export function createPast(tag: string, key: string): Past {
  const stands = { position: 0, entries: 0, lastFinal: null, ownCounter: 0, observesUntil: 0, movedThrough: 0 };
  return { tag, key, ...stands, finalCounters: new Map(), producedIds: null, changed: noChanges() };
}

/** The next final block, one after the other. Only in a group of one owner one may be left out: its counters have no gap. */
export function takePast(
  past: Past,
  self: AvatarId,
  { position, firstEntry, block, header, entries }: PastFinal,
): void {
  const { issuer, counter, count, previous } = header;
  const key = toHex(issuer);
  const counters = past.finalCounters.get(key) ?? noCounters;
  past.finalCounters.set(key, previous === null ? withFinalCounter(counters, counter) : { base: counter, above: [] });
  if (equal(issuer, self)) past.ownCounter = Math.max(past.ownCounter, counter);
  if (entries !== null) noteProducedIds(past, past, entries);
  past.position = position + 1;
  past.entries = firstEntry + count;
  past.lastFinal = block;
}

/** The records that a participant is to begin with. */
export function recordsOfPast(past: Past): Map<string, Uint8Array> {
  return new Map(past.changed.puts).set(groupKey(past.tag, past.key), encodeGroup(past, []));
}
