import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLivingWorld, kill, type LivingWorld, onceThere } from "../../e2e/living-world";
import type { RunningCommand } from "../../gateway/command";
import { seeded } from "../../link/pair";
import { firmwareOrReason } from "./emulated";

const { reason } = await firmwareOrReason();
const boards = 5;
const cuts = 2;

describe.skipIf(reason)("an emulated board with blank flash", { timeout: 180_000 }, () => {
  let world: LivingWorld;
  beforeEach(async () => {
    world = await createLivingWorld(0);
  });
  afterEach(() => world.end());

  const place = (name: string) => join(world.parent, name);
  const powerUp = (name: string, says: "blank" | "boot" | "started") =>
    world.start(`"event":"${says}"`, "board", "run", "rv32", "--blank", place(name));
  const provision = (name: string, ...words: string[]) =>
    world.ask("board", "provision", "--port", join(place(name), "terminal"), ...words);
  const readings = async (name: string) => (await world.tail(`machine@${name}`)).length;

  it("makes its seed and is given its world over its UART, and pushes readings that become final", async () => {
    await world.up();
    const board = await powerUp("porch", "blank");
    expect(await provision("porch")).toMatchObject({ status: 0, answer: { name: "rv32-1", kind: "rv32" } });
    await expect.poll(() => readings("rv32-1"), { timeout: 60_000 }).toBeGreaterThan(1);
    await kill(board);
    const before = await readings("rv32-1");
    await powerUp("porch", "boot");
    await expect.poll(() => readings("rv32-1"), { timeout: 60_000 }).toBeGreaterThan(before);
    expect(await provision("porch")).toMatchObject({ status: 1, answer: { error: { code: "board-provisioned" } } });
  });

  it(`is blank or whole after its power was cut at any moment of it: ${boards} boards, ${cuts} times each`, async () => {
    await world.up();
    const next = seeded(12);
    for (let index = 0; index < boards; index++) {
      const name = `board-${index}`;
      let board: RunningCommand = await powerUp(name, "blank");
      let given = false;
      for (let cut = 0; cut < cuts; cut++) {
        const asked = provision(name, "--name", name);
        await sleep(next() * 1_200);

        await kill(board);
        board = await powerUp(name, "started");
        const { status, answer } = await asked;
        given ||= status === 0;
        if (status !== 0) expect(codesOfLoss).toContain(answer.error.code);
      }
      const last = await onceThere(() => provision(name, "--name", name));
      expect(last.status === 0 ? "board-provisioned" : last.answer.error.code).toBe("board-provisioned");
      if (given) expect(last.status).toBe(1);
      await expect.poll(() => readings(name), { timeout: 60_000 }).toBeGreaterThan(0);
      await kill(board);
    }
    expect((await world.ask("board", "list")).answer).toHaveLength(boards);
  });
});

/** What a person is told whose board loses its power meanwhile. */
const codesOfLoss = ["port-missing", "port-gone", "provision-silent", "provision-unheard", "board-provisioned"];
