import type { Flash } from "../../firmware/ports";
import { decodeEntry, type Entry, kinds } from "../../firmware/store/entries";
import { frontSize } from "../../firmware/store/front";
import type { Journal } from "../../firmware/store/journal";
import { textOf } from "../../firmware/store/names";
import { flags, recordHeader } from "../../firmware/store/record";
import { openRecords } from "../../firmware/store/records";
import { writeRecords } from "../../firmware/store/writing";
import { noWear } from "../store/all-records";
import { actionsOf, crypto, type Direction, recordBoard } from "./pair";

/** What the flash of a board costs that shares a group with its gateway: every byte that its store programs, by what it is for. */

/** Bytes. */
export type Programmed = number;

export interface Spent {
  readonly direction: Direction;
  /** Entries by the kind of their record, with their keys and lengths. */
  readonly records: ReadonlyMap<string, Programmed>;
  readonly headers: Programmed;
  readonly commits: Programmed;
  readonly fronts: Programmed;
  /** Records that lay elsewhere before, headers and all. */
  readonly moved: Programmed;
  readonly all: Programmed;
  readonly erases: number;
  readonly writes: number;
  readonly batches: number;
}

/** Of a small flash, where compaction moves more than it would in a large one. */
const [flashSize, sectorSize, writeSize] = [256 * 1024, 4096, 4];

/** Counts so many batches, from when the log has been through the whole flash once. */
export function flashPerBatch(direction: Direction, batches: number): Spent {
  const recording = recordBoard(direction, batchesOfFlash + batches);
  const counter: Counter = { fresh: [], begun: false, spent: nothingSpent(direction) };
  const owner = crypto.signer(recording.provision.seed).publicKey;
  const records = openRecords(createFlash(counter), owner, noWear, crypto);
  for (const action of actionsOf(recording)) {
    if (action.kind === "write") {
      writeRecords(records, action.puts, action.deletes);
      countWrite(counter, records.journal);
    } else if (action.kind === "final") counter.spent.batches++;
    const { erases, batches: seen } = counter.spent;
    if (!counter.begun && erases > flashSize / sectorSize && seen >= batchesOfFlash)
      Object.assign(counter, { begun: true, spent: nothingSpent(direction) });
  }
  return counter.spent;
}

/** Batches that take more room than the flash has. */
const batchesOfFlash = 500;

interface Counter {
  /** Records that were programmed since the names of their keys were looked up. */
  readonly fresh: Uint8Array[];
  begun: boolean;
  spent: MutableSpent;
}

type MutableSpent = { -readonly [Key in keyof Spent]: Spent[Key] } & { readonly records: Map<string, number> };

function nothingSpent(direction: Direction): MutableSpent {
  return {
    ...{ direction, records: new Map() },
    ...{ headers: 0, commits: 0, fronts: 0, moved: 0, all: 0, erases: 0, writes: 0, batches: 0 },
  };
}

/** Flash that says what it is programmed with. */
function createFlash(counter: Counter): Flash {
  const flash = new Uint8Array(flashSize).fill(0xff);
  return {
    ...{ size: flashSize, sectorSize, writeSize },
    read: (offset, length) => flash.slice(offset, offset + length),
    program(offset, bytes) {
      flash.set(bytes, offset);
      const { spent } = counter;
      spent.all += bytes.length;
      if (offset % sectorSize < frontSize) spent.fronts += bytes.length;
      else if (bytes.length === writeSize) spent.commits += bytes.length;
      else counter.fresh.push(bytes.slice());
    },
    erase(sector) {
      counter.spent.erases++;
      flash.fill(0xff, sector * sectorSize, (sector + 1) * sectorSize);
    },
    sync() {},
  };
}

/** A record that is as short as a commit word there is not: each has a header. */
function countWrite({ fresh, spent }: Counter, { names }: Journal): void {
  spent.writes++;
  for (const bytes of fresh.splice(0)) {
    if ((bytes[2]! & flags.moved) !== 0) {
      spent.moved += bytes.length;
      continue;
    }
    const length = bytes[0]! | (bytes[1]! << 8);
    spent.headers += bytes.length - length;
    for (let at = recordHeader; at < recordHeader + length; ) {
      const entry = decodeEntry(bytes, at)!;
      const kind = kindOf(entry, textOf(names, entry.key));
      spent.records.set(kind, (spent.records.get(kind) ?? 0) + entry.end - at);
      at = entry.end;
    }
  }
}

/** Of `w/…/slot/…/7` it is `slot`. */
function kindOf({ kind }: Entry, key: string | undefined): string {
  if (kind === kinds.remove) return "removals";
  const [first, , second] = key?.split("/") ?? ["names"];
  return first === "w" ? second! : first!;
}
