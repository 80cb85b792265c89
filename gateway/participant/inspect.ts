import { VertebraError } from "../../firmware/core/errors";
import type { Flash } from "../../firmware/ports";
import { type Prepared, readFront, sectorsIn } from "../../firmware/store/front";
import { capacityOf, isRetired, type Log } from "../../firmware/store/log";
import { createLog, mount } from "../../firmware/store/mount";
import { type Names, namesIn } from "../../firmware/store/names";
import { erasesOf } from "../../firmware/store/wear";

/** What a flash holds, read without changing anything, for a person to look at. */
export interface Inspected {
  readonly prepared: Prepared;
  readonly sectors: readonly InspectedSector[];
  readonly log: Log;
  readonly names: Names;
  /** Bytes that records may take in all. */
  readonly room: number;
}

export interface InspectedSector {
  readonly state: "log" | "free" | "retired";
  /** In the log; 0 elsewhere. */
  readonly sequence: number;
  readonly erases: number;
  /** Bytes from its front to where its records end, and of these what is live. */
  readonly used: number;
  readonly live: number;
}

/** Throws `store-unknown` where no store lies there, and what `openJournal` throws of one that can't be read. */
export function inspect(flash: Flash): Inspected {
  const prepared = firstFront(flash);
  const log = createLog(flash, prepared.owner, () => {});
  mount(log);
  const sectors = Array.from({ length: sectorsIn(flash) }, (_, sector): InspectedSector => {
    const sequence = log.sequences[sector]!;
    const state = isRetired(log, sector) ? "retired" : sequence > 0 ? "log" : "free";
    return { state, sequence, erases: erasesOf(log.wear, sector), used: log.ends[sector]!, live: log.live[sector]! };
  });
  return { prepared, sectors, log, names: namesIn(log), room: capacityOf(log) };
}

function firstFront(flash: Flash): Prepared {
  for (let sector = 0; sector < sectorsIn(flash); sector++) {
    const { prepared } = readFront(flash, sector);
    if (typeof prepared !== "string") return prepared;
  }
  throw new VertebraError(
    "store-unknown",
    "No store lies in it: none of its sectors says that it is one's",
    "Give the image of a whole flash, or a gateway's store/journal. One of a version before is read when its owner starts.",
  );
}
