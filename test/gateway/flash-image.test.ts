import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { formatVersion } from "../../firmware/store/front";
import { openJournal, writeRecords } from "../../firmware/store/journal";
import { textOf } from "../../firmware/store/names";
import { readValue } from "../../firmware/store/places";
import { keysIn } from "../../firmware/store/table";
import { provisionSector } from "../../gateway/fleet/rv32-flash";
import { flashSize } from "../../gateway/fleet/rv32-image";
import { nodeDisk } from "../../gateway/participant/disk";
import { inspectImage } from "../../gateway/participant/flash-image";
import { createPromises } from "../../gateway/participant/promises";
import { noWear } from "../store/all-records";
import { createNor } from "../store/nor";

const owner = new Uint8Array(32).fill(7);
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "vertebra-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function imageOf(sectorSize: number, writeSize: number): string {
  const nor = createNor(12, sectorSize, writeSize);
  const journal = openJournal(nor.flash, owner, noWear);
  for (let step = 0; step < 100; step++) {
    writeRecords(journal, new Map([[`w/t/slot/g/${step % 5}`, new Uint8Array(60).fill(step)]]), new Set());
  }
  const path = join(directory, "image");
  writeFileSync(path, nor.bytes);
  return path;
}

describe("the image of a flash", () => {
  for (const [sectorSize, writeSize] of [
    [512, 4],
    [1024, 16],
    [4096, 32],
  ] as const) {
    it(`of sectors of ${sectorSize} bytes, programmed by ${writeSize}, is read with its wear and its records, and not changed`, () => {
      const path = imageOf(sectorSize, writeSize);
      const before = readFileSync(path);
      const { prepared, sectors, log, names } = inspectImage(path);
      expect(prepared).toMatchObject({ version: formatVersion, sectorSize, sectors: 12, owner });
      expect(sectors.filter(({ state }) => state === "log").length).toBeGreaterThan(0);
      const keys = [...keysIn(log.table)].flatMap((key) => textOf(names, key) ?? []);
      expect(keys.sort()).toEqual([0, 1, 2, 3, 4].map((step) => `w/t/slot/g/${step}`));
      for (const key of keysIn(log.table)) expect(readValue(log, key)!.length).toBeGreaterThan(0);
      expect(readFileSync(path)).toEqual(before);
    });
  }

  it("may be a gateway's journal", async () => {
    const path = join(directory, "journal");
    await createPromises(nodeDisk, path, owner, 64 * 1024, new Map([["w/t/state", Uint8Array.of(1)]]));
    expect(inspectImage(path).sectors.length).toBe(16);
  });

  it("may be an emulated board's, whose store lies behind what it was provisioned with", () => {
    const nor = createNor(8, 256 * 1024, 4);
    writeRecords(openJournal(nor.flash, owner, noWear), new Map([["w/t/state", Uint8Array.of(1)]]), new Set());
    const path = join(directory, "flash");
    const image = Buffer.concat([provisionSector([["provision", Uint8Array.of(1)]]), nor.bytes]);
    writeFileSync(path, image);
    truncateSync(path, flashSize);
    expect(inspectImage(path)).toMatchObject({ prepared: { owner, sectorSize: 256 * 1024 }, sectors: { length: 8 } });
  });

  it("that is damaged, or no store, is told by name", () => {
    const path = imageOf(512, 4);
    const bytes = readFileSync(path);
    const sector = inspectImage(path).sectors.findIndex(({ state }) => state === "log");
    bytes[512 * sector + 128 + 9]! ^= 1;
    writeFileSync(path, bytes);
    expect(() => inspectImage(path)).toThrow("damaged");
    writeFileSync(path, new Uint8Array(8192).fill(3));
    expect(() => inspectImage(path)).toThrow("No store");
    expect(() => inspectImage(join(directory, "none"))).toThrow("none can't be read");
  });
});
