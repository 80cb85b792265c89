import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { finalKey } from "../../firmware/core/block/final-record";
import { type FailingDisk, failingDisk } from "./failing-disk";
import { openedStore } from "./stores";
import { encodedReading, gatewayOf, pulled, worldOfOne } from "./worlds";

const owner = new Uint8Array(32).fill(7);
const none: ReadonlySet<string> = new Set();
const claim = "w/tag/slot/g/0";
const final = finalKey("tag", "00", 0);

let directory: string;
let disk: FailingDisk;
let store: Awaited<ReturnType<typeof openedStore>>;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "vertebra-full-"));
  disk = failingDisk();
  store = await openedStore(directory, owner, disk);
});
afterEach(async () => {
  disk.fails = undefined;
  await store.close();
  rmSync(directory, { recursive: true });
});

/** Resolves to whether the write was done within a moment. */
async function doneSoon(write: Promise<void>): Promise<boolean> {
  return Promise.race([write.then(() => true), new Promise<false>((resolve) => setTimeout(resolve, 50, false))]);
}

/** What the system says, and in which words LevelDB passes it on. */
const troubles: [system: string, words: string][] = [
  ["ENOSPC", "No space left on device"],
  ["EDQUOT", "Disk quota exceeded"],
  ["EMFILE", "Too many open files"],
  ["EROFS", "Read-only file system"],
  ["EACCES", "Permission denied"],
  ["EIO", "Input/output error"],
];

describe("a store whose disk fails", () => {
  it.each(troubles)("by %s waits, says so once, and goes on when it works again", async (code, words) => {
    const told = `system-${code.toLowerCase()}`;
    for (const [key, value] of [
      [claim, Uint8Array.of(1)],
      [final, Uint8Array.of(2)],
    ] as const) {
      store.notices.length = 0;
      disk.fails = [code, words];
      const write = store.write(new Map([[key, value]]), none);
      expect(await doneSoon(write)).toBe(false);
      expect(store.trouble()).toMatchObject({ code: told, remedy: expect.stringMatching(/./) });
      expect(await store.read(claim)).toEqual(key === claim ? undefined : Uint8Array.of(1));
      disk.fails = undefined;
      await write;
      expect(store.trouble()).toBeUndefined();
      expect(store.notices).toEqual([told, "store-goes-on"]);
    }
    await store.close();
    store = await openedStore(directory, owner);
    expect(await store.read(claim)).toEqual(Uint8Array.of(1));
  });

  it("bears that LevelDB can't be opened anew at first", async () => {
    await store.write(new Map([[final, Uint8Array.of(2)]]), none);
    disk.fails = ["ENOSPC", "No space left on device"];
    const write = store.write(new Map([[final, Uint8Array.of(3)]]), none);
    await expect.poll(() => store.notices).toEqual(["system-enospc"]);
    disk.failsToOpen = 2;
    disk.fails = undefined;
    await write;
    expect(disk.failsToOpen).toBeLessThan(0);
    expect(store.notices).toEqual(["system-enospc", "store-goes-on"]);
  });

  it("has its history put together again where LevelDB takes no more for a damaged table, and loses no write by it", async () => {
    await store.write(new Map([[final, Uint8Array.of(2)]]), none);
    disk.corrupted = true;
    await store.write(
      new Map([
        [claim, Uint8Array.of(1)],
        [final, Uint8Array.of(3)],
      ]),
      none,
    );
    expect(store.notices).toEqual(["history-repaired"]);
    expect(await store.read(claim)).toEqual(Uint8Array.of(1));
  });

  it("keeps the order of what waits, and loses nothing of it", async () => {
    disk.fails = ["ENOSPC", "No space left on device"];
    const writes = [1, 2, 3].map((value) => store.write(new Map([[claim, Uint8Array.of(value)]]), none));
    await doneSoon(writes[2]!);
    disk.fails = undefined;
    await Promise.all(writes);
    expect(await store.read(claim)).toEqual(Uint8Array.of(3));
  });

  it("tells a trouble that turned into another one", async () => {
    disk.fails = ["ENOSPC", "No space left on device"];
    const write = store.write(new Map([[claim, Uint8Array.of(1)]]), none);
    await doneSoon(write);
    disk.fails = ["EROFS", "Read-only file system"];
    await expect.poll(() => store.notices).toEqual(["system-enospc", "system-erofs"]);
    disk.fails = undefined;
    await write;
  });

  it("rejects what waits when the gateway ends, with why", async () => {
    disk.fails = ["ENOSPC", "No space left on device"];
    const write = store.write(new Map([[claim, Uint8Array.of(1)]]), none);
    const rejected = expect(write).rejects.toMatchObject({ code: "system-enospc" });
    await doneSoon(write);
    store.giveUp();
    await rejected;
  });

  it("writes again what a sync that failed may have lost, whichever of its operations fails", async () => {
    const before = disk.operations;
    await store.write(new Map([[claim, Uint8Array.of(1)]]), none);
    // The record, its sync, its commit word, and its sync.
    expect(disk.operations - before).toBe(4);
    for (const [failing, repeated] of [0, 1, 0, 1].entries()) {
      const from = disk.operations;
      disk.failOnceAt = from + failing;
      await store.write(new Map([[claim, Uint8Array.of(2 + failing)]]), none);
      expect(disk.operations - from).toBe(4 + 1 + repeated);
      expect(await store.read(claim)).toEqual(Uint8Array.of(2 + failing));
    }
  });
});

describe("a gateway whose disk is full", () => {
  it("refuses pushes by that name, shows what it has, and goes on with what waited when there is room", async () => {
    const world = worldOfOne(join(directory, "world"));
    const full = failingDisk();
    const gateway = await gatewayOf(world, [], false, full);
    const group = world.catalog.group("machine");
    const push = (load: number) => gateway.channel.push(group, encodedReading(group, load));
    await (await push(0)).final;
    full.fails = ["ENOSPC", "No space left on device"];
    const waiting = push(1);
    await expect.poll(() => gateway.notices).toEqual(["system-enospc"]);
    await expect(push(2)).rejects.toMatchObject({ code: "system-enospc", remedy: expect.stringContaining("room") });
    expect((await pulled(gateway, "machine")).map(({ entry }) => entry?.load)).toEqual([0]);
    full.fails = undefined;
    expect(await (await waiting).final).toBe(1);
    expect(await (await push(3)).final).toBe(2);
    expect((await pulled(gateway, "machine")).map(({ entry }) => entry?.load)).toEqual([0, 1, 3]);
    expect(gateway.notices).toEqual(["system-enospc", "store-goes-on"]);
    expect(gateway.told).toEqual([]);
    await gateway.close();
  });

  it("ends when it is asked to, and comes back with what was said to be sealed", async () => {
    const world = worldOfOne(join(directory, "world"));
    const full = failingDisk();
    const first = await gatewayOf(world, [], false, full);
    const group = world.catalog.group("machine");
    const entry = (load: number) => encodedReading(group, load);
    await (await first.channel.push(group, entry(0))).final;
    full.fails = ["ENOSPC", "No space left on device"];
    const refused = expect(first.channel.push(group, entry(1))).rejects.toThrow();
    await expect.poll(() => first.notices).toEqual(["system-enospc"]);
    await first.close();
    await refused;
    const gateway = await gatewayOf(world);
    expect((await pulled(gateway, "machine")).map(({ entry }) => entry?.load)).toEqual([0]);
    await gateway.close();
  });
});
