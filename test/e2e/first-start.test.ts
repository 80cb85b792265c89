import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RunningCommand } from "../gateway/command";
import { seeded } from "../link/pair";
import { createLivingWorld, kill, type LivingWorld, onceThere } from "./living-world";

let world: LivingWorld;

beforeEach(async () => {
  world = await createLivingWorld(0);
});
afterEach(() => world.end());

const place = (name: string) => join(world.parent, name);
const port = (name: string) => join(place(name), "terminal");
/** A board as a process; with its identity it says `boot`, without one `blank`. */
const run = (name: string, says: "blank" | "boot" | "started") =>
  world.start(`"event":"${says}"`, "board", "run", "linux", "--blank", place(name));
const provision = (name: string, ...words: string[]) => world.ask("board", "provision", "--port", port(name), ...words);

async function readings(name: string, least: number): Promise<void> {
  await expect
    .poll(async () => (await world.tail(`machine@${name}`)).length, { timeout: 30_000 })
    .toBeGreaterThan(least);
}

describe("a board that has no identity", () => {
  it("is given one by a command, over its line, and then goes on as a member through restarts of both", async () => {
    let gateway = await world.up();
    let board = await run("porch", "blank");
    expect(await provision("porch", "--dry-run")).toMatchObject({
      answer: { dry: true, name: "linux-1", kind: "linux", defined: [] },
    });
    const given = await provision("porch", "--name", "porch", "--label", "roof");
    expect(given).toMatchObject({ status: 0, answer: { name: "porch", kind: "linux", dry: false } });
    await readings("porch", 1);
    expect((await world.ask("board", "show", "porch")).answer).toMatchObject({
      labels: ["roof"],
      // Its seed was made there, and never left it.
      provisionFile: null,
    });
    await kill(gateway);
    await kill(board);
    const before = (await world.tail("machine@porch").catch(() => [])).length;
    board = await run("porch", "boot");
    gateway = await world.up();
    await readings("porch", before + 1);
    expect(await provision("porch")).toMatchObject({
      status: 1,
      answer: { error: { code: "board-provisioned", message: expect.stringContaining("it is porch") } },
    });
    await readings("porch", before + 2);
    await Promise.all([kill(gateway), kill(board)]);
  }, 90_000);

  it("is refused by name, by kind and by what is on the port, and stays as blank as it was", async () => {
    const gateway = await world.up();
    const board = await run("porch", "blank");
    const refusals: readonly (readonly [code: string, ...words: string[]])[] = [
      ["name-taken", "--name", "gateway"],
      ["name", "--name", "no/name"],
      ["board-other", "--kind", "rv32"],
      ["label", "--label", "no label"],
    ];
    for (const [code, ...words] of refusals)
      expect(await provision("porch", ...words)).toMatchObject({ status: 1, answer: { error: { code } } });
    expect(await world.ask("board", "provision", "--port", place("none"))).toMatchObject({
      status: 1,
      answer: { error: { code: "port-missing" } },
    });
    expect(existsSync(join(world.directory, "boards"))).toBe(false);
    expect(await provision("porch", "--name", "porch")).toMatchObject({ status: 0 });
    await Promise.all([kill(gateway), kill(board)]);
  }, 90_000);

  it("is provisioned or not, and never half, whenever it or the gateway is killed meanwhile: the same command goes on", async () => {
    const next = seeded(20_261_201);
    for (const [index, victim] of (["board", "gateway", "board", "gateway", "board"] as const).entries()) {
      const name = `board-${index}`;
      let gateway = await world.up();
      let board: RunningCommand = await run(name, "blank");
      const asked = provision(name, "--name", name);
      await sleep(next() * 900);
      await kill(victim === "board" ? board : gateway);
      if (victim === "board") board = await run(name, "started");
      else gateway = await world.up();
      const first = await asked;
      // It has an identity that the gateway knows, or none that anybody does.
      if (first.status !== 0) {
        const again = await onceThere(() => provision(name, "--name", name));
        expect(again.status === 0 ? "board-provisioned" : again.answer.error.code).toBe("board-provisioned");
      }
      await readings(name, 0);
      const boards = (await world.ask("board", "list")).answer.filter((each: { name: string }) => each.name === name);
      expect(boards).toHaveLength(1);
      await Promise.all([kill(gateway), kill(board)]);
    }
    expect(readdirSync(join(world.directory, "boards"))).toHaveLength(5);
  }, 240_000);

  it("is told by a gateway of another world that it has an identity, and by hand alone becomes another's", async () => {
    const gateway = await world.up();
    const board = await run("porch", "blank");
    expect(await provision("porch", "--name", "porch")).toMatchObject({ status: 0 });
    await kill(gateway);
    const other = await createLivingWorld(0);
    try {
      await other.up();
      expect(await other.ask("board", "provision", "--port", port("porch"))).toMatchObject({
        status: 1,
        answer: { error: { code: "board-provisioned" } },
      });
    } finally {
      await other.end();
      await kill(board);
    }
  }, 90_000);
});
