import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClassicLevel } from "classic-level";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { finalKey } from "../../firmware/core/block/final-record";
import { toHex } from "../../firmware/core/wire/bytes";
import { nodeRandom } from "../../gateway/participant/platform";
import { createWorld, plainWorld, type World } from "../../gateway/world/world";
import { hostOrReason } from "../xs/host";
import { plugIn } from "./null-modem";
import { crypto, encodedReading, gatewayOf, pulled, worldOfBoard, worldOfOne } from "./worlds";

const { path: host, reason } = await hostOrReason();
const patience = { timeout: 20_000 };

type TestGateway = Awaited<ReturnType<typeof gatewayOf>>;
let parent: string;
const open: { close(): Promise<void> }[] = [];
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "vertebra-rebuilding-"));
});
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
  rmSync(parent, { recursive: true });
});

async function start(...parameters: Parameters<typeof gatewayOf>): Promise<TestGateway> {
  const gateway = await gatewayOf(...parameters);
  open.push(gateway);
  return gateway;
}

async function stop(gateway: TestGateway): Promise<void> {
  open.splice(open.indexOf(gateway), 1);
  await gateway.close();
}

function push(gateway: TestGateway, load: number) {
  const group = gateway.world.catalog.group("machine");
  return gateway.channel.push(group, encodedReading(group, load));
}

const loads = async (gateway: TestGateway) =>
  (await pulled(gateway, "machine")).map(({ entry, state }) => (state === "final" ? entry?.load : state));
const journalOf = (world: World) => join(world.directory, "store", "journal");

function damage(path: string): void {
  const bytes = readFileSync(path);
  bytes[4_096 + 150]! ^= 1;
  writeFileSync(path, bytes);
}

const refused = { code: "store-damaged", remedy: expect.stringContaining("journal.given-up") };

describe("a gateway whose journal is damaged", () => {
  it("does not start before a person gives the journal up, and then goes on from what is final", async () => {
    const world = worldOfOne(join(parent, "world"));
    const first = await start(world);
    for (const load of [0, 1, 2, 3]) await (await push(first, load)).final;
    await stop(first);
    damage(journalOf(world));
    await expect(start(world)).rejects.toMatchObject(refused);
    renameSync(journalOf(world), `${journalOf(world)}.given-up`);
    const gateway = await start(world);
    expect(gateway.notices).toEqual(["store-begun-from-history"]);
    expect(readdirSync(join(world.directory, "store")).sort()).toEqual(["history", "journal", "journal.kept-1"]);
    expect(await loads(gateway)).toEqual([0, 1, 2, 3]);
    const pushed = await push(gateway, 4);
    expect([pushed.counter, await pushed.final]).toEqual([5, 4]);
    expect(await loads(gateway)).toEqual([0, 1, 2, 3, 4]);
  });

  it("uses no counter of a group of its own twice, though the history has a hole", async () => {
    const world = worldOfOne(join(parent, "world"));
    const first = await start(world);
    for (const load of [0, 1, 2, 3]) await (await push(first, load)).final;
    await stop(first);
    const level = new ClassicLevel(join(world.directory, "store", "history"));
    await level.del(finalKey(world.tag, toHex(world.catalog.group("machine").id), 1));
    await level.close();
    renameSync(journalOf(world), `${journalOf(world)}.given-up`);
    const gateway = await start(world);
    const pushed = await push(gateway, 4);
    expect([pushed.counter, await pushed.final]).toEqual([5, 4]);
    expect(await loads(gateway)).toEqual([0, "unreadable", 2, 3, 4]);
  });

  it.skipIf(reason)(
    "agrees on with its board, and nothing is there twice",
    async () => {
      const modem = await plugIn(host, parent);
      open.push({ close: () => modem.unplug() });
      const world = createWorld(crypto, nodeRandom(), join(parent, "world"), plainWorld(1));
      const first = await start(world, [modem.ends[0]]);
      const board = await start(worldOfBoard(world, "board-1", join(parent, "board")), [modem.ends[1]]);
      const before = [0, 1, 2, 3, 4, 5, 6, 7];
      for (const load of before) await (await push(load % 2 === 0 ? first : board, load)).final;
      await expect.poll(() => loads(board), patience).toHaveLength(before.length);
      await expect.poll(() => loads(first), patience).toHaveLength(before.length);
      const agreed = await loads(board);
      await stop(first);
      renameSync(journalOf(world), `${journalOf(world)}.given-up`);
      const gateway = await start(world, [modem.ends[0]]);
      expect(await loads(gateway)).toEqual(agreed);
      await (await push(board, 8)).final;
      await (await push(gateway, 9)).final;
      await expect.poll(() => loads(gateway), patience).toEqual([...agreed, 8, 9]);
      await expect.poll(() => loads(board), patience).toEqual([...agreed, 8, 9]);
    },
    60_000,
  );
});
