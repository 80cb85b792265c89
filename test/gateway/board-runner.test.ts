import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { RunningBoard } from "../../gateway/fleet/board-process";
import { startLinuxBoard } from "../../gateway/fleet/linux-board";
import type { Board } from "../../gateway/world/world";
import { hostOrReason, scratchFolder } from "../xs/host";
import { boardEvents } from "./worlds";

const { path: host, reason } = await hostOrReason();

/** A board whose program is this one, and what it printed. */
function run(source: string): { readonly board: RunningBoard; readonly lines: string[] } {
  const program = join(scratchFolder(), "program.js");
  writeFileSync(program, source);
  const place: Board = {
    name: "board-1",
    avatar: new Uint8Array(32),
    provisionFile: "provision",
    definitionFile: "board.json",
    flashFile: "flash",
    terminal: "terminal",
  };
  const lines: string[] = [];
  const firmware = { host, program, sandbox: "sandbox.js" };
  const board = startLinuxBoard(
    firmware,
    place,
    "words",
    boardEvents((line) => lines.push(line)),
  );
  return { board, lines };
}

const reset = "const at = native.arguments.indexOf('--reset'); const reset = native.arguments[at + 1];";

describe.skipIf(reason)(`a board as a process${reason ? ` (skipped: ${reason})` : ""}`, () => {
  it("is started again where it met a limit, and told how it ended", async () => {
    const { board, lines } = run(`${reset}
      native.onTerminate(() => native.exit(0));
      if (at < 0) { native.sandbox.limit(1000, 1e6, 60000); for (;;); }
      else if (reset === "75") { native.sandbox.limit(4e9, 1e8, 20); for (;;); }
      else native.print("up after " + reset);`);
    const first = board.pid;
    while (lines.length === 0) await sleep(20);
    expect(lines).toEqual(["up after 142"]);
    expect(board.pid).not.toBe(first);
    expect(await board.end()).toBe(0);
  });

  it("stays down when it ends otherwise", async () => {
    for (const status of [0, 1, 70, 74]) expect(await run(`native.exit(${status})`).board.ended).toBe(status);
  });

  it("stays down when it meets a limit again and again", async () => {
    const { board, lines } = run(`${reset} native.print(String(reset)); native.exit(71);`);
    expect(await board.ended).toBe(71);
    expect(lines).toHaveLength(9);
  });

  it("stays down when it was told to end while it met a limit", async () => {
    const { board, lines } = run(
      "native.print('up'); native.onTerminate(() => native.exit(75)); native.input(() => {});",
    );
    while (lines.length === 0) await sleep(20);
    expect(await board.end()).toBe(75);
    expect(lines).toEqual(["up"]);
  });
});
