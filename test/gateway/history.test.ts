import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClassicLevel } from "classic-level";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { toHex } from "../../firmware/core/wire/bytes";
import { historyOf } from "../../gateway/channels/history";
import type { World } from "../../gateway/world/world";
import { encodedReading, gatewayOf, pulled, reading, worldOfOne } from "./worlds";

/** Blocks that the gateway seals, of one entry each, whose load is its sequence. */
const sealed = 40;

let made: string;
let parent: string;
let world: World;
const open: { close(): Promise<void> }[] = [];
beforeAll(async () => {
  made = mkdtempSync(join(tmpdir(), "vertebra-made-"));
  world = worldOfOne(join(made, "world"));
  const gateway = await start();
  for (let load = 0; load < sealed; load++) await push(gateway, load);
  await stop(gateway);
}, 60_000);
afterAll(() => rmSync(made, { recursive: true }));
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "vertebra-history-"));
  world = { ...world, directory: join(parent, "world") };
  cpSync(join(made, "world"), world.directory, { recursive: true });
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
  rmSync(parent, { recursive: true });
});

type TestGateway = Awaited<ReturnType<typeof gatewayOf>>;
async function start(): Promise<TestGateway> {
  const gateway = await gatewayOf(world);
  open.push(gateway);
  return gateway;
}

async function stop(gateway: TestGateway): Promise<void> {
  open.splice(open.indexOf(gateway), 1);
  await gateway.close();
}

async function push(gateway: TestGateway, load: number): Promise<void> {
  const group = gateway.world.catalog.group("machine");
  await (await gateway.channel.push(group, encodedReading(group, load))).final;
}

const place = () => join(world.directory, "store", "history");
const group = () => world.catalog.group("machine").id;
const keyAt = (position: number) => `final/${world.tag}/${toHex(group())}/${String(position).padStart(12, "0")}`;

async function inLevel(change: (level: ClassicLevel<string, Uint8Array>) => Promise<void>): Promise<void> {
  const level = new ClassicLevel<string, Uint8Array>(place(), { keyEncoding: "utf8", valueEncoding: "view" });
  await level.open();
  await change(level);
  await level.close();
}

/** What a tail shows: sequences of final entries, and in words those that can't be read. */
async function shown(gateway: TestGateway, from = 0): Promise<(number | string)[]> {
  return (await pulled(gateway, "machine", from)).map(({ state, sequence, through, entry }) => {
    if (state === "unreadable") return `${sequence} to ${through}`;
    expect(entry).toEqual(reading(sequence!));
    return sequence!;
  });
}

const sequences = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

describe("a final block that is not as it was written", () => {
  it.each<[string, (value: Uint8Array, level: ClassicLevel<string, Uint8Array>) => Promise<Uint8Array> | Uint8Array]>([
    ["a bit of its entry", (value) => flip(value, value.length - 6)],
    ["a bit in the middle", (value) => flip(value, value.length >> 1)],
    ["its check", (value) => flip(value, 2)],
    ["its mark", (value) => flip(value, 0)],
    ["all of it, by another block", async (_, level) => (await level.get(keyAt(9)))!],
    ["all of it, by nothing", () => new Uint8Array()],
    ["its end", (value) => value.subarray(0, value.length - 1)],
  ])("is told with its position and never shown, and what comes after is: %s", async (_, change) => {
    await inLevel(async (level) => level.put(keyAt(7), await change((await level.get(keyAt(7)))!, level)));
    const gateway = await start();
    expect(await shown(gateway)).toEqual([...sequences(0, 7), "7 to 7", ...sequences(8, sealed)]);
    await expect.poll(() => gateway.notices).toEqual(["history-damaged"]);
    for (const from of [3, 7, 8]) expect((await shown(gateway, from)).slice(-5)).toEqual(sequences(35, 40));
    const history = historyOf(gateway.store, world.tag, group());
    expect((await history.holding(6))?.position).toBe(6);
    expect((await history.holding(8))?.position).toBe(8);
    await expect(history.holding(7)).rejects.toMatchObject({ code: "history-damaged" });
    // And the group goes on.
    await push(gateway, sealed);
    expect((await shown(gateway)).at(-1)).toBe(sealed);
  });

  it.each([0, sealed - 1])("is told where it is the first or the last: %i", async (position) => {
    await inLevel((level) => level.del(keyAt(position)));
    const gateway = await start();
    const expected: (number | string)[] = sequences(0, sealed);
    expected[position] = `${position} to ${position}`;
    // The last is looked for at the start, before anybody reads.
    if (position > 0) await expect.poll(() => gateway.notices).toEqual(["history-damaged"]);
    expect(await shown(gateway)).toEqual(expected);
    await expect.poll(() => gateway.notices).toEqual(["history-damaged"]);
  });

  it("among many that are gone is told once, and the tail goes on behind them", async () => {
    await inLevel((level) => level.clear({ gte: keyAt(3), lte: keyAt(30) }));
    const gateway = await start();
    expect(await shown(gateway)).toEqual([...sequences(0, 3), "3 to 30", ...sequences(31, sealed)]);
    expect(await shown(gateway, 12)).toEqual(["12 to 30", ...sequences(31, sealed)]);
    const history = historyOf(gateway.store, world.tag, group());
    for (const sequence of [0, 2, 31, 39]) expect((await history.holding(sequence))?.position).toBe(sequence);
    await expect(history.holding(15)).rejects.toMatchObject({ code: "history-damaged" });
    expect(await history.holding(sealed)).toBeUndefined();
  });

  it("which is all of them: is told, and none is shown", async () => {
    rmSync(place(), { recursive: true });
    const gateway = await start();
    expect(await shown(gateway)).toEqual([`0 to ${sealed - 1}`]);
    await expect.poll(() => gateway.notices).toEqual(["history-damaged"]);
    await push(gateway, sealed);
    expect(await shown(gateway)).toEqual([`0 to ${sealed - 1}`, sealed]);
  });
});

describe("a history", () => {
  it("is read no further than sixteen blocks ahead of who reads it, and an entry is found by few reads", async () => {
    const gateway = await start();
    const asked: [from: number, count: number][] = [];
    const store: Pick<typeof gateway, "store">["store"] = {
      ...gateway.store,
      blocks(tag, key, from, count) {
        asked.push([from, count]);
        return gateway.store.blocks(tag, key, from, count);
      },
    };
    const history = historyOf(store, world.tag, group());
    let seen = 0;
    for await (const _ of history.from(0)) {
      seen++;
      expect(Math.max(...asked.map(([from, count]) => from + count))).toBeLessThanOrEqual(seen - 1 + 16);
    }
    expect(seen).toBe(sealed);
    asked.length = 0;
    expect((await history.holding(27))?.position).toBe(27);
    expect(asked.reduce((sum, [, count]) => sum + count, 0)).toBeLessThan(8);
  });
});

describe("a bit that flips in a file of the history", () => {
  /** What was shown: all of it right, and all that is not shown is told. */
  async function judge(): Promise<readonly string[]> {
    const gateway = await start();
    let next = 0;
    for (const each of await shown(gateway)) {
      const [first, last] = typeof each === "number" ? [each, each] : (each.match(/\d+/g) ?? []).map(Number);
      expect(first).toBe(next);
      next = last! + 1;
    }
    expect(next).toBe(sealed);
    await new Promise((resolve) => setTimeout(resolve, 250));
    await stop(gateway);
    return gateway.notices;
  }

  /** In the log, which LevelDB reads when it opens, and in a table, which it makes of the log. */
  it.each(["log", "ldb"])(
    "hides nothing and alters nothing: .%s",
    async (kind) => {
      if (kind === "ldb") await inLevel(async (level) => level.compactRange("final/", "final0"));
      const kept = new Map(readdirSync(place()).map((file) => [file, readFileSync(join(place(), file))]));
      const name = [...kept.keys()]
        .filter((file) => file.endsWith(kind))
        .sort((a, b) => kept.get(b)!.length - kept.get(a)!.length)[0]!;
      const { length } = kept.get(name)!;
      let told = 0;
      for (let trial = 0; trial < 25; trial++) {
        rmSync(place(), { recursive: true });
        mkdirSync(place());
        for (const [file, bytes] of kept) writeFileSync(join(place(), file), bytes);
        const bytes = Buffer.from(kept.get(name)!);
        bytes[Math.floor(((trial + 0.5) * length) / 25)]! ^= 1 << (trial % 8);
        writeFileSync(join(place(), name), bytes);
        told += (await judge()).length > 0 ? 1 : 0;
      }
      expect(told).toBeGreaterThan(5);
    },
    60_000,
  );

  it.each(["CURRENT", "MANIFEST"])("is repaired where it is in what LevelDB knows of itself: %s", async (kind) => {
    const name = readdirSync(place()).find((file) => file.startsWith(kind))!;
    const bytes = readFileSync(join(place(), name));
    writeFileSync(join(place(), name), flip(bytes, bytes.length >> 1));
    await judge();
  });

  it("leaves a history whose first file is gone as it is", async () => {
    rmSync(join(place(), "CURRENT"));
    const gateway = await start();
    expect(await shown(gateway)).toEqual(sequences(0, sealed));
    expect(gateway.notices).toEqual(["history-repaired"]);
  });
});

function flip(bytes: Uint8Array, at: number): Uint8Array {
  const flipped = Uint8Array.from(bytes);
  flipped[at]! ^= 0x10;
  return flipped;
}
