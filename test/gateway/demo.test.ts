import { describe, expect, it } from "vitest";
import { encodeState, type SagaState, sagaStatePact } from "../../firmware/core/saga/state";
import { type BoardReport, createBoardReport } from "../../gateway/demo/board-report";
import { createLatencies } from "../../gateway/demo/latency";
import { addBlock, createOrder, difference, type TellingOfBlock } from "../../gateway/demo/order";
import { failuresOf, summarize } from "../../gateway/demo/summary";
import {
  createThermostat,
  failuresOfPull,
  notePlugged,
  notePulled,
  takeReading,
  takeRelay,
  takeStates,
} from "../../gateway/demo/thermostat";
import { type Moment, renderMoment } from "../../gateway/demo/view";
import { widthOf } from "../../gateway/system/text";

const blocks: TellingOfBlock[] = [
  { position: 0, firstEntry: 0, count: 2, block: "aa" },
  { position: 1, firstEntry: 2, count: 1, block: "bb" },
  { position: 2, firstEntry: 3, count: 4, block: "cc" },
];

function orderOf(...told: TellingOfBlock[]) {
  const order = createOrder();
  for (const block of told) addBlock(order, block);
  return order;
}

function boardThatSaw(...told: TellingOfBlock[]): BoardReport {
  const report = createBoardReport("board-1");
  report.orders.set("machine@board-1", orderOf(...told));
  report.finalized = 7;
  return report;
}

const gatewayThatSaw = (...told: TellingOfBlock[]) => ({ orders: new Map([["machine@board-1", orderOf(...told)]]) });

describe("the order that a side saw", () => {
  it("is the same for the same blocks, and has no faults", () => {
    expect(difference(orderOf(...blocks), orderOf(...blocks))).toBeUndefined();
    expect(orderOf(...blocks)).toMatchObject({ blocks: 3, entries: 7, faults: [] });
  });

  it("differs where a side has fewer blocks, or others", () => {
    expect(difference(orderOf(...blocks), orderOf(...blocks.slice(0, 2)))).toMatch(/3 blocks .* 2 on the other/);
    const other = { ...blocks[1]!, block: "dd" };
    expect(difference(orderOf(...blocks), orderOf(blocks[0]!, other, blocks[2]!))).toMatch(/another order/);
  });

  it("has a fault where a block is missing or there twice", () => {
    expect(orderOf(blocks[0]!, blocks[2]!).faults).toEqual([
      "block 2 came where block 1 was due",
      "entry 3 came where entry 2 was due",
    ]);
    expect(orderOf(blocks[0]!, blocks[0]!).faults).toHaveLength(2);
  });
});

describe("the demo's verdict", () => {
  it("is good when both sides saw the same and nothing is pending", () => {
    expect(failuresOf(gatewayThatSaw(...blocks), [boardThatSaw(...blocks)])).toEqual([]);
  });

  it("names the board whose sealed block is not final", () => {
    const board = boardThatSaw(...blocks);
    board.pending.add("dd");
    expect(failuresOf(gatewayThatSaw(...blocks), [board])).toEqual(["board-1: 1 sealed blocks are not final"]);
  });

  it("names the group about which they differ", () => {
    const [failure] = failuresOf(gatewayThatSaw(...blocks), [boardThatSaw(...blocks.slice(0, 2))]);
    expect(failure).toMatch(/^board-1 and the gateway, machine@board-1: 2 blocks/);
  });

  it("is bad for a board of which nothing became final", () => {
    const board = boardThatSaw();
    board.finalized = 0;
    expect(failuresOf(gatewayThatSaw(), [board])).toEqual(["board-1: nothing of it became final"]);
  });

  it("counts costs per final entry, and sequences from 0", () => {
    const board = boardThatSaw(...blocks);
    board.costs = { signed: 14, verified: 21, bytesIn: 700, bytesOut: 1400 };
    const report = { ...gatewayThatSaw(...blocks), world: "w", crypto: "node:crypto", finalizable: 9, certified: 10 };
    const [summary] = summarize(report, [board], createThermostat(), 10).boards;
    expect(summary!.perFinalEntry).toEqual({ signatures: 2, verifications: 3, bytes: 300 });
    expect(summary!.sequences).toEqual({ "machine@board-1": [0, 6] });
  });
});

describe("latencies", () => {
  it("have a median and a p99, and none before the first", () => {
    const latencies = createLatencies();
    expect(latencies.quantile(0.5)).toBeNull();
    for (let ms = 1; ms <= 100; ms++) latencies.add(ms);
    expect([latencies.quantile(0.5), latencies.quantile(0.99)]).toEqual([51, 100]);
  });
});

describe("the live view", () => {
  it("fits a terminal of 80 columns and 24 lines, however long the names", () => {
    const long = "x".repeat(200);
    const board = boardThatSaw(...blocks);
    board.engine = `XS 13.3.0, ${long}`;
    const entry = { where: `machine@${long}/123`, issuer: long, content: long };
    const moment: Moment = {
      world: "0123456789abcdef0123456789abcdef",
      directory: `/tmp/${long}`,
      seconds: 100_000,
      generation: 1_000_000,
      attempt: 12,
      throughput: 1234.5,
      boards: [board, board, board],
      thermostat: { ...createThermostat(), celsius: -273.15, operated: 1e9, expired: 1e9 },
      groups: Array.from({ length: 20 }, () => ({ name: long, order: orderOf(...blocks) })),
      last: Array.from({ length: 12 }, () => entry),
      footer: "Ctrl-C stops the writers, waits until all is final, and tells the result",
    };
    const lines = renderMoment(moment);
    expect(lines).toHaveLength(24);
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(80);
  });
});

describe("what the thermostat of the demo did", () => {
  const reading = (sequence: number, celsius: number, time: number) =>
    ({ entry: { celsius }, sequence, time }) as unknown as Parameters<typeof takeReading>[1];
  const state = (status: "intent" | "done" | "expired", consumed: number, time: number) => {
    const none = { previous: null, description: new Uint8Array(32), stage: 0, produced: [], error: "", now: 0 };
    const told = {
      ...none,
      consumed: [new Uint8Array(32), consumed],
      status,
      readCursors: [],
      state: new Uint8Array(),
    };
    const entry = encodeState(told as unknown as SagaState, sagaStatePact("thermostat-states", "two-thirds").policy);
    return { entries: [entry], time } as unknown as Parameters<typeof takeStates>[1];
  };
  const relay = (value: boolean, why: "operated" | "silence" | "boot", at: number) =>
    ({ event: "capability", capability: "relay", value, why, at }) as const;

  it("is timed from a reading's block to the relay that it operated", () => {
    const thermostat = createThermostat();
    takeReading(thermostat, reading(7, 18.5, 1000));
    takeStates(thermostat, state("intent", 7, 1300));
    takeRelay(thermostat, relay(true, "operated", 1600));
    takeStates(thermostat, state("done", 7, 1700));
    expect(thermostat.latencies.quantile(0.5)).toBe(600);
    expect(thermostat).toMatchObject({ celsius: 18.5, readings: 1, operated: 1, expired: 0 });
    takeStates(thermostat, state("expired", 8, 9000));
    expect(thermostat.expired).toBe(1);
  });

  it("fails where the relay was on and stayed on without its cable, or is never operated again", () => {
    const thermostat = createThermostat();
    expect(failuresOfPull(thermostat)).toEqual([]);
    takeRelay(thermostat, relay(true, "operated", 1000));
    notePulled(thermostat, 2000);
    expect(failuresOfPull(thermostat)).toEqual(["the relay stayed on when its cable was pulled out"]);
    takeRelay(thermostat, relay(false, "silence", 8000));
    expect(failuresOfPull(thermostat)).toEqual([]);
    notePlugged(thermostat, 12_000);
    expect(failuresOfPull(thermostat)).toEqual(["no reading operated the relay again"]);
    takeRelay(thermostat, relay(true, "operated", 14_000));
    expect(failuresOfPull(thermostat)).toEqual([]);
    expect(thermostat.pull).toMatchObject({ safeAt: 8000, operatedAt: 14_000 });
  });
});
