import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { toHex } from "../../../firmware/core/wire/bytes";
import type { StatusJson } from "../../../gateway/channels/status";
import { startRv32Board } from "../../../gateway/fleet/rv32-board";
import { type Bench, createBench, expectUnbroken, generator, kill, planOf, told } from "../../e2e/bench";
import { firmwareOrReason } from "./emulated";

const { image, reason } = await firmwareOrReason();
const name = "board-1";

let bench: Bench;
afterEach(() => bench.close());

async function worldOfOneBoard(): Promise<Bench> {
  return createBench(await planOf(["rv32"], []), (board, events) => startRv32Board(image!, board, "json", events));
}

describe.skipIf(reason)("an emulated board on the serial line of a gateway", { timeout: 120_000 }, () => {
  it("joins its world, pushes, finalizes, and loses nothing that it said is sealed when its power is cut at any moment", async () => {
    bench = await worldOfOneBoard();
    const random = generator(7);
    const gateway = await bench.up();
    let board = bench.start(name);
    await expect.poll(() => told(bench.linesOf(name), "final").length, { timeout: 60_000 }).toBeGreaterThan(4);
    for (let cut = 0; cut < 8; cut++) {
      await sleep(4_000 * random());
      kill(board);
      await board.ended;
      board = bench.start(name);
    }
    const sealed = () => told(bench.linesOf(name), "sealed").length;
    const before = sealed();
    await expect.poll(sealed, { timeout: 60_000 }).toBeGreaterThan(before);
    board.say("stop");
    await expect.poll(() => unfinished(), { timeout: 60_000 }).toEqual([]);
    gateway.child.kill("SIGINT");
    await gateway.ended;
    await expectNothingLost();
    expect(told(bench.linesOf(name), "boot").map(({ crypto }) => crypto)).toContain("libsodium 1.0.16");
    expect(bench.sealedBy(name).length).toBeGreaterThan(4);
  });
});

/** What is sealed and not final yet, in words, once the board has stopped. */
async function unfinished(): Promise<string[]> {
  const { groups } = await bench.get<StatusJson>("/status");
  const pending = groups.filter(({ pendingBlocks }) => pendingBlocks > 0).map((group) => `pending in ${group.name}`);
  const finalBlocks = bench.finalBlocks();
  const stopped = told(bench.linesOf(name), "stopped").length > 0;
  const sealed = bench.sealedBy(name).filter((block) => !finalBlocks.has(block));
  return [...(stopped ? [] : ["the board has not stopped"]), ...pending, ...sealed];
}

/** Every block that the board was told is sealed is final once, and where both tell a place, they tell the same block. */
async function expectNothingLost(): Promise<void> {
  const history = await bench.history();
  const finalBlocks = [...history.values()].flatMap((blocks) => blocks.map((block) => block.id));
  for (const blocks of history.values()) expectUnbroken(blocks);
  expect(bench.sealedBy(name).filter((block) => !finalBlocks.includes(block))).toEqual([]);
  for (const line of told(bench.linesOf(name), "final")) {
    const group = bench.world.catalog.groups.find((each) => toHex(each.id) === line.group)!;
    expect(history.get(group.name)![line.position]).toMatchObject({ id: line.block, firstEntry: line.firstEntry });
  }
}
