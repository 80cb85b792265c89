import { spawn, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { hostOrReason, scratchFolder, startOnXs } from "./host";

const host = await hostOrReason();

function programOf(source: string): string {
  const path = join(scratchFolder(), "program.js");
  writeFileSync(path, source);
  return path;
}

/** Logs as much as is taken, again and again, and then tells on the standard error how much that was. */
const floods = `let taken = 0; let rounds = 0;
  const timer = native.timer.open(() => {
    while (native.log("x".repeat(99))) taken += 100;
    if (++rounds < 30) native.timer.set(timer, native.clock.monotonic() + 10);
    else { native.printError(taken + " bytes"); native.exit(3); }
  });
  native.timer.set(timer, native.clock.monotonic());`;

describe.skipIf(host.reason)(`what a program prints${host.reason ? ` (skipped: ${host.reason})` : ""}`, () => {
  it("holds up neither its timers nor its end where nobody reads, and is bounded", async () => {
    const child = spawn(host.path, [programOf(floods)], { stdio: ["ignore", "pipe", "pipe"] });
    let told = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      told += text;
    });
    const status = await new Promise((resolve) => child.once("exit", resolve));
    await sleep(50);
    expect(status).toBe(3);
    // What a pipe holds, and what waits for it.
    const taken = Number(told.split(" bytes")[0]);
    expect(taken >= 64 * 1024 && taken < 1024 * 1024).toBe(true);
  });

  it("comes whole, and in order, where the reader is slow", async () => {
    const source = "for (let n = 0; n < 5000; n++) native.print(n + ' ' + 'y'.repeat(90));";
    const child = spawn(host.path, [programOf(source)], { stdio: ["ignore", "pipe", "inherit"] });
    await sleep(300);
    let text = "";
    for await (const piece of child.stdout.setEncoding("utf8")) text += piece;
    const lines = text.trim().split("\n");
    expect(lines.length).toBe(5000);
    expect(lines.every((line, n) => line === `${n} ${"y".repeat(90)}`)).toBe(true);
  });

  it("is missed by nobody where the reader has gone: the program goes on", () => {
    const source = `for (let n = 0; n < 20000; n++) native.print("line " + n); native.printError("went on"); native.exit(4);`;
    const { stderr } = spawnSync("sh", ["-c", `"$0" "$1" | head -1; true`, host.path, programOf(source)], {
      encoding: "utf8",
    });
    expect(stderr).toContain("went on");
  });

  it("never lands in a file of its own where the standard output was closed", () => {
    const flash = join(scratchFolder(), "flash");
    const source = `const id = native.flash.open(${JSON.stringify(flash)}, 8192, 4096); native.print("a line"); native.exit(0);`;
    const { status } = spawnSync("sh", ["-c", `"$0" "$1" <&- >&- 2>&-`, host.path, programOf(source)]);
    expect(status).toBe(0);
    expect(readFileSync(flash).every((byte) => byte === 0xff)).toBe(true);
  });

  it("does not stop a program whose file has no room", () => {
    const source = `for (let n = 0; n < 3000; n++) native.log("line " + n + "z".repeat(90)); native.printError("went on"); native.exit(0);`;
    const { status, stderr } = spawnSync("sh", ["-c", `"$0" "$1" > /dev/full`, host.path, programOf(source)], {
      encoding: "utf8",
    });
    expect([status, stderr]).toEqual([0, "went on\n"]);
  });
});

describe.skipIf(host.reason)(
  `the standard input of a program${host.reason ? ` (skipped: ${host.reason})` : ""}`,
  () => {
    const reads = "native.input((line) => native.print(JSON.stringify(line) ?? 'end'), 8);";

    it("gives a line that comes in parts as one, one without its end too, and null for one that is too long", async () => {
      const running = startOnXs(host.path, reads);
      for (const part of ["ha", "lt\n1234567", "8\n123456789\n", `${"x".repeat(100_000)}\n`, "\0\nlast"]) {
        running.child.stdin.write(part);
        await sleep(20);
      }
      running.child.stdin.end();
      expect((await running.ended).stdout).toBe('"halt"\n"12345678"\nnull\nnull\n"\\u0000"\n"last"\nend\n');
    });

    it("that is flooded keeps no timer waiting", async () => {
      const source = `native.input(() => {}, 8); const timer = native.timer.open(() => { native.print("due"); native.exit(0); });
      native.timer.set(timer, native.clock.monotonic() + 100);`;
      const running = startOnXs(host.path, source);
      running.child.stdin.on("error", () => {});
      const flood = setInterval(() => running.child.stdin.write("z\n".repeat(20_000)), 1);
      expect(await running.ended).toMatchObject({ status: 0, stdout: "due\n" });
      clearInterval(flood);
    });
  },
);

describe.skipIf(host.reason)(`a program that begins anew${host.reason ? ` (skipped: ${host.reason})` : ""}`, () => {
  it("has its arguments, its streams and its files free, and nothing of what it was", async () => {
    const folder = scratchFolder();
    const mark = join(folder, "flash");
    const source = `const f = native.flash; const id = f.open(${JSON.stringify(mark)}, 8192, 4096);
      const times = f.read(id, 0, 1)[0]; native.print(native.arguments[0] + " " + times);
      f.program(id, 0, Uint8Array.of(times >> 1)); if (times > 63) native.restart(10, ...native.arguments); native.exit(0);`;
    const running = startOnXs(host.path, source, ["mine"]);
    expect(await running.ended).toEqual({ status: 0, stdout: "mine 255\nmine 127\nmine 63\n", stderr: "" });
  });

  it("is ended by SIGTERM while it waits", async () => {
    const running = startOnXs(host.path, "native.onTerminate(() => {}); native.print('up'); native.restart(60000);");
    await running.printed("up");
    running.child.kill("SIGTERM");
    expect((await running.ended).status).toBe(0);
  });
});
