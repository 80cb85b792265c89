import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { nodeRandom } from "../../gateway/participant/platform";
import { createWorld } from "../../gateway/world/world";
import { type RunningCommand, run, startCommand } from "../gateway/command";
import { crypto } from "../gateway/worlds";
import { example, planOf, reason } from "./bench";

describe.skipIf(reason)("a gateway that has no file descriptor left", () => {
  let parent: string;
  let directory: string;
  let gateway: RunningCommand;
  beforeEach(async () => {
    parent = mkdtempSync(join(tmpdir(), "vertebra-descriptors-"));
    directory = join(parent, "world");
    createWorld(crypto, nodeRandom(), directory, await planOf([], [example("order/order.ts")]));
    gateway = startCommand("up", "--dir", directory, "--json");
    await gateway.printed('"event":"up"');
  });
  afterEach(async () => {
    gateway.child.kill("SIGKILL");
    await gateway.ended;
    rmSync(parent, { recursive: true });
  });

  const limit = (descriptors: number) =>
    execFileSync("prlimit", ["--pid", `${gateway.child.pid}`, `--nofile=${descriptors}:1024`]);
  const push = (pact: string, entry: object) =>
    run("push", pact, JSON.stringify(entry), "--final", "--dir", directory, "--json");
  const statuses = async (): Promise<string[]> => {
    const { stdout } = await run("saga", "list", "--dir", directory, "--json");
    return JSON.parse(stdout).invocations.map(({ status }: { status: string }) => status);
  };

  it("runs the stage once it has one again, and says meanwhile what it lacks", async () => {
    await push("account", { balance: 50_000 });
    let free = 0;
    while (existsSync(`/proc/${gateway.child.pid}/fd/${free}`)) free++;
    // Room for those who ask it, and for no process with its pipes.
    limit(free + 3);
    expect((await push("order", { number: 1, product: "gripper", price: 4_900 })).status).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    limit(1024);
    await expect.poll(statuses, { timeout: 40_000 }).toEqual(["done"]);
    gateway.child.kill("SIGINT");
    const { status, stderr } = await gateway.ended;
    const notices = stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).notice);
    expect(status).toBe(0);
    expect(notices).toEqual([
      expect.objectContaining({
        code: "system-emfile",
        message: "No process can be started for a behavior: this process has no file descriptor left (EMFILE)",
        remedy: expect.stringContaining("ulimit -n"),
      }),
    ]);
  }, 120_000);
});
