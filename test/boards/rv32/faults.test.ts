import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildRv32Firmware, startRv32Board } from "../../../gateway/fleet/rv32-board";
import { layOutFlash, provisionSector } from "../../../gateway/fleet/rv32-flash";
import { nodeRandom } from "../../../gateway/participant/platform";
import { type Board, createWorld, readDefinition } from "../../../gateway/world/world";
import { boardEvents, crypto } from "../../gateway/worlds";
import { firmwareOrReason, runOnRv32 } from "./emulated";

const { image, reason } = await firmwareOrReason();

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vertebra-rv32-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function boardIn(directory: string): Board {
  const plan = { boards: [readDefinition("rv32")], sagas: [] };
  return createWorld(crypto, nodeRandom(), directory, plan).boards[0]!;
}

const part = (length: number) => ["provision", new Uint8Array(length).fill(7)] as const;

describe("the flash of an emulated board", () => {
  it("is made once, and never written over", () => {
    const board = boardIn(join(folder, "world"));
    layOutFlash(board);
    const { ino, size } = statSync(board.flashFile);
    expect(size).toBe(32 * 1024 * 1024);
    layOutFlash(board);
    expect(statSync(board.flashFile).ino).toBe(ino);
  });

  it("is not that of a board that ran elsewhere, which is said with the remedy", () => {
    const board = boardIn(join(folder, "world"));
    writeFileSync(board.flashFile, "what it promised as a Linux board");
    expect(() => layOutFlash(board)).toThrow(expect.objectContaining({ code: "flash-size" }));
    expect(statSync(board.flashFile).size).toBe(33);
  });

  it("has room for a provision of a sector, and says where there is more", () => {
    expect(() => provisionSector([part(256 * 1024 - 100)])).not.toThrow();
    expect(() => provisionSector([part(256 * 1024)])).toThrow(expect.objectContaining({ code: "provision-size" }));
  });
});

describe("an emulated board", () => {
  it("whose line has too long a name for a socket is not started", () => {
    const board = { ...boardIn(join(folder, "world")), terminal: join(folder, "x".repeat(108)) };
    const start = () =>
      startRv32Board(
        { path: "", firmware: 0, program: 0 },
        board,
        "json",
        boardEvents(() => {}),
      );
    expect(start).toThrow(expect.objectContaining({ code: "socket-path" }));
  });

  it("is not built where QEMU is missing, which is said with the remedy", async () => {
    const path = process.env.PATH;
    process.env.PATH = folder;
    try {
      const told = { code: "no-qemu", remedy: expect.stringContaining("apt-get install qemu-system-misc") };
      await expect(buildRv32Firmware(() => {})).rejects.toMatchObject(told);
    } finally {
      process.env.PATH = path;
    }
  });
});

describe.skipIf(reason)("an emulated board that runs", () => {
  it("does not start on a provision that is damaged in any of its parts, and says so", async () => {
    for (const at of [0, 24, 30, 60]) {
      const { status, lines } = await runOnRv32(image!, folder, [part(64)], (sector) => {
        sector[at]! ^= 1;
      });
      expect(lines).toEqual([expect.stringContaining("(provision-damaged)")]);
      expect(status).toBe(1);
    }
  });

  it("ends with a status of its own where its memory ends, for whoever starts it again", async () => {
    // A provision of 200 KB does not fit beside the program in 520 KB.
    const { status, lines } = await runOnRv32(image!, folder, [part(250_000)]);
    expect(lines).toEqual(["vertebra-xs: the JavaScript machine ran out of memory."]);
    expect(status).toBe(71);
  });
});
