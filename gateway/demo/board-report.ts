import { createLatencies, type Latencies } from "./latency";
import type { Order } from "./order";

/** What a board told of itself, line by line. */
export interface BoardReport {
  readonly name: string;
  /** Whether it is an emulated microcontroller, not a process. */
  readonly emulated: boolean;
  /** The engine and the library of its cryptography, once it has booted. */
  engine: string;
  crypto: string;
  linkUp: boolean;
  /** Entries: pushed by its sensors, sealed in its blocks, and of those how many it saw become final. */
  pushed: number;
  sealed: number;
  finalized: number;
  /** Sealed blocks that it did not see become final yet. */
  readonly pending: Set<string>;
  /** By group name, all that it saw become final there, whoever issued it. */
  readonly orders: Map<string, Order>;
  /** From an entry's push to its finality, in ms, by the board's own clock. */
  readonly latencies: Latencies;
  costs: Costs;
}

/** Since the board started. */
export interface Costs {
  readonly signed: number;
  readonly verified: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export function createBoardReport(name: string, emulated = false): BoardReport {
  return {
    name,
    emulated,
    engine: "",
    crypto: "",
    linkUp: false,
    pushed: 0,
    sealed: 0,
    finalized: 0,
    pending: new Set(),
    orders: new Map(),
    latencies: createLatencies(),
    costs: { signed: 0, verified: 0, bytesIn: 0, bytesOut: 0 },
  };
}
