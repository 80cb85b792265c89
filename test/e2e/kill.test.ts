import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { toHex } from "../../firmware/core/wire/bytes";
import type { StatusJson } from "../../gateway/channels/status";
import type { RunningBoard } from "../../gateway/fleet/board-process";
import { plainWorld } from "../../gateway/world/world";
import type { RunningCommand } from "../gateway/command";
import { type Bench, createBench, expectUnbroken, generator, kill, reason, told } from "./bench";
import { unfinished } from "./unfinished";

let bench: Bench;
afterEach(() => bench.close());

const statusOf = () => bench.get<StatusJson>("/status");
const patience = { timeout: 60_000, interval: 250 };

/** Every block that a board was told is sealed is final once, and where both tell a place, they tell the same block. */
async function expectNothingLost(boards: readonly string[]): Promise<void> {
  const history = await bench.history();
  const finalBlocks = [...history.values()].flatMap((blocks) => blocks.map((block) => block.id));
  for (const blocks of history.values()) expectUnbroken(blocks);
  for (const name of boards) {
    expect(bench.sealedBy(name).filter((block) => !finalBlocks.includes(block))).toEqual([]);
    for (const line of told(bench.linesOf(name), "final")) {
      const group = bench.world.catalog.groups.find((each) => toHex(each.id) === line.group)!;
      expect(history.get(group.name)![line.position]).toMatchObject({ id: line.block, firstEntry: line.firstEntry });
    }
  }
}

describe.skipIf(reason)("kill -9 at any moment", () => {
  // Each seed is a plan of who is killed after how long; how far everyone is by then is up to the machine.
  it.each([1, 2, 3])(
    "of a board or the gateway loses no sealed entry and doubles none (plan %i)",
    async (seed) => {
      bench = await createBench(plainWorld(2));
      const random = generator(seed);
      const names = ["board-1", "board-2"];
      const boards = new Map<string, RunningBoard>(names.map((name) => [name, bench.start(name)]));
      let gateway: RunningCommand = await bench.up();
      for (let round = 0; round < 12; round++) {
        await sleep(1500 * random() ** 2);
        const victim = random() < 0.3 ? "gateway" : names[Math.floor(2 * random())]!;
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
      await sleep(3000);
      for (const board of boards.values()) board.say("stop");
      await expect.poll(() => unfinished(bench, names), patience).toEqual([]);
      gateway.child.kill("SIGINT");
      expect((await gateway.ended).status).toBe(0);
      await expectNothingLost(names);
      for (const name of names) expect(bench.sealedBy(name).length).toBeGreaterThan(3);
    },
    150_000,
  );
});

describe.skipIf(reason)("with one board unplugged for good", () => {
  it("the other boards' groups and the shared group of four go on", async () => {
    bench = await createBench(plainWorld(3));
    const boards = ["board-1", "board-2", "board-3"].map((name) => bench.start(name));
    const gateway = await bench.up();
    const entries = async () =>
      new Map(
        (await statusOf()).groups
          .filter(({ pact }) => pact !== "definitions")
          .map(({ name, finalEntries }) => [name, finalEntries]),
      );
    await expect.poll(async () => Math.min(...(await entries()).values()), patience).toBeGreaterThan(2);
    kill(boards[2]!);
    await boards[2]!.ended;
    const before = await entries();
    for (const group of ["machine@board-1", "machine@board-2", "machine-shared"]) {
      await expect.poll(async () => (await entries()).get(group), patience).toBeGreaterThan(before.get(group)! + 5);
    }
    for (const board of boards.slice(0, 2)) board.say("stop");
    gateway.child.kill("SIGINT");
    await gateway.ended;
    for (const blocks of (await bench.history()).values()) expectUnbroken(blocks);
  }, 120_000);
});
