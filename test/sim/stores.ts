import { leastRoom } from "../../firmware/core/chain/store-room";
import { equal } from "../../firmware/core/wire/bytes";
import { type Journal, journalStats, openJournal, writeRecords } from "../../firmware/store/journal";
import type { Packing } from "../../firmware/store/values";
import { allRecords, noWear } from "../store/all-records";
import { createNor, PowerCut, parts } from "../store/nor";
import type { Draw } from "./random";

/** What a member keeps through a loss of power. */
export interface Store {
  records(): ReadonlyMap<string, Uint8Array>;
  /** Bytes that it has for a participant's records; null where it has no bound, or a smaller one than a participant takes. */
  readonly room: number | null;
  /** All of it, or nothing. */
  write(puts: ReadonlyMap<string, Uint8Array>, deletes: ReadonlySet<string>): void;
  /** The power fails in this write: what is kept is what was before it, or after. */
  writeAndFail(draw: Draw, puts: ReadonlyMap<string, Uint8Array>, deletes: ReadonlySet<string>): void;
  /** The power fails between two writes: what is kept is read from the bytes again. Throws where that is not what was there. */
  reopen(): void;
  copy(): StoreCopy;
  restore(copy: StoreCopy): void;
  compactions(): number;
}

export type StoreCopy = Uint8Array | ReadonlyMap<string, Uint8Array>;

export function recordStore(): Store {
  let records = new Map<string, Uint8Array>();
  const write: Store["write"] = (puts, deletes) => {
    for (const key of deletes) records.delete(key);
    for (const [key, value] of puts) records.set(key, value.slice());
  };
  return {
    records: () => records,
    room: null,
    write,
    writeAndFail(draw, puts, deletes) {
      if (draw.chance(0.5)) write(puts, deletes);
    },
    reopen() {},
    copy: () => new Map(records),
    restore(copy) {
      records = new Map(copy as ReadonlyMap<string, Uint8Array>);
    },
    compactions: () => 0,
  };
}

const sectorSize = 4_096;
/** Sectors that are free yet when a world begins. */
const freshSectors = 4;

/** As a flash is that was used before: the log has been through it nearly once, and what is written soon comes round. */
function wearIn(journal: Journal, sectors: number): void {
  const key = "used";
  const value = new Uint8Array(sectorSize / 2 - 64);
  for (let written = 0; written < (sectors - freshSectors) * sectorSize; written += value.length)
    writeRecords(journal, new Map([[key, value]]), new Set());
  writeRecords(journal, new Map(), new Set([key]));
}

function same(one: Uint8Array, other: Uint8Array | undefined): boolean {
  return other !== undefined && equal(one, other);
}

/** The journal of a board on simulated NOR flash, whose power can fail in any program or erase. */
export function flashStore(owner: Uint8Array, sectors: number, packing: Packing): Store {
  const nor = createNor(sectors, sectorSize);
  let journal = openJournal(nor.flash, owner, noWear, packing);
  wearIn(journal, sectors);
  /** What the journal holds, read once. */
  let records = allRecords(journal);
  let compactionsBefore = 0;
  const reopen = () => {
    nor.restore();
    compactionsBefore += journalStats(journal).compactions;
    journal = openJournal(nor.flash, owner, noWear, packing);
    records = allRecords(journal);
  };
  /** Programs and erases of a write in which a sector may be freed; of most a few. */
  const steps = (draw: Draw) => (draw.chance(0.7) ? 4 : 60);
  const write: Store["write"] = (puts, deletes) => {
    writeRecords(journal, puts, deletes);
    for (const key of deletes) records.delete(key);
    for (const [key, value] of puts) records.set(key, value.slice());
  };
  const { room } = journalStats(journal);
  return {
    records: () => records,
    room: room < leastRoom ? null : room,
    write,
    writeAndFail(draw, puts, deletes) {
      nor.cutAt(nor.operations() + draw.below(steps(draw)), draw.one(parts));
      try {
        write(puts, deletes);
      } catch (error) {
        if (!(error instanceof PowerCut)) throw error;
      }
      reopen();
    },
    reopen() {
      const before = records;
      reopen();
      const lost = [...before].find(([key, value]) => !same(value, records.get(key)));
      if (lost !== undefined) throw new Error(`a store that was opened again has lost ${lost[0]}`);
      if (records.size > before.size) throw new Error("a store that was opened again has what was deleted");
    },
    copy: () => nor.bytes.slice(),
    restore(copy) {
      nor.bytes.set(copy as Uint8Array);
      reopen();
    },
    compactions: () => compactionsBefore + journalStats(journal).compactions,
  };
}
