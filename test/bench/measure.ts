import type { Fleet } from "./fleets";
import type { Recording } from "./recording";
import { type Costs, costsOf, type Station } from "./virtual-world";

/** What boards and gateways spent on each batch that became final, over an interval in which all goes its steady way. */
export interface Measured {
  readonly board: PerBatch;
  readonly gateway: PerBatch;
  /** Blocks final at all boards in the interval. */
  readonly batches: number;
  /** What some of them were given, to be replayed elsewhere. */
  readonly recordings: { readonly board: readonly Recording[]; readonly gateway: readonly Recording[] };
}

export type PerBatch = Omit<Costs, "finalized">;

/** Entries that every writer has pushed before anything is counted, and half the time until the next. */
const warmUp = 2.5;
/** Few boards are watched for longer, so that as many batches are counted. */
const leastBatches = 300;

/**
 * Lets every writer push once in each `everyMs`, at a moment of its own in the first `withinMs` of them, in all unless said. Throws
 * where anybody complained, or fewer than nine in ten of the entries pushed became final.
 */
export function measure(fleet: Fleet, everyMs: number, withinMs = everyMs): Measured {
  const { virtual, boards, gateways } = fleet;
  virtual.run(5_000);
  fleet.startWriters(everyMs, withinMs);
  virtual.run(virtual.now + warmUp * everyMs);
  const before = new Map([...boards, ...gateways].map((station) => [station, costsOf(station)]));
  const recordings = { board: recordingsOf(boards), gateway: recordingsOf(gateways) };
  for (const recording of [...recordings.board, ...recordings.gateway]) recording.countedFrom = recording.events.length;
  const rounds = Math.max(1, Math.ceil(leastBatches / boards.length));
  virtual.run(virtual.now + rounds * everyMs);
  for (const { name, complaints } of before.keys()) {
    if (complaints.length > 0) throw new Error(`participant ${name} complained: ${complaints[0]}`);
  }
  const board = spent(boards, before);
  if (board.finalized < 0.9 * rounds * boards.length) throw new Error(`only ${board.finalized} batches became final`);
  return {
    board: perBatch(board),
    gateway: perBatch(spent(gateways, before)),
    batches: board.finalized,
    recordings,
  };
}

function recordingsOf(stations: readonly Station[]): Recording[] {
  return stations.flatMap(({ recording }) => recording ?? []);
}

function spent(stations: readonly Station[], before: ReadonlyMap<Station, Costs>): Costs {
  const sum: Costs = {
    signed: 0,
    verified: 0,
    messagesIn: 0,
    messagesOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    finalized: 0,
  };
  for (const station of stations) {
    const after = costsOf(station);
    for (const key of Object.keys(sum) as (keyof Costs)[]) sum[key] += after[key] - before.get(station)![key];
  }
  return sum;
}

function perBatch({ finalized, ...costs }: Costs): PerBatch {
  const each = { ...costs };
  for (const key of Object.keys(each) as (keyof PerBatch)[]) each[key] /= finalized;
  return each;
}
