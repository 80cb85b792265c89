import { concat } from "../core/wire/bytes";
import { decodeEntry, decodeHead, type Entry, entryFrame, kinds } from "./entries";
import { damaged, type Log, sectorOf } from "./log";
import { addressOf, dropAddress, keysIn, setAddress } from "./table";

/** One record's entry, as it lies at an address, with its value. */
export function entryAt({ flash, sizes }: Log, address: number): Entry {
  const most = Math.min(entryFrame + sizes.part, flash.size - address);
  const short = decodeEntry(flash.read(address, Math.min(64, most)), 0);
  if (short === undefined) throw damaged(`what lies at byte ${address}`);
  if (short.end <= 64) return short;
  const whole = decodeEntry(flash.read(address, Math.min(short.end, most)), 0);
  if (whole === undefined || whole.value.length !== whole.end - (short.end - whole.value.length))
    throw damaged(`what lies at byte ${address}`);
  return whole;
}

/** Where the entries of a record lie, in the order of its parts; none where there is no record. */
export function addressesOf({ table, parts }: Log, key: number): readonly number[] {
  const address = addressOf(table, key);
  return parts.get(key) ?? (address === undefined ? [] : [address]);
}

export function readValue(log: Log, key: number): Uint8Array | undefined {
  const addresses = addressesOf(log, key);
  if (addresses.length === 1) return entryAt(log, addresses[0]!).value;
  return addresses.length === 0 ? undefined : concat(addresses.map((each) => entryAt(log, each).value));
}

/** With what the value of a record begins, 24 bytes at most. */
export function beginningOf({ flash, table }: Log, key: number): Uint8Array | undefined {
  const address = addressOf(table, key);
  if (address === undefined) return undefined;
  const short = decodeEntry(flash.read(address, Math.min(2 * entryFrame, flash.size - address)), 0);
  if (short === undefined) throw damaged(`what lies at byte ${address}`);
  return short.value;
}

export function lengthOf(log: Log, key: number): number | undefined {
  const addresses = addressesOf(log, key);
  return addresses.length === 0 ? undefined : addresses.reduce((sum, each) => sum + entryAt(log, each).value.length, 0);
}

/** Bytes that the entry at an address takes. */
export function sizeAt({ flash }: Log, address: number): number {
  const head = decodeHead(flash.read(address, Math.min(entryFrame, flash.size - address)), 0);
  if (head === undefined) throw damaged(`what lies at byte ${address}`);
  return head.end;
}

/** What of an entry changes what RAM knows. */
export type Said = Pick<Entry, "key" | "kind" | "part" | "parts">;

/** What an entry of so many bytes changes in what RAM knows, once it counts. */
export function note(log: Log, said: Said, address: number, size: number): void {
  place(log, said, address, release);
  if (said.kind === kinds.put || said.kind === kinds.part) addLive(log, address, size);
}

/** Where records lie once an entry counts. `replaced` is told of each address that this takes the place of. */
export function place(
  log: Log,
  { key, kind, part, parts }: Said,
  address: number,
  replaced: (log: Log, address: number) => void,
): void {
  if (kind === kinds.freed) return;
  if (kind === kinds.remove) {
    forget(log, key, replaced);
    noteRemovals(log, sectorOf(log, address), 1);
    return;
  }
  if (kind === kinds.put) {
    forget(log, key, replaced);
    setAddress(log.table, key, address);
    return;
  }
  // Of an older value with as many parts none is left when the last part of this write is noted.
  if (log.parts.get(key)?.length !== parts) {
    forget(log, key, replaced);
    log.parts.set(key, new Array<number>(parts).fill(nowhere));
  }
  const addresses = log.parts.get(key)!;
  if (addresses[part] !== nowhere) replaced(log, addresses[part]!);
  addresses[part] = address;
  setAddress(log.table, key, addresses.find((each) => each !== nowhere)!);
}

/** Counts what is live of a log that was read, whose records lie where `place` put them. */
export function countLive(log: Log): void {
  for (const key of keysIn(log.table))
    for (const address of addressesOf(log, key)) if (address !== nowhere) addLive(log, address, sizeAt(log, address));
}

/** Of more than it counts a sector is never worth a compaction: they take all of it, as they are reckoned. */
export function noteRemovals({ removals }: Log, sector: number, count: number): void {
  const most = removals instanceof Uint8Array ? 0xff : 0xffff;
  removals[sector] = Math.min(most, removals[sector]! + count);
}

/** Of a part that was not met yet while the log is read. */
const nowhere = -1;

function forget(log: Log, key: number, replaced: (log: Log, address: number) => void): void {
  const addresses = log.parts.get(key);
  if (addresses !== undefined) {
    for (const each of addresses) if (each !== nowhere) replaced(log, each);
    log.parts.delete(key);
  } else {
    const address = addressOf(log.table, key);
    if (address !== undefined) replaced(log, address);
  }
  dropAddress(log.table, key);
}

function addLive(log: Log, address: number, size: number): void {
  const sector = sectorOf(log, address);
  log.live[sector] = log.live[sector]! + size;
  log.liveBytes += size;
}

function release(log: Log, address: number): void {
  addLive(log, address, -sizeAt(log, address));
}
