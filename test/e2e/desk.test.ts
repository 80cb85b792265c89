import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { reason } from "./bench";
import { createLivingWorld, type LivingWorld } from "./living-world";

describe.skipIf(reason)("a saga that is edited at a desk", () => {
  let world: LivingWorld;

  beforeEach(async () => {
    world = await createLivingWorld(1);
  });
  afterEach(() => world.end());

  const saga = (most: string) => `import { defineBehavior, definePact, defineSaga } from "vertebra/saga";
const visit = definePact("visit", { people: "u8" });
const crowd = definePact("crowd", { people: "u8" });
const count = defineBehavior({
  name: "count", consumes: visit, produces: [crowd], requires: { board: ["linux"] },
  run({ entry, produce }) { if (entry.people > ${most}) produce(crowd, { people: entry.people }); },
});
export default defineSaga({ name: "visits", version: 1, stages: [count] });
`;

  it("runs on a board as it is saved, however often; what is not sound is told, and the last that was goes on", async () => {
    await world.up();
    await world.board("board-1");
    const file = world.file("visits", saga("10"));
    const desk = await world.start('"event":"deployed"', "saga", "dev", file, "--board", "board-1");
    await world.push("visit", { people: 12 });
    await desk.printed('"event":"state"');
    writeFileSync(file, saga("20"));
    await desk.printed('"event":"runs","saga":"visits","version":2,"on":"board-1"');
    writeFileSync(file, saga(""));
    await desk.complained("saga-source");
    await world.push("visit", { people: 13 });
    writeFileSync(file, saga("5"));
    await desk.printed('"event":"runs","saga":"visits","version":3,"on":"board-1"');
    await world.push("visit", { people: 6 });
    const crowd = async () => (await world.tail("crowd")).map(({ entry }) => entry.people);
    await expect.poll(crowd, { timeout: 30_000 }).toEqual([12, 6]);
    expect((await world.ask("saga", "versions", "visits")).answer[0].versions).toHaveLength(3);
    desk.child.kill("SIGINT");
    expect((await desk.ended).status).toBe(0);
    // A file that is not there is told, and waited for.
    const attic = await world.start("", "saga", "dev", join(world.parent, "visits", "attic.ts"), "--board", "board-1");
    await attic.complained("saga-source");
  }, 120_000);
});
