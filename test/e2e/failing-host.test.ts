import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Line } from "../../firmware/device/lines";
import { type BoardFirmware, buildFirmware } from "../../gateway/fleet/linux-board";
import { nodeRandom } from "../../gateway/participant/platform";
import { createWorld, readDefinition, type World } from "../../gateway/world/world";
import { crypto } from "../gateway/worlds";
import { hostOrReason, startOnXs } from "../xs/host";

/** A board on a machine that is not well: what fails is told with a remedy, waited for where it may pass, and everything is let go of. */

const { reason } = await hostOrReason();

describe.skipIf(reason)(`a board on a machine that fails${reason ? ` (skipped: ${reason})` : ""}`, () => {
  let firmware: BoardFirmware;
  const directories: string[] = [];
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    firmware = await buildFirmware(() => {});
  }, 120_000);

  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
  });

  function worldOfOne(): World {
    const directory = mkdtempSync(join(tmpdir(), "vertebra-failing-"));
    directories.push(directory);
    const plan = { boards: [readDefinition("simulated")], sagas: [] };
    return createWorld(crypto, nodeRandom(), join(directory, "world"), plan);
  }

  /** Starts the one board of a world by the shell, which may limit it first. */
  function start(
    { boards }: World,
    limits = "",
    env: Record<string, string> = {},
    flash = boards[0]!.flashFile,
    wire = ["--pty", boards[0]!.terminal],
  ) {
    const { provisionFile, definitionFile } = boards[0]!;
    const files = ["--provision", provisionFile, "--flash", flash, ...wire, "--board", definitionFile];
    const all = [firmware.host, firmware.program, ...files, "--sandbox", firmware.sandbox, "--json"];
    const child = spawn("bash", ["-c", `${limits} exec "$@"`, "bash", ...all], { env: { ...process.env, ...env } });
    children.push(child);
    const lines: Line[] = [];
    let errors = "";
    createInterface({ input: child.stdout }).on("line", (line) => lines.push(JSON.parse(line)));
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors += text;
    });
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    return { child, lines, ended, errors: () => errors };
  }

  const told = (lines: readonly Line[], code: string) =>
    lines.filter((line) => line.event === "notice" && line.code === code).length;
  const count = (lines: readonly Line[], event: Line["event"]) => lines.filter((line) => line.event === event).length;
  const until = { timeout: 20_000 };

  it("waits for a disk without room for its flash, and starts when there is", async () => {
    const { child, lines } = start(worldOfOne(), "ulimit -Sf 1000;");
    await expect.poll(() => told(lines, "flash-space"), until).toBe(1);
    expect(count(lines, "boot")).toBe(0);
    execFileSync("prlimit", ["--fsize=unlimited:unlimited", "--pid", `${child.pid}`]);
    await expect.poll(() => count(lines, "boot"), until).toBe(1);
  });

  it("whose disk is full all at once lets go of everything, begins anew when it has room, and is stopped still where it was told to", async () => {
    const { child, lines, errors } = start(worldOfOne());
    await expect.poll(() => count(lines, "boot"), until).toBe(1);
    execFileSync("prlimit", ["--fsize=0:unlimited", "--pid", `${child.pid}`]);
    child.stdin.write("halt\n");
    await expect.poll(() => told(lines, "flash-space"), until).toBeGreaterThan(0);
    execFileSync("prlimit", ["--fsize=unlimited:unlimited", "--pid", `${child.pid}`]);
    await expect.poll(() => count(lines, "boot"), until).toBe(2);
    child.stdin.write("stop\n");
    await expect.poll(() => count(lines, "stopped"), until).toBe(1);
    const last = lines.filter((line) => line.event === "capability" && line.capability === "relay").at(-1);
    expect(last).toMatchObject({ value: false, why: "stop" });
    expect(errors()).toBe("");
  });

  it("has its line set back where another program sets it otherwise", async () => {
    const world = worldOfOne();
    const { lines } = start(world);
    await expect.poll(() => count(lines, "boot"), until).toBe(1);
    const { terminal } = world.boards[0]!;
    execFileSync("stty", ["-F", terminal, "icanon", "echo", "icrnl", "opost"]);
    await expect.poll(() => told(lines, "serial-settings"), until).toBe(1);
    expect(execFileSync("stty", ["-F", terminal, "-a"], { encoding: "utf8" })).toContain("-icanon");
  });

  it("waits for a port that is not there yet, and again where it went away", async () => {
    const world = worldOfOne();
    const port = join(directories[0]!, "port");
    const { lines } = start(world, "", {}, world.boards[0]!.flashFile, ["--serial", port]);
    await expect.poll(() => told(lines, "serial-missing"), until).toBe(1);
    for (const missing of [1, 2]) {
      const other = startOnXs(
        firmware.host,
        `native.serial.openTerminal(${JSON.stringify(port)}, () => native.print("heard"), () => {}); native.onTerminate(() => native.exit(0));`,
      );
      children.push(other.child);
      await other.printed("heard");
      other.child.kill("SIGTERM");
      await expect.poll(() => told(lines, "serial-missing"), until).toBe(missing + 1);
    }
  });

  it("goes on where the clock shows a time before 1970, and says so", async () => {
    const world = worldOfOne();
    const { lines, errors } = start(world, "", { LD_PRELOAD: earlyClock() });
    await expect.poll(() => count(lines, "sealed"), until).toBeGreaterThan(0);
    expect(told(lines, "clock-unset")).toBe(1);
    expect(errors()).toBe("");
  });

  it("ends with a sentence and a remedy where its flash can't be there", async () => {
    const world = worldOfOne();
    const directory = directories[0]!;
    writeFileSync(join(directory, "short"), "mine");
    for (const [flash, code] of [
      [directory, "flash-path"],
      [join(directory, "none", "flash"), "flash-path"],
      [join(directory, "short"), "flash-size"],
    ] as const) {
      const { ended, errors } = start(world, "", {}, flash);
      expect(await ended).toBe(1);
      expect(errors()).toContain(`(${code})`);
      expect(errors()).not.toContain("bug");
    }
  });

  /** A library by which the wall clock shows a day of 1969. */
  function earlyClock(): string {
    const folder = mkdtempSync(join(tmpdir(), "vertebra-clock-"));
    directories.push(folder);
    const source = `#include <sys/syscall.h>
      #include <time.h>
      #include <unistd.h>
      int clock_gettime(clockid_t clock, struct timespec* now) {
        int failed = (int)syscall(SYS_clock_gettime, clock, now);
        if (clock == CLOCK_REALTIME) now->tv_sec = -86400;
        return failed;
      }`;
    writeFileSync(join(folder, "clock.c"), source);
    execFileSync("gcc", ["-shared", "-fPIC", "-o", join(folder, "clock.so"), join(folder, "clock.c")]);
    return join(folder, "clock.so");
  }
});
