import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClassicLevel } from "classic-level";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { finalKey } from "../../firmware/core/block/final-record";
import { toHex } from "../../firmware/core/wire/bytes";
import { isWholeLog } from "../../gateway/participant/migration";
import type { World } from "../../gateway/world/world";
import { failingDisk, PowerCut } from "./failing-disk";
import { openedStore } from "./stores";
import { crypto, encodedReading, gatewayOf, pulled, worldOfOne } from "./worlds";

const loads = [0, 1, 2, 3, 4];

let made: string;
let parent: string;
let world: World;
beforeAll(async () => {
  made = mkdtempSync(join(tmpdir(), "vertebra-made-"));
  world = worldOfOne(join(made, "world"));
  const gateway = await gatewayOf(world);
  for (const load of loads) await push(gateway, load);
  await gateway.close();
  await layOutAsBefore();
}, 30_000);
afterAll(() => rmSync(made, { recursive: true }));
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "vertebra-migration-"));
  world = { ...world, directory: join(parent, "world") };
  cpSync(join(made, "world"), world.directory, { recursive: true });
});
afterEach(() => rmSync(parent, { recursive: true }));

async function push(gateway: Awaited<ReturnType<typeof gatewayOf>>, load: number): Promise<void> {
  const group = gateway.world.catalog.group("machine");
  await (await gateway.channel.push(group, encodedReading(group, load))).final;
}

const place = () => join(world.directory, "store");
const owner = () => crypto.signer(world.seed).publicKey;

/** One LevelDB for all, each record as the participant wrote it, and who owns it: what gateways made until November 2026. */
async function layOutAsBefore(): Promise<void> {
  const store = await openedStore(place(), owner());
  const records = new Map(store.records());
  const group = toHex(world.catalog.group("machine").id);
  for (const position of loads) {
    const key = finalKey(world.tag, group, position);
    records.set(key, (await store.read(key))!);
  }
  await store.close();
  rmSync(place(), { recursive: true });
  mkdirSync(place(), { mode: 0o700 });
  const level = new ClassicLevel<string, Uint8Array>(place(), { keyEncoding: "utf8", valueEncoding: "view" });
  await level.put("!owner", owner(), { sync: true });
  for (const [key, value] of records) await level.put(key, value, { sync: true });
  await level.close();
}

async function expectAllThere(): Promise<void> {
  const gateway = await gatewayOf(world);
  const load = (await pulled(gateway, "machine")).length;
  await push(gateway, load);
  const entries = await pulled(gateway, "machine");
  expect(entries.map(({ entry, state }) => [entry?.load, state])).toEqual(
    Array.from({ length: load + 1 }, (_, each) => [each, "final"]),
  );
  expect(load).toBeGreaterThanOrEqual(loads.length);
  expect(gateway.notices).toEqual([]);
  // The counter went on: an owner that had forgotten it would issue a second history.
  expect(gateway.status().epoch).toBeGreaterThan(1);
  await gateway.close();
}

describe("a store of before", () => {
  it("is brought into the form of now when it is opened, with all that is in it", async () => {
    await expectAllThere();
    expect(readdirSync(place()).sort()).toEqual(["history", "journal"]);
    expect(existsSync(`${place()}.draft`)).toBe(false);
    await expectAllThere();
    const level = new ClassicLevel(join(place(), "history"));
    expect((await level.keys().all()).filter((key) => !key.startsWith("final/"))).toEqual([]);
    await level.close();
  });

  it("is there as it was, or as it is now, wherever that was cut", async () => {
    const before = join(parent, "before");
    cpSync(place(), before, { recursive: true });
    const whole = failingDisk();
    await (await openedStore(place(), owner(), whole)).close();
    for (let cut = 0; cut < whole.operations; cut++) {
      rmSync(place(), { recursive: true, force: true });
      rmSync(`${place()}.draft`, { recursive: true, force: true });
      cpSync(before, place(), { recursive: true });
      const disk = failingDisk();
      disk.cutAt = cut;
      await expect(openedStore(place(), owner(), disk)).rejects.toThrow(PowerCut);
      await expectAllThere();
    }
  }, 60_000);

  it("goes on where it was cut between the two renames", async () => {
    const disk = failingDisk();
    await (await openedStore(place(), owner(), disk)).close();
    renameSync(place(), `${place()}.draft`);
    await expectAllThere();
  });

  it("of another participant is refused, and stays as it is", async () => {
    await expect(openedStore(place(), new Uint8Array(32))).rejects.toMatchObject({ code: "store-foreign" });
    await expectAllThere();
  });

  it("whose log has a flipped bit is refused as damaged: LevelDB would drop promises in silence", async () => {
    const name = readdirSync(place()).find((file) => file.endsWith(".log"))!;
    const path = join(place(), name);
    const bytes = readFileSync(path);
    for (let at = 3; at < bytes.length; at += 97) {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 4;
      writeFileSync(path, flipped);
      expect(isWholeLog(flipped), `with byte ${at} flipped`).toBe(false);
    }
    await expect(openedStore(place(), owner())).rejects.toMatchObject({
      code: "store-damaged",
      message: expect.stringContaining(name),
    });
    writeFileSync(path, bytes);
    await expectAllThere();
  });

  it("whose log was cut in its last record, or filled up with zeros, is whole", () => {
    const name = readdirSync(place()).find((file) => file.endsWith(".log"))!;
    const bytes = readFileSync(join(place(), name));
    expect(isWholeLog(bytes.subarray(0, bytes.length - 3))).toBe(true);
    expect(isWholeLog(Buffer.concat([bytes, Buffer.alloc(40_000)]))).toBe(true);
  });
});

describe("a store whose journal is gone", () => {
  it("is refused, since what it promised is gone with it", async () => {
    await (await openedStore(place(), owner())).close();
    rmSync(join(place(), "journal"));
    await expect(openedStore(place(), owner())).rejects.toMatchObject({
      code: "store-damaged",
      remedy: expect.stringContaining("journal.given-up"),
    });
  });
});
