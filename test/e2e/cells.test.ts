import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { reason } from "./bench";
import { createLivingWorld, type LivingWorld } from "./living-world";

const boards = ["board-1", "board-2"];
const cells = [1, 2];

describe.skipIf(reason)("a saga in two cells", () => {
  let world: LivingWorld;
  let pushed = 0;
  const patience = { timeout: 60_000 };

  beforeEach(async () => {
    world = await createLivingWorld(boards.length);
  });
  afterEach(() => world.end());

  function version(number: number, change: (text: string) => string = (same) => same): string {
    const text = readFileSync("examples/visitors/visitors.ts", "utf8");
    const its = change(text.replace("./visit", join(process.cwd(), "examples/visitors/visit")));
    return world.file(`visitors-${number}`, its.replace("version: 1", `version: ${number}`));
  }

  /** One to each cell, until the rollout stands so. */
  async function untilIs(state: string) {
    const found = async () => (await world.ask("rollout", "status")).answer[0];
    await expect
      .poll(async () => {
        const room = `room ${++pushed}`;
        for (const cell of cells) await world.push(`visit@visitors.cell-${cell}`, { room, people: 11 });
        return (await found()).state;
      }, patience)
      .toBe(state);
    return found();
  }

  /** Of the states of the last invocations in each cell. */
  async function versionsRun() {
    const { answer } = await world.ask("saga", "versions", "visitors");
    return answer.map(({ members }: { members: { name: string; ran: number }[] }) =>
      members.flatMap(({ name, ran }) => (name === "gateway" ? [] : [`${name} v${ran}`])),
    );
  }

  it("is deployed, rolls out and is taken back in both by one command each", async () => {
    await world.up();
    const running = await Promise.all(boards.map((name) => world.board(name)));
    expect((await world.ask("saga", "deploy", version(1), "--cells", "2")).status).toBe(0);
    for (const board of running) await board.printed('"version":1,"whole":true');
    const good = await world.ask("rollout", "start", version(2), "--ring", "board-2", "--ring", "all", "--soak", "1s");
    expect(good.status).toBe(0);
    expect(await untilIs("done")).toMatchObject({ cells: 2, open: 2, rings: [{ good: 1 }, { good: 3 }] });
    await expect.poll(versionsRun, patience).toEqual([["board-1 v2"], ["board-2 v2"]]);

    const broken = version(3, (its) =>
      its.replace("const people =", 'if (entry.people > 0) throw new Error("no such room"); const people ='),
    );
    expect((await world.ask("rollout", "start", broken, "--ring", "board-2", "--ring", "all")).status).toBe(0);
    await untilIs("taken back");
    for (const board of running) await board.printed('"version":3,"open":0');
    expect((await world.ask("rollout", "history", "visitors")).answer).toMatchObject([
      { version: 2, state: "done", steps: [{ what: "began" }, { what: "opened" }] },
      { version: 3, state: "taken back", why: "1 failed, and 0 may", failed: [{ name: "board-2" }] },
    ]);
  }, 180_000);
});
