import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Line } from "../../firmware/device/lines";
import { buildFirmware, startLinuxBoard } from "../../gateway/fleet/linux-board";
import { nodeRandom } from "../../gateway/participant/platform";
import { createWorld, readDefinition } from "../../gateway/world/world";
import { crypto } from "../gateway/worlds";
import { hostOrReason } from "../xs/host";

const { reason } = await hostOrReason();

describe.skipIf(reason)(`a board that can't hold its groups${reason ? ` (skipped: ${reason})` : ""}`, () => {
  it("says so before it begins: its actuators are safe, and it has written nothing", { timeout: 60_000 }, async () => {
    const directory = mkdtempSync(join(tmpdir(), "vertebra-memory-"));
    const plan = { boards: [readDefinition("simulated")], sagas: [] };
    const board = createWorld(crypto, nodeRandom(), join(directory, "world"), plan).boards[0]!;
    // As one that was made for another machine: a world is not made so.
    const definition = JSON.parse(readFileSync(board.definitionFile, "utf8"));
    writeFileSync(board.definitionFile, JSON.stringify({ ...definition, memory: { size: 40_000, firmware: 30_000 } }));
    const lines: Line[] = [];
    const complaints: string[] = [];
    const running = startLinuxBoard(await buildFirmware(() => {}), board, "json", {
      printed: (line) => void lines.push(JSON.parse(line)),
      complained: (line) => complaints.push(line),
      notice: () => {},
    });
    expect(await running.ended).toBe(1);
    const set = lines.flatMap((line) => (line.event === "capability" ? [[line.capability, line.value]] : []));
    expect(Object.fromEntries(set)).toEqual({ relay: false, lamp: false, fan: 0, arm: 90, drive: 0 });
    expect(complaints.join()).toMatch(/has 40 KB of memory, of which its firmware leaves 10 KB.*\(board-memory\)/);
    expect(existsSync(board.flashFile)).toBe(false);
    rmSync(directory, { recursive: true });
  });
});
