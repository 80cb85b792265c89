import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { reading } from "../gateway/worlds";
import { reason } from "./bench";
import { createLivingWorld, kill, type LivingWorld } from "./living-world";

describe.skipIf(reason)("a board that is expelled while it runs", () => {
  let world: LivingWorld;
  const patience = { timeout: 40_000 };

  beforeEach(async () => {
    world = await createLivingWorld(3);
  });
  afterEach(() => world.end());

  async function peers(): Promise<string[]> {
    const { links } = (await world.ask("status")).answer;
    return links.flatMap(({ peer }: { peer: string | null }) => peer ?? []).sort();
  }
  async function finalEntries(name: string): Promise<number> {
    const { groups } = (await world.ask("status")).answer;
    return groups.find((group: { name: string }) => group.name === name)?.finalEntries ?? -1;
  }

  it("is cut off, and reads nothing more; others go on, and one that slept comes back, though the gateway was killed", async () => {
    const gateway = await world.up();
    const sleeper = await world.board("board-1");
    const stolen = await world.board("board-2");
    await world.board("board-3");
    await expect.poll(peers, patience).toEqual(["board-1", "board-2", "board-3"]);
    await expect.poll(() => finalEntries("machine@board-1"), patience).toBeGreaterThan(0);
    await kill(sleeper);

    const dry = await world.ask("board", "expel", "board-2", "--dry-run");
    expect(dry.answer).toMatchObject({ dry: true, groups: ["machine@board-2", "machine-shared"] });
    const expelled = await world.ask("board", "expel", "board-2");
    expect(expelled.answer.defined.map(({ kind, name }: { kind: string; name: string }) => `${kind} ${name}`)).toEqual([
      "epoch for 3 members",
      "expel board-2",
    ]);
    await expect.poll(peers, patience).toEqual(["board-3"]);
    await stolen.printed('"up":false,"code":"link');
    const before = await finalEntries("machine@board-3");
    await expect.poll(() => finalEntries("machine@board-3"), patience).toBeGreaterThan(before);
    expect((await world.ask("board", "expel", "board-2")).answer.error.code).toBe("member-expelled");

    await kill(gateway);
    const again = await world.up();
    await world.board("board-1");
    await expect.poll(peers, patience).toEqual(["board-1", "board-3"]);
    const slept = await finalEntries("machine@board-1");
    await expect.poll(() => finalEntries("machine@board-1"), patience).toBeGreaterThan(slept);
    expect((await world.ask("push", "machine@board-1", JSON.stringify(reading(1)), "--final")).status).toBe(0);
    const boards = (await world.ask("board", "list")).answer;
    expect(boards.map(({ expelled }: { expelled: { epoch: number } | null }) => expelled?.epoch ?? null)).toEqual([
      null,
      1,
      null,
    ]);

    // One that is added later comes in the epoch of that time.
    expect((await world.ask("board", "add", "porch")).status).toBe(0);
    await world.board("porch");
    await expect.poll(() => finalEntries("machine@porch"), patience).toBeGreaterThan(1);

    await kill(again);
    // It goes on knocking, and that is told once in a while.
    expect((await again.ended).stderr.split("link-expelled")).toHaveLength(2);
  }, 180_000);
});
