import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { decodeEntry } from "../../firmware/core/pact/entry";
import { encodePact, pactId, syncGroupId } from "../../firmware/core/pact/pact";
import { encodeSyncGroup } from "../../firmware/core/wire/structures";
import { nobleCrypto } from "../../firmware/device/noble";
import { hostFlash } from "../../firmware/device/ports";
import { readSource, sources } from "../../firmware/device/readings";
import type { Native } from "../../firmware/native/native";
import { pact } from "./two-boards";

const folder = join(import.meta.dirname, "../../boards/linux");
const definition = JSON.parse(readFileSync(join(folder, "board.json"), "utf8")) as {
  flash: { size: number; sectorSize: number };
  sensors: { name: string }[];
};
const sensors: Native["sensors"] = {
  load: () => 0.5,
  memoryUsed: () => 100,
  memoryPercent: () => 10,
  temperature: () => Number.NaN,
  uptime: () => 12.6,
};

function sourcesWith(names: readonly string[]) {
  const crypto = nobleCrypto();
  const encoded = encodePact({ ...pact, fields: names.map((name) => ({ name, type: { kind: "f64" as const } })) });
  const group = encodeSyncGroup({ pact: pactId(crypto, encoded), owners: [new Uint8Array(32)] });
  const readings = [{ group: syncGroupId(crypto, group), everyMs: 100 }];
  return sources(crypto, { pacts: [encoded], groups: [group], readings }, sensors);
}

describe("the definition of the board linux", () => {
  it("names every sensor that its program reads", () => {
    const names = definition.sensors.map(({ name }) => name);
    const fields = names.map((name) => ({ name, type: { kind: "f64" as const } }));
    expect(decodeEntry(fields, readSource(sourcesWith(names)[0]!))).toEqual([0.5, 100, 10, Number.NaN, 12.6]);
    expect(() => sourcesWith(["humidity"])).toThrow("no sensor for field 'humidity' of pact 'machine'");
  });

  it("has the flash that its program opens", () => {
    const opened: number[] = [];
    const flash = { open: (_path: string, size: number, sectorSize: number) => opened.push(size, sectorSize) };
    hostFlash({ flash } as unknown as Native, "flash", {
      failed(error) {
        throw error;
      },
    });
    expect(opened).toEqual([definition.flash.size, definition.flash.sectorSize]);
  });
});
