import { idsKey } from "../block/records";
import { assert } from "../errors";
import { readProduced } from "../pact/produced";
import { decode, encode } from "../wire/cbor";
import { integer, list, tuple } from "../wire/shape";
import type { Hash } from "../wire/types";
import type { Group } from "./group";
import { put, type World } from "./world";

/**
 * The ids of entries that are final in a group, the last so many, by which a repeat is known (PROTOCOL 9, "Effects only after
 * commitment"). Which they are follows from how many came alone: all that know the group's history tell the same repeats.
 */
export interface ProducedIds {
  /** Each as the number that its first bytes are, in a ring of records; -1 where there is none. */
  readonly ring: Float64Array;
  /** How many came since the group began. */
  count: number;
}

/** Ids that are written together, and records of so many that are kept: of 1,024 ids at least a repeat is known. */
const idsPerRecord = 64;
const recordsKept = 17;
const noId = -1;

function createProducedIds(): ProducedIds {
  return { ring: new Float64Array(idsPerRecord * recordsKept).fill(noId), count: 0 };
}

export function isRepeat({ producedIds }: Pick<Group, "producedIds">, id: Hash): boolean {
  return producedIds?.ring.includes(numberOf(id)) ?? false;
}

/** Notes the ids of a block that became final. Returns the indexes of its entries whose ids were final before: nobody is told of them. */
export function noteProducedIds(
  world: Pick<World, "tag" | "changed">,
  group: Pick<Group, "key" | "producedIds">,
  entries: readonly Uint8Array[],
): number[] {
  const repeats: number[] = [];
  const changed = new Set<number>();
  for (const [index, bytes] of entries.entries()) {
    const { id } = readProduced(bytes);
    if (id === null) continue;
    if (isRepeat(group, id)) repeats.push(index);
    else {
      group.producedIds ??= createProducedIds();
      changed.add(add(group.producedIds, numberOf(id)));
    }
  }
  for (const record of changed) {
    put(world, idsKey(world.tag, group.key, record), encodeIds(group.producedIds!, record));
  }
  return repeats;
}

/** Returns the record that it belongs to. The first of a record erases those that stood there. */
function add(ids: ProducedIds, id: number): number {
  const at = ids.count % ids.ring.length;
  if (at % idsPerRecord === 0) ids.ring.fill(noId, at, at + idsPerRecord);
  ids.ring[at] = id;
  ids.count++;
  return Math.floor(at / idsPerRecord);
}

/** 48 bits: of a thousand ids the chance that two are taken for one is below 10^-8, and no number of them is larger than a float holds. */
function numberOf(id: Hash): number {
  let number = 0;
  for (let index = 0; index < 6; index++) number = number * 256 + id[index]!;
  return number;
}

function encodeIds({ ring, count }: ProducedIds, record: number): Uint8Array {
  const from = record * idsPerRecord;
  const held = [...ring.subarray(from, from + idsPerRecord)].filter((id) => id !== noId);
  return encode([count, held]);
}

/** Takes back one record of a group's ids. Throws `structure-…` where it is none. */
export function restoreProducedIds(group: Group, record: number, value: Uint8Array): void {
  const [count, held] = tuple("produced ids record", decode(value), 2);
  group.producedIds ??= createProducedIds();
  const ids = group.producedIds;
  assert(record < recordsKept, "a store has only records of ids that it was given");
  ids.ring.set(list("produced ids record: id", held, idsPerRecord, integer), record * idsPerRecord);
  ids.count = Math.max(ids.count, integer("produced ids record: count", count));
}
