import type { Fleet } from "./fleets";
import { type Costs, costsOf, type Station } from "./virtual-world";

/** What boards and gateways spent on each batch that became final, over an interval in which all goes its steady way. */
export interface Measured {
  readonly board: PerBatch;
  readonly gateway: PerBatch;
  /** Blocks final at all boards in the interval. */
  readonly batches: number;
}

export type PerBatch = Omit<Costs, "finalized">;

/** Entries that every writer has pushed, on average, before anything is counted. */
const warmUp = 2.5;
/** Few boards are watched for longer, so that as many batches are counted. */
const leastBatches = 300;

/** Lets every writer push every `everyMs` on average. Throws where anybody complained, or fewer than nine in ten of the entries pushed became final. */
export function measure(fleet: Fleet, everyMs: number): Measured {
  const { virtual, boards, gateways } = fleet;
  virtual.run(5_000);
  fleet.startWriters(everyMs);
  virtual.run(virtual.now + warmUp * everyMs);
  const before = new Map([...boards, ...gateways].map((station) => [station, costsOf(station)]));
  const rounds = Math.max(1, Math.ceil(leastBatches / boards.length));
  virtual.run(virtual.now + rounds * everyMs);
  for (const { name, complaints } of before.keys()) {
    if (complaints.length > 0) throw new Error(`participant ${name} complained: ${complaints[0]}`);
  }
  const board = spent(boards, before);
  if (board.finalized < 0.9 * rounds * boards.length) throw new Error(`only ${board.finalized} batches became final`);
  return { board: perBatch(board), gateway: perBatch(spent(gateways, before)), batches: board.finalized };
}

function spent(stations: readonly Station[], before: ReadonlyMap<Station, Costs>): Costs {
  const sum: Costs = {
    signed: 0,
    verified: 0,
    messagesIn: 0,
    messagesOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    stored: 0,
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
