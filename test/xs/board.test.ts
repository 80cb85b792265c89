import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { decodeEntry } from "../../firmware/core/pact/entry";
import { fromHex } from "../../firmware/core/wire/bytes";
import { buildFirmware } from "../../gateway/fleet/linux-board";
import type { Firmware } from "../../gateway/fleet/xs-program";
import { hostOrReason, scratchFolder, startProgram } from "./host";
import { createTwoBoards, pact, type RunningBoard } from "./two-boards";

const { reason } = await hostOrReason();
const firmware: Firmware = reason ? { host: "", program: "" } : await buildFirmware(() => {});

describe.skipIf(reason)(`a board on XS${reason ? ` (skipped: ${reason})` : ""}`, () => {
  it("finalizes the readings of its own sensors with another board, both in one order", async () => {
    const boards = createTwoBoards(firmware, scratchFolder(), 100);
    const [first, second] = [boards.start(0), boards.start(1)];
    await until(() => first.finals().length >= 12 && second.finals().length >= 12);
    await stop(first, second);
    await until(() => allSealedAreFinal(first, second));
    expect(first.told()[0]).toMatchObject({ event: "boot", engine: "XS 13.3.0", avatar: boards.avatars[0], epoch: 1 });
    expect(orderOf(second)).toEqual(orderOf(first));
    expect(withoutGaps(first)).toBe(true);
    const [load, memory, , uptime] = decodeEntry(pact.fields, fromHex(first.finals()[0]!.entries![0]!)) as number[];
    expect(load! >= 0 && memory! > 1 && uptime! > 0).toBe(true);
    const own = first.finals().filter(({ issuer }) => issuer === boards.avatars[0]);
    expect(own.every(({ latency }) => latency !== null && latency.fromPush >= latency.fromSeal)).toBe(true);
    await end(first, second);
  });

  it("says that noble does its cryptography where libsodium is missing, and agrees with a board that has it", async () => {
    const boards = createTwoBoards(firmware, scratchFolder(), 200);
    const [first, second] = [boards.start(0, { VERTEBRA_SODIUM: "off" }), boards.start(1)];
    await until(() => first.finals().length >= 3 && second.finals().length >= 3);
    expect(first.told()[0]).toMatchObject({ event: "boot", crypto: "noble" });
    await end(first, second);
  });

  it("loses no sealed entry and doubles none when it is killed at any moment and started again", async () => {
    const boards = createTwoBoards(firmware, scratchFolder(), 60);
    const first = boards.start(0);
    await first.printed('"boot"');
    const lives: RunningBoard[] = [];
    for (let life = 0; life < 12; life++) {
      const board = boards.start(1);
      lives.push(board);
      // Some die before their first word; the others in what they do after it, the later the longer they live.
      if (life % 4 !== 0) await board.printed('"boot"');
      await sleep(life * 83);
      board.child.kill("SIGKILL");
      await board.ended;
    }
    const last = boards.start(1);
    lives.push(last);
    await last.printed('"up":true');
    await until(() => last.sealed().length >= 3);
    await stop(first, last);
    const sealed = () => [first, ...lives].flatMap((board) => board.sealed().map(({ block }) => block));
    const final = (board: RunningBoard) => board.finals().map(({ block }) => block);
    await until(
      () => sealed().every((block) => final(first).includes(block)) && final(last).at(-1) === final(first).at(-1),
    );
    await end(first, last);
    expect(withoutGaps(first)).toBe(true);
    // What a life made final and was killed before it told, its flash tells.
    const stored = boards.stored(1);
    expect(stored).toEqual(orderOf(first).slice(-stored.length));
    expect(stored.length).toBeGreaterThanOrEqual(Math.min(64, first.finals().length));
    const counters = lives.flatMap((board) => board.sealed().map(({ counter }) => counter));
    expect(new Set(counters).size).toBe(counters.length);
    expect(counters.length).toBeGreaterThan(10);
  }, 60_000);

  it("refuses the flash of another participant, with the remedy, and leaves it as it is", async () => {
    const folder = scratchFolder();
    const boards = createTwoBoards(firmware, folder, 1000);
    const first = boards.start(0);
    await first.printed('"sealed"');
    await end(first);
    copyFileSync(join(folder, "flash-0"), join(folder, "flash-1"));
    const { status, stderr } = await boards.start(1).ended;
    expect(status).toBe(1);
    expect(stderr).toMatch(/^This store belongs to another participant: .* \(store-foreign\)\n$/);
    const again = boards.start(0);
    await again.printed('"epoch":2');
    await end(again);
  });

  it("refuses a flash that another process has", async () => {
    const boards = createTwoBoards(firmware, scratchFolder(), 1000);
    const first = boards.start(0);
    await first.printed('"boot"');
    const { status, stderr } = await boards.start(0).ended;
    expect([status, stderr.includes("(flash-busy)")]).toEqual([1, true]);
    await end(first);
  });

  it("tells once that its serial line is missing, seals meanwhile, and goes on when the line is there", async () => {
    const boards = createTwoBoards(firmware, scratchFolder(), 100);
    const second = boards.start(1);
    await until(() => second.sealed().length >= 1);
    await sleep(1200);
    expect(second.told().filter((line) => line.event === "notice")).toMatchObject([{ code: "serial-missing" }]);
    const first = boards.start(0);
    await until(() => first.finals().length >= 5 && second.finals().length >= 5);
    await end(first, second);
  });

  it("tells what is wrong with its command line", async () => {
    for (const [parameters, words] of [
      [["--provision", "x"], "one of --pty and --serial"],
      [["--pty", "x", "--flash", "y"], "one of --provision and --identity"],
      [["--pty", "x", "--provision", "y"], "--flash is missing"],
      [["--color"], "'--color' is no option"],
    ] as const) {
      const { status, stderr } = await startProgram(firmware.host, [firmware.program, ...parameters]).ended;
      expect([status, stderr.includes(words)]).toEqual([2, true]);
    }
  });
});

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 25_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error("It did not come about in 25 s");
    await sleep(50);
  }
}

/** Until none of them has anything left to seal: what is final then stays as it is. */
async function stop(...boards: RunningBoard[]): Promise<void> {
  for (const board of boards) board.child.stdin.write("stop\n");
  await until(() => boards.every(hasSealedAll));
}

/** Of what it pushed since it was started, as it told after it stopped. */
function hasSealedAll(board: RunningBoard): boolean {
  const told = board.told();
  const stopped = told.findIndex(({ event }) => event === "stopped");
  if (stopped < 0) return false;
  return told.slice(stopped).some((line) => line.event === "stats" && line.pushed === line.sealed + line.refused);
}

async function end(...boards: RunningBoard[]): Promise<void> {
  for (const board of boards) board.child.kill("SIGTERM");
  for (const board of boards) expect((await board.ended).status).toBe(0);
}

/** All that both sealed is final at both. */
function allSealedAreFinal(first: RunningBoard, second: RunningBoard): boolean {
  const sealed = [...first.sealed(), ...second.sealed()].map(({ block }) => block);
  return [first, second].every((board) => {
    const final = new Set(board.finals().map(({ block }) => block));
    return sealed.every((block) => final.has(block));
  });
}

function orderOf(board: RunningBoard): [number, string][] {
  return board.finals().map(({ position, block }) => [position, block]);
}

function withoutGaps(board: RunningBoard): boolean {
  let next = 0;
  return board.finals().every(({ position, firstEntry, count }, index) => {
    const right = position === index && firstEntry === next;
    next += count!;
    return right;
  });
}
