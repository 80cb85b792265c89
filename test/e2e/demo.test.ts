import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Summary } from "../../gateway/demo/summary";
import { run, startCommand } from "../gateway/command";
import { root } from "../house/sources";
import { reason } from "./bench";

const leftovers = () => readdirSync(tmpdir()).filter((name) => name.startsWith("vertebra-demo-"));

/** Of processes alone, whatever else this machine could run. */
const startDemo = (...words: string[]) => startCommand("demo", "--no-emulated", ...words);

describe.skipIf(reason)("the demo", () => {
  it("ends with everything final that three boards on XS sealed, in one order on both sides", async () => {
    const { status, stdout, stderr } = await startDemo("--for", "6s", "--json").ended;
    const summary: Summary = JSON.parse(stdout);
    expect(summary.failures).toEqual([]);
    expect({ status, ok: summary.ok, stderr }).toEqual({ status: 0, ok: true, stderr: "" });
    expect(summary.boards).toHaveLength(3);
    for (const board of summary.boards) {
      expect(board.engine).toMatch(/^XS /);
      expect(board.finalized).toBe(board.sealed);
      // Saga states and what a board can do are sealed, too, and no sensor pushed them.
      expect(board.sealed).toBeGreaterThanOrEqual(board.pushed);
      expect(board.finalized).toBeGreaterThan(5);
      const [first, last] = board.sequences[`machine@${board.name}`]!;
      expect(first).toBe(0);
      expect(last).toBeGreaterThan(2);
      expect(board.latencyMs.p99).toBeGreaterThan(0);
    }
    expect(summary.groups.find((group) => group.name === "machine-shared")!.entries).toBeGreaterThan(5);
  }, 60_000);

  it("shows a thermometer that moves the relay of another board, and the relay let go when its cable is pulled out", async () => {
    const { status, stdout, stderr } = await startDemo("--for", "43s", "--pull", "8s", "--json").ended;
    const { failures, thermostat }: Summary = JSON.parse(stdout);
    expect({ status, failures, stderr }).toEqual({ status: 0, failures: [], stderr: "" });
    expect(thermostat.readings).toBeGreaterThan(10);
    expect(thermostat.operated).toBeGreaterThan(3);
    // After 6 s of silence, which begins at the latest keepalive of 4 s before, and before the cable is put back.
    expect(thermostat.pulled!.safeAfterMs).toBeGreaterThan(1000);
    expect(thermostat.pulled!.safeAfterMs).toBeLessThan(10_000);
    expect(thermostat.pulled!.operatedAfterMs).toBeGreaterThan(0);
  }, 120_000);

  it("can be asked, from another terminal, as any world with a gateway", async () => {
    const demo = startDemo("--for", "60s");
    const said = await new Promise<string>((resolve) => demo.child.stderr.once("data", resolve));
    const [, directory] = /vertebra status --dir (\S+)\n/.exec(said)!;
    const ask = async (...words: string[]) =>
      JSON.parse((await run(...words, "--dir", directory!, "--json")).stdout.split("\n")[0]!);
    const groups = async () => (await ask("status")).groups;
    const finalEntries = async () =>
      (await groups()).find(({ name }: { name: string }) => name === "machine-shared").finalEntries;
    await expect.poll(finalEntries, { timeout: 40_000 }).toBeGreaterThan(0);
    expect(await ask("tail", "machine-shared", "--no-follow")).toMatchObject({ group: "machine-shared", sequence: 0 });
    expect(await ask("why", "machine-shared/0")).toMatchObject({ state: "final" });
    demo.child.kill("SIGINT");
    await demo.ended;
  }, 90_000);

  it("refuses to pull a cable for which there is no time", async () => {
    const { status, stderr } = await startDemo("--for", "20s", "--pull", "5s").ended;
    expect(status).toBe(2);
    expect(stderr).toMatch(/too short to see a relay let go 5 s after the start[\s\S]*--for 40s/);
  });

  it("takes everything down on Ctrl-C, and still tells the result", async () => {
    const before = leftovers();
    const demo = startDemo("--json");
    await expect.poll(() => leftovers().length, { timeout: 20_000 }).toBeGreaterThan(before.length);
    await new Promise((resolve) => setTimeout(resolve, 4000));
    demo.child.kill("SIGINT");
    const { status, stdout } = await demo.ended;
    expect({ status, failures: JSON.parse(stdout).failures }).toEqual({ status: 0, failures: [] });
    expect(leftovers()).toEqual(before);
  }, 60_000);

  it("leaves nothing behind when it is asked to end twice", async () => {
    const before = leftovers();
    const demo = startDemo("--json");
    await expect.poll(() => leftovers().length, { timeout: 20_000 }).toBeGreaterThan(before.length);
    const [mine] = leftovers().filter((name) => !before.includes(name));
    demo.child.kill("SIGINT");
    demo.child.kill("SIGTERM");
    await demo.ended;
    expect(existsSync(`${tmpdir()}/${mine}`)).toBe(false);
    expect(boardsRunningIn(mine!)).toEqual([]);
  }, 60_000);
});

describe.skipIf(reason)("a machine that has QEMU, and no compiler for the emulated board,", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "vertebra-bare-"));
    // The host is built here, and nothing of the emulated board.
    for (const part of ["package.json", "firmware", "gateway", "boards", "examples", "build/native"])
      cpSync(join(root, part), join(folder, part), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    mkdirSync(join(folder, "bin"));
    // As a shell ends where it finds no program of a name; QEMU is asked for its version, and comes no further.
    for (const [name, status] of [
      ["qemu-system-riscv32", 0],
      ["riscv64-unknown-elf-gcc", 127],
    ] as const)
      writeFileSync(join(folder, "bin", name), `#!/bin/sh\nexit ${status}\n`, { mode: 0o755 });
  });
  afterEach(() => rmSync(folder, { recursive: true, maxRetries: 20, retryDelay: 100 }));

  function ask(...words: string[]) {
    const env = { ...process.env, PATH: `${folder}/bin:${process.env.PATH}` };
    return spawnSync(process.execPath, [join(folder, "gateway/cli/vertebra.mjs"), ...words], { env, encoding: "utf8" });
  }

  it("runs the demo of processes, and says how to have more; where that is asked for, it says what is missing", () => {
    const { status, stdout, stderr } = ask("demo", "--for", "3s", "--json");
    const { failures, boards }: Summary = JSON.parse(stdout);
    expect({ status, failures }).toEqual({ status: 0, failures: [] });
    expect(boards.map(({ emulated }) => emulated)).toEqual([false, false, false]);
    expect(stderr).toContain("board-3 is a process");
    expect(stderr).toContain("apt-get install gcc-riscv64-unknown-elf");
    const asked = ask("demo", "--emulated", "--for", "3s", "--json");
    expect(asked.status).toBe(1);
    expect(JSON.parse(asked.stderr).error).toMatchObject({
      code: "no-compiler",
      remedy: expect.stringContaining("apt-get install gcc-riscv64-unknown-elf"),
    });
  }, 90_000);
});

/** Processes that name this directory on their command line. */
function boardsRunningIn(directory: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(directory);
      } catch {
        // It ended while we looked.
        return false;
      }
    });
}
