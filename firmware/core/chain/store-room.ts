import { VertebraError } from "../errors";
import { maxBlockBytes, maxEntries } from "../wire/limits";
import type { Slot } from "./slots";

/**
 * The room that a participant's records have in a small store. What is final gives way first, the oldest of the group that has most: it
 * is only kept for others. The rest is promises. So each kind of record may be added only up to a limit of its own, and the next above
 * it is for what makes it final and so gives its room back: blocks, then what is voted on them, then the votes on a group's next
 * slot, on which all after it waits. What would not be written is not taken, not voted on, and asked for again later.
 */
export interface Room {
  /** Bytes that all records may take, keys and values; null where the store has no bound. */
  readonly bytes: number | null;
  /** By key: what is not final. */
  readonly sizes: Map<string, number>;
  /** The bytes of these, as they are written; and what the present event adds at most. */
  taken: number;
  added: number;
  /** By the hex of the group: bytes of blocks that are not final. */
  readonly blocks: Map<string, number>;
  /** What is final, by the key's part before the position. */
  readonly tails: Map<string, Tail>;
  tailBytes: number;
  /** Whether it was told that it is short. */
  told: boolean;
}

interface Tail {
  bytes: number;
  /** By position, the oldest first. */
  readonly sizes: Map<number, number>;
}

/** Eighths of the room up to which a record is added. */
export const roomFor = {
  /** A block, whoever comes first; and each group's equal part of the next eighth. */
  block: 3,
  blockOfItsShare: 4,
  /** One that a metablock under way holds, or a quorum voted for. */
  blockAskedFor: 5,
  slot: 6,
  nextSlot: 7,
} as const;

/** Of what a participant can't do without: in each eighth there is room for the largest block. */
export const leastRoom = 8 * (maxBlockBytes + 3 * maxEntries + 512);
/** Bytes of a record beside its key and value (`store/batch`), at least. */
const recordOverhead = 8;
/** Of a claim, with the key of its slot, at most. */
const claimBytes = 256;
/** Of what else stands in the record of a slot or a block. */
export const recordFrame = 320;

/** Throws `store-small`. */
export function createRoom(
  bytes: number | null,
  records: Iterable<readonly [string, Uint8Array]>,
  alone: Iterable<readonly [string, number]>,
): Room {
  const room: Room = {
    ...{ bytes, sizes: new Map(), taken: 0, added: 0, blocks: new Map(), tails: new Map(), tailBytes: 0, told: false },
  };
  if (bytes === null) return room;
  if (bytes < leastRoom) throw tooSmall(bytes);
  for (const [key, value] of records) note(room, key, value.length);
  for (const [key, length] of alone) note(room, key, length);
  return room;
}

function tooSmall(bytes: number): VertebraError {
  return new VertebraError(
    "store-small",
    `The store has room for ${bytes} bytes of a participant's records, and it needs ${leastRoom}`,
    "Give it a larger flash.",
  );
}

/** Whether so many bytes more may be taken, up to this limit (`roomFor`). What takes no more than was there has room always. */
export function hasRoom({ bytes, taken, added }: Room, limit: number, more: number): boolean {
  return bytes === null || more <= 0 || taken + added + more <= (bytes * limit) / 8;
}

/** For a block of a group; `groups` have an equal part each of the room where others have taken the first. */
export function hasRoomForBlock(room: Room, group: string, groups: number, more: number, asked: boolean): boolean {
  if (hasRoom(room, roomFor.block, more) || (asked && hasRoom(room, roomFor.blockAskedFor, more))) return true;
  if (!hasRoom(room, roomFor.blockOfItsShare, more)) return false;
  const held = room.blocks.get(group) ?? 0;
  return held === 0 || held + more <= room.bytes! / 8 / groups;
}

/** What a claim adds to a slot. */
export function claimRoom(slot: Slot | undefined): number {
  return slot?.claim ? 0 : claimBytes;
}

/** What is changed in memory now and will be written with this event. */
export function takeRoom(room: Room, more: number): void {
  room.added += more;
}

/** Notes what an event writes. */
export function noteWritten(room: Room, puts: ReadonlyMap<string, Uint8Array>, deletes: ReadonlySet<string>): void {
  if (room.bytes === null) return;
  for (const key of deletes) note(room, key, null);
  for (const [key, value] of puts) note(room, key, value.length);
  room.added = 0;
  if (hasRoom(room, roomFor.block - 1, 1)) room.told = false;
}

/** The key of the final record to give up next, or undefined where all have room. It is forgotten here. */
export function nextToGiveUp(room: Room): string | undefined {
  if (room.bytes === null || room.taken + room.tailBytes <= room.bytes) return undefined;
  let largest: [string, Tail] | undefined;
  for (const each of room.tails) if (largest === undefined || each[1].bytes > largest[1].bytes) largest = each;
  const position = largest?.[1].sizes.keys().next().value;
  if (largest === undefined || position === undefined) return undefined;
  const key = `${largest[0]}/${String(position).padStart(12, "0")}`;
  note(room, key, null);
  return key;
}

/** Whether the final record of this position is in the store; `tail` is what its key begins with. */
export function isKept(room: Room, tail: string, position: number): boolean {
  if (room.bytes === null) return true;
  return room.tails.get(tail)?.sizes.has(position) === true;
}

function note(room: Room, key: string, length: number | null): void {
  const size = length === null ? 0 : key.length + length + recordOverhead;
  if (key.startsWith("final/")) noteFinal(room, key, size);
  else {
    const more = size - (room.sizes.get(key) ?? 0);
    if (size === 0) room.sizes.delete(key);
    else room.sizes.set(key, size);
    room.taken += more;
    const [, , kind, group] = key.split("/");
    if (kind === "block") room.blocks.set(group!, (room.blocks.get(group!) ?? 0) + more);
  }
}

function noteFinal(room: Room, key: string, size: number): void {
  const [name, position] = ofTail(key);
  const tail = room.tails.get(name) ?? { bytes: 0, sizes: new Map<number, number>() };
  const more = size - (tail.sizes.get(position) ?? 0);
  if (size === 0) tail.sizes.delete(position);
  else tail.sizes.set(position, size);
  tail.bytes += more;
  room.tailBytes += more;
  room.tails.set(name, tail);
}

function ofTail(key: string): [name: string, position: number] {
  const at = key.lastIndexOf("/");
  return [key.slice(0, at), Number(key.slice(at + 1))];
}
