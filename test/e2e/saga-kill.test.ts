import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { finalKey } from "../../firmware/core/block/final-record";
import { decodeProvision } from "../../firmware/core/identity/provision";
import { createConductor, finalEntries } from "../../firmware/core/saga/conductor";
import { type Definitions, readDefinitions } from "../../firmware/core/saga/definitions";
import type { FinalEntry } from "../../firmware/core/saga/entries";
import { lease } from "../../firmware/core/saga/limits";
import { asTheyCame } from "../../firmware/core/saga/past";
import { agrees, type Replayed, replay } from "../../firmware/core/saga/replay";
import { toHex } from "../../firmware/core/wire/bytes";
import { decodeText } from "../../firmware/core/wire/text";
import { finalBlocks } from "../../firmware/device/sagas";
import { sourcesOf } from "../../firmware/sandbox/conducting";
import { requestOf, resultOf } from "../../firmware/sandbox/runs";
import { readRecord } from "../../firmware/store/journal";
import type { SagasJson } from "../../gateway/channels/sagas";
import type { RunningBoard } from "../../gateway/fleet/board-process";
import { buildSandbox } from "../../gateway/saga/sandbox";
import { boardOf } from "../../gateway/world/world";
import type { RunningCommand } from "../gateway/command";
import { crypto } from "../gateway/worlds";
import {
  type Bench,
  changedExample,
  createBench,
  example,
  expectUnbroken,
  generator,
  kill,
  planOf,
  reason,
  told,
} from "./bench";
import { journalOf } from "./flash";
import { unfinished } from "./unfinished";

const names = ["board-1", "board-2", "board-3"] as const;
const heater = "board-2";
const balance = 5000;
/** What the warehouse of examples/order has at first. */
const stock = { "robot arm": 3, gripper: 1 };
const patience = { timeout: 90_000, interval: 500 };

type Reply = Parameters<typeof resultOf>[0];

describe.skipIf(reason)(`sagas under kill -9 at any moment${reason ? ` (skipped: ${reason})` : ""}`, () => {
  let bench: Bench;
  let orders: { readonly number: number; readonly product: keyof typeof stock; readonly price: number }[];
  const directory = mkdtempSync(join(tmpdir(), "vertebra-saga-kill-"));
  afterEach(() => bench.close());
  afterAll(() => rmSync(directory, { recursive: true }));

  /** No reading is given up, however long the heater is away. */
  const patientThermostat = () => changedExample(directory, "thermostat", "deadline: 5_000", "deadline: 600_000");

  async function underWay(): Promise<string[]> {
    const { sagas } = await bench.get<SagasJson>("/sagas");
    const running = sagas.filter((saga) => saga.running > 0).map((saga) => `${saga.name}: ${saga.running} under way`);
    // What the last state put out is pushed after it.
    const told = (await bench.entries("notice")).length;
    const untold = told < orders.length ? [`${orders.length - told} orders without a notice`] : [];
    return [...running, ...untold, ...(await unfinished(bench, names))];
  }

  /** Kills boards and the gateway at the moments of a plan, while readings and orders come. */
  async function play(seed: number, rounds: number): Promise<RunningCommand> {
    const random = generator(seed);
    const boards = new Map<string, RunningBoard>(names.map((name) => [name, bench.start(name)]));
    let gateway = await bench.up();
    for (let round = 0; round < rounds; round++) {
      const product = random() < 0.6 ? "robot arm" : "gripper";
      const order = { number: round, product, price: random() < 0.7 ? balance - 100 : balance + 100 } as const;
      await bench.push("account", { balance });
      // Each moves the relay.
      await bench.push("reading", { celsius: round % 2 === 0 ? 15 : 25 });
      await bench.push("order", order);
      orders.push(order);
      await sleep(3500 * random() ** 2);
      const victim = random() < 0.25 ? "gateway" : names[Math.floor(names.length * random())]!;
      if (victim === "gateway") {
        gateway.child.kill("SIGKILL");
        await gateway.ended;
        gateway = await bench.up();
      } else {
        kill(boards.get(victim)!);
        await boards.get(victim)!.ended;
        boards.set(victim, bench.start(victim));
      }
    }
    for (const board of boards.values()) board.say("stop");
    await expect.poll(underWay, patience).toEqual([]);
    for (const board of boards.values()) await board.end();
    return gateway;
  }

  it("end for everyone with one state per previous, each relay moved once an intent, and nothing told twice", async () => {
    orders = [];
    const boards = ["linux", example("thermostat/heater.board.json"), "linux"];
    bench = await createBench(await planOf(boards, [example("order/order.ts"), patientThermostat()]));
    const gateway = await play(1, 10);
    const notices = (await bench.entries("notice")).map(({ entry }) => entry!);
    gateway.child.kill("SIGINT");
    expect((await gateway.ended).status).toBe(0);

    const { provision } = bench.world;
    const known = readDefinitions(crypto, { ...provision, ...provision.sagas });
    const history = await bench.history();
    const blocks = [...history.values()].flat().map((block) => ({ ...block, ...block.header }));
    for (const each of history.values()) expectUnbroken(each);
    const entries = asTheyCame(
      known,
      blocks.filter(({ group }) => known.groups.has(toHex(group))),
    ).flatMap(finalEntries);
    const states = replay(known, entries);

    expectNothingTwice(entries);
    expectChains(known, states);
    expectOrdersDone(orders, notices as never, states);
    expectMovedOnce(bench, states);
    await expectRecomputed(bench, known, states);
    for (const name of names) expectEndedFor(bench, name);
  }, 240_000);

  it("go on where a board starts again that keeps less than what is final", async () => {
    bench = await createBench(await planOf([example("thermostat/heater.board.json")], [patientThermostat()]));
    let board = bench.start("board-1");
    const gateway = await bench.up();
    const moved = () => told(bench.linesOf("board-1"), "capability").filter(({ why }) => why === "operated");
    await bench.push("reading", { celsius: 15 });
    for (let times = 0; times < 80; times++) await bench.push("setpoint", { celsius: 20 + (times % 2) });
    await expect.poll(() => bench.entries("setpoint"), patience).toHaveLength(80);
    await expect.poll(moved, patience).toHaveLength(1);
    kill(board);
    await board.ended;
    board = bench.start("board-1");
    // It is warm enough by the last setpoint, and what was on is known to be on.
    await bench.push("reading", { celsius: 21.75 });
    await expect.poll(() => moved().map(({ value }) => value), patience).toEqual([true, false]);
    board.say("stop");
    await expect.poll(() => unfinished(bench, ["board-1"]), patience).toEqual([]);
    await board.end();
    gateway.child.kill("SIGINT");
    await gateway.ended;
    const first = finalKey(bench.world.tag, toHex(bench.world.catalog.group("setpoint").id), 0);
    expect(readRecord(journalOf(boardOf(bench.world, "board-1")), first)).toBe(undefined);
    expectEndedFor(bench, "board-1");
  }, 120_000);
});

/** Of the entries that readers are told of, no two have one id. */
function expectNothingTwice(entries: readonly FinalEntry[]): void {
  const ids = entries.flatMap(({ id }) => (id === null ? [] : [toHex(id)]));
  expect(ids.length).toBeGreaterThan(3);
  expect(new Set(ids).size).toBe(ids.length);
}

/** The states of a saga whose state is of all its invocations follow one on another, from the first to the last. */
function expectChains({ sagas }: Definitions, states: readonly Replayed[]): void {
  for (const { key, description } of sagas.values()) {
    const heads = states.filter(({ invocation }) => invocation.saga.key === key).map(({ head }) => head);
    const previous = heads.map(({ state }) => state.previous?.[1] ?? null);
    expect([description.name, previous]).toEqual([
      description.name,
      [null, ...heads.slice(0, -1).map(({ reference }) => reference[1])],
    ]);
    expect(heads.length).toBeGreaterThan(3);
  }
}

/** One notice an order, and the stock is what was sold less. */
function expectOrdersDone(
  orders: readonly { readonly number: number; readonly product: keyof typeof stock; readonly price: number }[],
  notices: readonly { readonly number: number; readonly text: string }[],
  states: readonly Replayed[],
): void {
  const byNumber = (a: { number: number }, b: { number: number }) => a.number - b.number;
  expect([...notices].sort(byNumber).map(({ number }) => number)).toEqual(orders.map(({ number }) => number));
  const left = { ...stock };
  for (const { number, text } of notices) {
    if (text !== "Thank you.") continue;
    const { product, price } = orders[number]!;
    expect(price).toBeLessThanOrEqual(balance);
    left[product]--;
  }
  const last = states.filter(({ invocation }) => invocation.saga.description.name === "order").at(-1)!;
  expect(JSON.parse(decodeText(last.head.state.state))).toEqual(left);
}

/** Each time the relay was operated is of an intent of its own, in their order, and what is done was. */
function expectMovedOnce(bench: Bench, states: readonly Replayed[]): void {
  const ofRelay = states.filter(({ invocation }) => invocation.saga.description.name === "thermostat");
  const intents = ofRelay.flatMap(({ head }, index) => {
    if (head.state.status !== "intent") return [];
    const [operation] = head.state.produced;
    const { on } = JSON.parse(decodeText(operation!.kind === "operation" ? operation!.operation : new Uint8Array()));
    return [{ on, outcome: ofRelay[index + 1]?.head.state.status }];
  });
  const moved = told(bench.linesOf(heater), "capability").filter(({ why }) => why === "operated");
  expect(intents.length).toBeGreaterThan(2);
  const values = moved.map(({ value }) => value);
  expect([intents, values, isOfIntents(intents, values)]).toEqual([intents, values, true]);
}

interface Intent {
  readonly on: boolean;
  readonly outcome: string | undefined;
}

/** Whether these may be what came of the intents: of a done one its value, of a refused one nothing, of an unknown one either. */
function isOfIntents(intents: readonly Intent[], moved: readonly unknown[]): boolean {
  const [first, ...others] = intents;
  if (first === undefined) return moved.length === 0;
  const acted = first.outcome !== "refused" && moved[0] === first.on && isOfIntents(others, moved.slice(1));
  return acted || (first.outcome !== "done" && isOfIntents(others, moved));
}

async function expectRecomputed(bench: Bench, known: Definitions, states: readonly Replayed[]): Promise<void> {
  const sandbox = await buildSandbox(() => {});
  const sources = sourcesOf(crypto, bench.world.provision.sagas);
  for (const each of states) {
    if (each.run === null) continue;
    const source = sources.get(toHex(each.run.behavior.source))!;
    const reply: Reply = await sandbox(requestOf(known, source, each.run));
    expect([each.head.state, agrees(known, each, resultOf(reply))]).toEqual([each.head.state, true]);
  }
}

/** As the board itself would know it after another start: from what it kept, and the last blocks that its flash has. */
function expectEndedFor(bench: Bench, name: string): void {
  const board = boardOf(bench.world, name);
  const world = decodeProvision(new Uint8Array(readFileSync(board.provisionFile))).worlds[0]!;
  const journal = journalOf(board);
  const conductor = createConductor({
    ...{
      crypto,
      world: bench.world.tag,
      avatar: board.avatar,
      lease,
      lane: 0,
      hasSource: () => true,
      room: Number.POSITIVE_INFINITY,
      published: new Map(),
    },
    ...{
      provision: { ...world, ...world.sagas },
      kept: { snapshot: readRecord(journal, `saga/${bench.world.tag}`) ?? null, waits: null },
    },
  });
  const now = { monotonic: 0, wall: 0 };
  const { definitions } = conductor.ledger;
  const blocks = finalBlocks(journal, bench.world.tag, definitions.groups.keys());
  for (const block of asTheyCame(definitions, blocks)) {
    conductor.take({ kind: "final", block }, now);
  }
  conductor.handle({ kind: "boot" }, now);
  for (const book of conductor.ledger.books.values()) {
    expect([name, book.name, book.standsStill, book.invocations.size]).toEqual([name, book.name, false, 0]);
  }
}
