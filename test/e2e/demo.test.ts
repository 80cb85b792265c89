import { existsSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import type { Summary } from "../../gateway/demo/summary";
import { run, startCommand } from "../gateway/command";
import { reason } from "./bench";

const leftovers = () => readdirSync(tmpdir()).filter((name) => name.startsWith("vertebra-demo-"));

describe.skipIf(reason)("the demo", () => {
  it("ends with everything final that three boards on XS sealed, in one order on both sides", async () => {
    const { status, stdout, stderr } = await startCommand("demo", "--for", "6s", "--json").ended;
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
    const { status, stdout, stderr } = await startCommand("demo", "--for", "43s", "--pull", "8s", "--json").ended;
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
    const demo = startCommand("demo", "--for", "60s");
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
    const { status, stderr } = await startCommand("demo", "--for", "20s", "--pull", "5s").ended;
    expect(status).toBe(2);
    expect(stderr).toMatch(/too short to see a relay let go 5 s after the start[\s\S]*--for 40s/);
  });

  it("takes everything down on Ctrl-C, and still tells the result", async () => {
    const before = leftovers();
    const demo = startCommand("demo", "--json");
    await expect.poll(() => leftovers().length, { timeout: 20_000 }).toBeGreaterThan(before.length);
    await new Promise((resolve) => setTimeout(resolve, 4000));
    demo.child.kill("SIGINT");
    const { status, stdout } = await demo.ended;
    expect({ status, failures: JSON.parse(stdout).failures }).toEqual({ status: 0, failures: [] });
    expect(leftovers()).toEqual(before);
  }, 60_000);

  it("leaves nothing behind when it is asked to end twice", async () => {
    const before = leftovers();
    const demo = startCommand("demo", "--json");
    await expect.poll(() => leftovers().length, { timeout: 20_000 }).toBeGreaterThan(before.length);
    const [mine] = leftovers().filter((name) => !before.includes(name));
    demo.child.kill("SIGINT");
    demo.child.kill("SIGTERM");
    await demo.ended;
    expect(existsSync(`${tmpdir()}/${mine}`)).toBe(false);
    expect(boardsRunningIn(mine!)).toEqual([]);
  }, 60_000);
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
