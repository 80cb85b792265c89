import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { type RunningCommand, run, startCommand } from "./command";

const parent = mkdtempSync(join(tmpdir(), "vertebra-ending-"));
afterAll(() => rmSync(parent, { recursive: true }));

let directory: string;
let worlds = 0;
beforeEach(() => {
  directory = join(parent, `world-${worlds++}`);
});

const patience = { timeout: 90_000 };

async function up(...options: string[]): Promise<RunningCommand> {
  await run("world", "create", "--dir", directory);
  const started = startCommand("up", "--dir", directory, "--json", ...options);
  await started.printed('"event":"up"');
  return started;
}

const status = () => run("status", "--dir", directory, "--json");

describe("a gateway whose directory can bear no socket", patience, () => {
  it("ends before it is started where its path is too long, and says by what shorter path it can be named", async () => {
    const long = join(parent, "d".repeat(100), "world");
    directory = long;
    await run("world", "create", "--dir", directory);
    const refused = await run("up", "--dir", directory, "--json");
    expect(refused.status).toBe(1);
    const { error } = JSON.parse(refused.stderr);
    expect(error).toMatchObject({ code: "control-refused", message: expect.stringContaining(long) });
    expect(error.remedy).toContain("ln -s");
    expect(existsSync(join(long, "store"))).toBe(false);
    directory = join(parent, "short");
    symlinkSync(long, directory);
    const running = startCommand("up", "--dir", directory, "--json");
    await running.printed('"event":"up"');
    expect((await status()).status).toBe(0);
    running.child.kill("SIGINT");
    expect((await running.ended).status).toBe(0);
  });

  it("ends with the name of what is wrong where none can be made at all, and lets go of the store", async () => {
    await run("world", "create", "--dir", directory);
    mkdirSync(join(directory, "control/in-the-way"), { recursive: true });
    for (const _ of ["first", "second"]) {
      const { status, stderr } = await run("up", "--dir", directory, "--json");
      expect(status).toBe(1);
      const { error } = JSON.parse(stderr);
      expect(error).toMatchObject({ code: "control-refused", message: expect.stringContaining(directory) });
      expect(error.remedy).not.toMatch(/bug/);
    }
    rmSync(join(directory, "control"), { recursive: true });
    (await up()).child.kill("SIGKILL");
  });
});

describe("a gateway that is asked to end", patience, () => {
  it("does so though somebody who follows it reads nothing", async () => {
    const running = await up();
    const tail = startCommand("tail", "--dir", directory, "--pending");
    for (let load = 0; load < 8; load++) {
      const entry = { load, memory: 0, temperature: 0, uptime: 1 };
      await run("push", "machine-shared", JSON.stringify(entry), "--dir", directory);
    }
    await tail.printed("sealed");
    tail.child.kill("SIGSTOP");
    running.child.kill("SIGINT");
    expect((await running.ended).status).toBe(0);
    tail.child.kill("SIGKILL");
  });

  it("goes on when a terminal hangs up that it has no stream on, as under nohup", async () => {
    const running = await up();
    running.child.kill("SIGHUP");
    expect((await status()).status).toBe(0);
    running.child.kill("SIGTERM");
    expect((await running.ended).status).toBe(0);
  });

  it("goes on when nobody reads its output any more, and still ends in order", async () => {
    const running = await up();
    running.child.stdout.destroy();
    const entry = JSON.stringify({ load: 0, memory: 0, temperature: 0, uptime: 1 });
    expect((await run("push", "machine-shared", entry, "--dir", directory)).status).toBe(0);
    expect((await status()).status).toBe(0);
    running.child.kill("SIGINT");
    expect(await running.ended).toMatchObject({ status: 0, stderr: "" });
  });
});

describe("a command whose output nobody reads", patience, () => {
  it("ends quietly with 141, as shells tell of a broken pipe", async () => {
    for (const words of [["--help"], ["world", "create", "--dir", directory], ["pact", "list", "--dir", directory]]) {
      const command = startCommand(...words);
      command.child.stdout.destroy();
      expect(await command.ended).toMatchObject({ status: 141, stderr: "" });
    }
  });

  it("is not one whose error nobody reads", async () => {
    const command = startCommand("status", "--dir", directory);
    command.child.stderr.destroy();
    expect((await command.ended).status).toBe(3);
  });
});

describe("a command that the system refuses what it needs", patience, () => {
  it("names what it could not do, and never asks to report that as a bug", async () => {
    await run("world", "create", "--dir", directory);
    const file = join(parent, "file");
    writeFileSync(file, "text");
    for (const words of [
      ["world", "create", "--dir", join(file, "world")],
      ["world", "create", "--dir", "/proc/world"],
      ["world", "create", "--board", `board-1=${parent}`, "--dir", join(parent, "unmade")],
      ["world", "show", "--dir", file],
      ["up", "--dir", file],
      ["verify", parent],
      ["verify", join(parent, "none.proof")],
      ["saga", "test", parent],
    ]) {
      const { status, stderr } = await run(...words, "--json");
      expect(status).toBe(1);
      expect(JSON.parse(stderr).error).toMatchObject({
        message: expect.stringMatching(/\/\S+/),
        remedy: expect.not.stringContaining("bug"),
      });
    }
  });
});
