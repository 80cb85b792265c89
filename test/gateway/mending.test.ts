import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClassicLevel } from "classic-level";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decodeFinalRecord, finalKey } from "../../firmware/core/block/final-record";
import { toHex } from "../../firmware/core/wire/bytes";
import { decodeFinalityProof } from "../../firmware/core/wire/proofs";
import { nodeRandom } from "../../gateway/participant/platform";
import { createWorld, plainWorld, type World } from "../../gateway/world/world";
import { hostOrReason } from "../xs/host";
import { type NullModem, plugIn } from "./null-modem";
import { crypto, encodedReading, gatewayOf, pulled, worldOfBoard } from "./worlds";

const { path: host, reason } = await hostOrReason();
const patience = { timeout: 20_000 };
const blocks = 24;
/** Of which so many are lost at once. */
const lost = 10;

type TestGateway = Awaited<ReturnType<typeof gatewayOf>>;
let parent: string;
let cable: NullModem;
let world: World;
let board: TestGateway;
let gateway: TestGateway;
beforeEach(async () => {
  if (reason) return;
  parent = mkdtempSync(join(tmpdir(), "vertebra-mending-"));
  cable = await plugIn(host, parent);
  world = createWorld(crypto, nodeRandom(), join(parent, "world"), plainWorld(1));
  gateway = await gatewayOf(world, [cable.ends[0]]);
  board = await gatewayOf(worldOfBoard(world, "board-1", join(parent, "board")), [cable.ends[1]]);
  for (let load = 0; load < blocks; load++) await push(load);
  // What only the gateway knew to be final, nobody could give it back.
  await expect.poll(() => loads(board), patience).toEqual(all);
}, 60_000);
afterEach(async () => {
  if (reason) return;
  await Promise.all([gateway.close(), board.close()]);
  await cable.unplug();
  rmSync(parent, { recursive: true });
});

async function push(load: number): Promise<void> {
  const group = world.catalog.group("machine");
  await (await gateway.channel.push(group, encodedReading(group, load))).final;
}

/** The gateway ends, its history is changed, and it starts again. */
async function restartWith(change: (level: ClassicLevel<string, Uint8Array>) => Promise<void>): Promise<void> {
  await gateway.close();
  const level = new ClassicLevel<string, Uint8Array>(join(world.directory, "store", "history"), {
    valueEncoding: "view",
  });
  await level.open();
  await change(level);
  await level.close();
  gateway = await gatewayOf(world, [cable.ends[0]]);
}

const keyAt = (position: number) => finalKey(world.tag, toHex(world.catalog.group("machine").id), position);
const loads = async (of: TestGateway) =>
  (await pulled(of, "machine")).map(({ state, entry, sequence, through }) =>
    state === "final" ? entry!.load : `${sequence} to ${through}`,
  );
const all = Array.from({ length: blocks }, (_, load) => load);

describe.skipIf(reason)("what a gateway's history lost", () => {
  it("is fetched again from another owner by whoever reads it, while that reader waits", async () => {
    const before = await recordAt(5);
    await restartWith(async (level) => {
      await level.put(keyAt(5), (await level.get(keyAt(6)))!);
      await level.clear({ gte: keyAt(10), lte: keyAt(18) });
    });
    await expect.poll(() => gateway.told, patience).toEqual(["board-1 up"]);
    await expect.poll(() => loads(gateway), patience).toEqual(all);
    await expect.poll(() => gateway.notices.at(-1), patience).toBe("history-mended");
    // The last blocks are looked for at the start, all else when it is read: how many are found together is a matter of time.
    const told = gateway.notices.filter((code) => code === "history-damaged");
    expect(told.length).toBeGreaterThan(0);
    expect(told.length).toBeLessThanOrEqual(lost);
    // Another owner's certificates may prove it, but the block is the same.
    expect(await recordAt(5)).toEqual(before);
    // It is in the store again, and not in memory alone.
    await board.close();
    await restartWith(async () => {});
    expect(await loads(gateway)).toEqual(all);
    expect(gateway.notices).toEqual([]);
  }, 60_000);

  it("in the end, as by a log that was dropped, is fetched before anybody reads it", async () => {
    await restartWith((level) => level.clear({ gte: keyAt(3), lte: keyAt(blocks) }));
    await expect.poll(() => gateway.notices.at(-1), patience).toBe("history-mended");
    expect(await loads(gateway)).toEqual(all);
    await push(blocks);
    await expect.poll(() => loads(board), patience).toEqual([...all, blocks]);
  }, 60_000);

  it("is not shown while nobody has it, and what comes after is; a peer that asks for it is given nothing", async () => {
    await board.close();
    await restartWith((level) => level.del(keyAt(5)));
    expect(await loads(gateway)).toEqual([...all.slice(0, 5), "5 to 5", ...all.slice(6)]);
    expect(await gateway.store.read(keyAt(5))).toBeUndefined();
    board = await gatewayOf(worldOfBoard(world, "board-1", join(parent, "board-2")), [cable.ends[1]]);
    // The board begins with an empty store: it comes as far as the gateway can give.
    await expect
      .poll(() => board.status().groups.find(({ owners }) => owners.length === 2)!.finalBlocks, patience)
      .toBe(5);
    expect(board.notices.filter((code) => code.startsWith("proof-"))).toEqual([]);
  }, 60_000);
});

async function recordAt(position: number) {
  const { proof, ...record } = decodeFinalRecord((await gateway.store.read(keyAt(position)))!);
  return { ...record, header: decodeFinalityProof(proof).blockHeader };
}
