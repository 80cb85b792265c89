import type { BoardReport } from "./board-report";
import { difference, type Order } from "./order";
import { failuresOfPull, type Thermostat } from "./thermostat";

/** What the demo ends with; what `--json` prints. */
export interface Summary {
  /** Everything sealed is final, on both sides, in the same order, without gap or double. */
  readonly ok: boolean;
  readonly failures: readonly string[];
  readonly seconds: number;
  readonly world: string;
  readonly gateway: { readonly crypto: string };
  readonly boards: readonly BoardSummary[];
  readonly thermostat: ThermostatSummary;
  readonly groups: readonly { readonly name: string; readonly blocks: number; readonly entries: number }[];
  readonly totals: {
    readonly pushed: number;
    readonly sealed: number;
    readonly finalized: number;
    readonly entriesPerSecond: number;
  };
  /** HFG and HCG of the patent. */
  readonly generations: { readonly finalizable: number; readonly certified: number };
}

export interface BoardSummary {
  readonly name: string;
  /** Whether it was an emulated microcontroller, not a process. */
  readonly emulated: boolean;
  readonly engine: string;
  readonly crypto: string;
  /** Its own entries. */
  readonly pushed: number;
  readonly sealed: number;
  readonly finalized: number;
  /** By group, the first and the last sequence that it saw become final. */
  readonly sequences: Readonly<Record<string, readonly [number, number] | null>>;
  /** Per entry that became final in a group of it: what it signed and verified, and what went over its wire both ways. */
  readonly perFinalEntry: { readonly signatures: number; readonly verifications: number; readonly bytes: number };
  /** From push to finality. */
  readonly latencyMs: { readonly median: number | null; readonly p99: number | null };
}

export interface ThermostatSummary {
  readonly readings: number;
  /** How often readings of one board operated the relay of another, and how many no relay heard of in time. */
  readonly operated: number;
  readonly expired: number;
  /** From a reading's block to the relay. */
  readonly latencyMs: { readonly median: number | null; readonly p99: number | null };
  /** null where the relay's cable was left in. From that to its safe state, and from putting it back to being operated again. */
  readonly pulled: {
    readonly wasOn: boolean;
    readonly safeAfterMs: number | null;
    readonly operatedAfterMs: number | null;
  } | null;
}

/** What the gateway saw, and what it says of itself. */
export interface GatewayReport {
  readonly world: string;
  readonly crypto: string;
  readonly finalizable: number;
  readonly certified: number;
  /** By group name. */
  readonly orders: ReadonlyMap<string, Order>;
}

export function summarize(
  gateway: GatewayReport,
  boards: readonly BoardReport[],
  thermostat: Thermostat,
  seconds: number,
): Summary {
  const failures = [...failuresOf(gateway, boards), ...failuresOfPull(thermostat)];
  const sum = (of: (board: BoardReport) => number) => boards.reduce((total, board) => total + of(board), 0);
  const finalized = sum((board) => board.finalized);
  return {
    ok: failures.length === 0,
    failures,
    seconds: rounded(seconds),
    world: gateway.world,
    gateway: { crypto: gateway.crypto },
    boards: boards.map(boardSummary),
    thermostat: thermostatSummary(thermostat),
    groups: [...gateway.orders].map(([name, { blocks, entries }]) => ({ name, blocks, entries })),
    totals: {
      pushed: sum((board) => board.pushed),
      sealed: sum((board) => board.sealed),
      finalized,
      entriesPerSecond: rounded(finalized / seconds),
    },
    generations: { finalizable: gateway.finalizable, certified: gateway.certified },
  };
}

/** What does not hold of what the demo is to show; empty where all of it does. */
export function failuresOf(gateway: Pick<GatewayReport, "orders">, boards: readonly BoardReport[]): string[] {
  const failures: string[] = [];
  for (const [group, { faults }] of gateway.orders) {
    failures.push(...faults.map((fault) => `gateway, ${group}: ${fault}`));
  }
  for (const board of boards) {
    if (board.finalized === 0) failures.push(`${board.name}: nothing of it became final`);
    if (board.pending.size > 0) failures.push(`${board.name}: ${board.pending.size} sealed blocks are not final`);
    for (const [group, order] of board.orders) {
      failures.push(...order.faults.map((fault) => `${board.name}, ${group}: ${fault}`));
      const other = gateway.orders.get(group);
      const differs = other ? difference(order, other) : "the gateway saw nothing of it";
      if (differs) failures.push(`${board.name} and the gateway, ${group}: ${differs}`);
    }
  }
  return failures;
}

function boardSummary(board: BoardReport): BoardSummary {
  const { name, emulated, engine, crypto, pushed, sealed, finalized, orders, latencies, costs } = board;
  const entries = [...orders.values()].reduce((sum, order) => sum + order.entries, 0);
  const per = (count: number) => rounded(entries === 0 ? 0 : count / entries);
  return {
    name,
    emulated,
    engine,
    crypto,
    pushed,
    sealed,
    finalized,
    sequences: Object.fromEntries(
      [...orders].map(([group, order]) => [group, order.entries > 0 ? ([0, order.entries - 1] as const) : null]),
    ),
    perFinalEntry: {
      signatures: per(costs.signed),
      verifications: per(costs.verified),
      bytes: per(costs.bytesIn + costs.bytesOut),
    },
    latencyMs: { median: latencies.quantile(0.5), p99: latencies.quantile(0.99) },
  };
}

function thermostatSummary({ readings, operated, expired, latencies, pull }: Thermostat): ThermostatSummary {
  const since = (from: number | null, to: number | null) => (from === null || to === null ? null : to - from);
  return {
    ...{ readings, operated, expired },
    latencyMs: { median: latencies.quantile(0.5), p99: latencies.quantile(0.99) },
    pulled: pull && {
      wasOn: pull.wasOn,
      safeAfterMs: since(pull.at, pull.safeAt),
      operatedAfterMs: since(pull.pluggedAt, pull.operatedAt),
    },
  };
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
