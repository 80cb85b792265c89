import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { run } from "../gateway/command";
import { reason } from "./bench";
import { createLivingWorld, kill, type LivingWorld } from "./living-world";

const boards = ["board-1", "board-2", "board-3"];

interface Member {
  readonly name: string;
  readonly ring: number;
  readonly state: string;
  readonly reason: string;
}

describe.skipIf(reason)("a version that rolls out", () => {
  let world: LivingWorld;
  let pushed: number;
  const patience = { timeout: 60_000 };

  beforeEach(async () => {
    world = await createLivingWorld(3);
    pushed = 0;
  });
  afterEach(() => world.end());

  const text = readFileSync("examples/visitors/visitors.ts", "utf8");

  function version(number: number, change: (text: string) => string = (same) => same): string {
    const its = change(text.replace("./visit", join(process.cwd(), "examples/visitors/visit")));
    return world.file(`visitors-${number}`, its.replace("version: 1", `version: ${number}`));
  }
  const broken = (its: string) =>
    its.replace("const people =", 'if (entry.people > 0) throw new Error("no such room"); const people =');

  async function rollout(number: number) {
    const { answer } = await world.ask("rollout", "status");
    return answer.find((each: { version: number }) => each.version === number);
  }
  const start = (file: string, ...more: string[]) => world.ask("rollout", "start", file, ...more);

  /** Each in a room of its own, so that nobody waits for another. */
  async function visit(): Promise<void> {
    await world.push("visits", { room: `room ${++pushed}`, people: 11 });
  }

  /** Visitors come until the rollout stands so. */
  async function untilIs(number: number, is: (found: { state: string; open: number; members: Member[] }) => boolean) {
    await expect
      .poll(async () => {
        await visit();
        return is(await rollout(number));
      }, patience)
      .toBe(true);
    return rollout(number);
  }

  /** All that began has ended, each visit in one way: one that was counted told its crowd, which is pushed after the state that ended it. */
  async function settled() {
    await expect.poll(async () => (await counts()).running, patience).toBe(0);
    const { done, failed, version: number } = await counts();
    expect(done + failed).toBe(pushed);
    const crowded = async () => (await world.tail("crowd")).map(({ entry }) => entry.room);
    await expect.poll(async () => (await crowded()).length, patience).toBe(done);
    const rooms = await crowded();
    expect(rooms).toEqual([...new Set(rooms)]);
    return { failed, version: number };
  }

  it("goes its way among boards whose gateway only relays what they agree on", async () => {
    await begin();
    const alone = (number: number) => version(number, (its) => its.replace('name: "visitors"', 'name: "alone"'));
    const owners = ["--owner", "board-1", "--owner", "board-2"];
    expect((await world.ask("saga", "deploy", alone(1), ...owners)).status).toBe(0);
    expect((await start(alone(2), "--ring", "board-1", "--ring", "all")).status).toBe(0);
    await untilIs(2, ({ state }) => state === "done");
    const { sagas } = (await world.ask("saga", "list")).answer;
    expect(sagas).toMatchObject([{ name: "visitors" }, { name: "alone", version: 2 }]);
  }, 180_000);

  async function begin() {
    const gateway = await world.up();
    const running = new Map<string, Awaited<ReturnType<LivingWorld["board"]>>>();
    for (const name of boards) running.set(name, await world.board(name));
    expect((await world.ask("pact", "add", "examples/visitors/visit.ts")).status).toBe(0);
    const owners = ["gateway", ...boards].flatMap((name) => ["--owner", name]);
    expect((await world.ask("group", "add", "visits", "--pact", "visit", ...owners)).status).toBe(0);
    expect((await world.ask("saga", "deploy", version(1))).status).toBe(0);
    for (const board of running.values()) await board.printed('"version":1,"whole":true');
    await visit();
    await settled();
    return { gateway, running };
  }

  it("goes from ring to ring, through the death of its gateway; a bad one is taken back in its first, and every entry has one outcome", async () => {
    const { gateway, running } = await begin();
    const good = await start(version(2), "--ring", "board-1", "--ring", "2", "--ring", "all", "--soak", "1s");
    expect(good.answer.defined.map(({ kind }: { kind: string }) => kind)).toEqual(["group", "saga", "rollout"]);
    await running.get("board-1")!.printed('"event":"rollout","saga":"visitors","version":2,"open":1');
    await kill(gateway);
    await world.up();
    const done = await untilIs(2, ({ state }) => state === "done");
    expect(done).toMatchObject({ open: 3, rings: [{ good: 1 }, { good: 2 }, { good: 1 }] });
    // It runs no stage that needs a board, and so nothing that could fail.
    expect(done.members.at(-1)).toMatchObject({ name: "gateway", ring: 3, state: "good" });

    // One that is away when a bad version comes and goes.
    await kill(running.get("board-3")!);
    expect((await start(version(3, broken), "--ring", "board-1", "--ring", "all")).status).toBe(0);
    const back = await untilIs(3, ({ state }) => state === "taken back");
    const told = (name: string) => back.members.find((member: Member) => member.name === name);
    expect(told("board-1")).toMatchObject({
      ring: 1,
      state: "failed",
      reason: expect.stringContaining("no such room"),
    });
    expect(told("board-2").state).not.toBe("running");
    // It may be none: what broke here, another member may have been first to end by the version before.
    const { failed } = await settled();

    const again = await world.board("board-3");
    const heard = '"event":"rollout","saga":"visitors","version":3,"open":0';
    for (const each of [running.get("board-1")!, again]) await each.printed(heard);
    for (let more = 0; more < 8; more++) await visit();
    expect(await settled()).toEqual({ failed, version: 2 });
  }, 240_000);

  async function counts() {
    return (await world.ask("saga", "list")).answer.sagas[0];
  }

  it("is refused, with what to do, where it would reach nobody or another is under way; and a person can take it back", async () => {
    await begin();
    const refused: [string, string[]][] = [
      ["rollout-rings", ["--soak", "1s"]],
      ["rollout-rings", ["--ring", "all", "--ring", "1"]],
      ["rollout-rings", ["--ring", "board-1", "--ring", "board-1,board-2"]],
      ["member-unknown", ["--ring", "board-9"]],
    ];
    for (const words of [
      ["--ring", "0"],
      ["--ring", "101%"],
      ["--ring", "all", "--min-success", "0"],
    ]) {
      const { status } = await run("rollout", "start", version(2), ...words, "--dir", world.directory);
      expect([words, status]).toEqual([words, 2]);
    }
    for (const [code, words] of refused) {
      expect({ words, ...(await start(version(2), ...words)) }).toMatchObject({ words, answer: { error: { code } } });
    }
    expect((await start(version(1), "--ring", "all")).answer.error.code).toBe("saga-version");
    const other = version(1, (its) => its.replace('name: "visitors"', 'name: "other"'));
    expect((await start(other, "--ring", "all")).answer.error.code).toBe("rollout-first");
    expect((await world.ask("rollout", "rollback", "visitors")).answer.error.code).toBe("rollout-none");
    const before = (await world.tail("definitions")).length;
    expect((await start(version(2), "--ring", "50%", "--ring", "all", "--dry-run")).answer.dry).toBe(true);
    expect(await world.tail("definitions")).toHaveLength(before);

    expect((await start(version(2), "--ring", "board-2", "--ring", "all", "--soak", "1h")).status).toBe(0);
    expect((await start(version(3), "--ring", "all")).answer.error.code).toBe("rollout-running");
    expect((await world.ask("rollout", "pause", "visitors")).status).toBe(0);
    expect((await rollout(2)).state).toBe("paused");
    expect((await world.ask("rollout", "resume", "visitors")).status).toBe(0);
    const { stdout: diff } = await run("rollout", "diff", "visitors", "--dir", world.directory);
    expect(diff).toContain("-version: 1,\n+version: 2,");
    const good = await untilIs(2, ({ members }) => members.some(({ state }) => state === "good"));
    expect(good).toMatchObject({ state: "running", open: 1 });
    expect((await world.ask("rollout", "rollback", "visitors")).status).toBe(0);
    await untilIs(2, ({ members }) => members.every(({ state }) => state === "back"));
    expect((await settled()).version).toBe(1);
    expect((await world.ask("rollout", "history", "visitors")).answer).toMatchObject([
      { version: 2, state: "taken back", steps: ["began", "paused", "resumed", "took back"].map((what) => ({ what })) },
    ]);
  }, 180_000);
});
