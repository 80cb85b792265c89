import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type RunningCommand, run } from "../gateway/command";
import { freePort } from "../gateway/free-port";
import { reading } from "../gateway/worlds";
import { askAt, createLivingWorld, kill, type LivingWorld } from "./living-world";

/** A world of two gateways on two directories, as on two machines, each with boards of its own, as people make it. */

const patience = { timeout: 40_000 };

describe("a person with boards at two places", () => {
  let world: LivingWorld;
  let there: string;
  let first: RunningCommand;
  let second: RunningCommand;

  beforeEach(async () => {
    world = await createLivingWorld(1);
    there = join(world.parent, "second");
    const port = await freePort();
    await world.ask("link", "add", `listen://${port}`);
    first = await world.up();
    const file = join(world.parent, "second.world");
    expect(await world.ask("world", "export", "second", "-o", file)).toMatchObject({ status: 0, answer: { file } });
    expect((await run("world", "import", file, "--dir", there)).status).toBe(0);
    expect(await at("link", "add", `tcp://127.0.0.1:${port}`)).toMatchObject({ answer: { running: false } });
    second = await startThere("up");
  }, 60_000);
  afterEach(() => world.end());

  const at = (...words: string[]) => askAt(there, ...words);
  const startThere = (...words: string[]) =>
    world.startAt(there, words[0] === "up" ? '"event":"up"' : '"event":"boot"', ...words);

  const boards = async () => (await at("board", "list")).answer.map(({ name }: { name: string }) => name);
  const stewards = async () =>
    (await at("steward", "list")).answer.stewards.map(({ name }: { name: string }) => name).sort();
  const loads = async (ask: (...words: string[]) => Promise<string>, group: string) =>
    (await ask("tail", group, "--no-follow"))
      .trim()
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line).entry.load)
      .sort();
  const tailHere = async (...words: string[]) => (await run(...words, "--dir", world.directory, "--json")).stdout;
  const tailThere = async (...words: string[]) => (await run(...words, "--dir", there, "--json")).stdout;

  it("shares a group between them, and defines from both", { timeout: 150_000 }, async () => {
    await expect.poll(boards, patience).toEqual(["board-1"]);
    expect(await at("board", "add", "hall")).toMatchObject({
      status: 1,
      answer: { error: { code: "steward-needed" } },
    });
    expect(await world.ask("steward", "add", "second")).toMatchObject({ status: 0, answer: { needed: 2 } });
    await expect.poll(stewards, patience).toEqual(["gateway", "second"]);
    expect(await at("board", "add", "hall")).toMatchObject({ status: 0 });
    await world.board("board-1");
    await startThere("board", "run", "linux", "hall");
    const cables = async (ask: typeof at) =>
      (await ask("status")).answer.links.filter((link: { kind: string }) => link.kind === "serial").length;
    expect([await cables(world.ask), await cables(at)]).toEqual([1, 1]);
    // Owned by the two boards alone: each is behind a gateway of its own, and both gateways relay it.
    const group = ["group", "add", "both", "--pact", "machine", "--owner", "board-1", "--owner", "hall"];
    expect(await at(...group, "--reading", "hall=2s", "--reading", "board-1=2s")).toMatchObject({ status: 0 });
    const issuers = async () => {
      const { stdout } = await run("tail", "both", "--no-follow", "--dir", world.directory, "--json");
      const lines = stdout.trim().split("\n").filter(Boolean);
      return [...new Set(lines.map((line) => JSON.parse(line).issuer))].sort();
    };
    await expect.poll(issuers, patience).toEqual(["board-1", "hall"]);
  });

  it("goes on when a gateway is killed amid it all, and is killed again", { timeout: 200_000 }, async () => {
    await world.ask("steward", "add", "second");
    await expect.poll(stewards, patience).toEqual(["gateway", "second"]);
    const shared = ["group", "add", "shared", "--pact", "machine", "--owner", "gateway", "--owner", "second"];
    expect(await world.ask(...shared)).toMatchObject({ status: 0 });
    await expect.poll(async () => (await at("group", "list")).answer.length, patience).toBeGreaterThan(1);
    const pushed: number[] = [];
    for (let round = 0; round < 6; round++) {
      const here = round % 2 === 0;
      await kill(here ? second : first);
      const load = round / 8;
      const ask = here ? world.ask : at;
      expect(await ask("push", "shared", JSON.stringify(reading(load)))).toMatchObject({ status: 0 });
      pushed.push(load);
      if (here) second = await startThere("up");
      else first = await world.up();
    }
    await expect.poll(() => loads(tailHere, "shared"), patience).toEqual(pushed);
    await expect.poll(() => loads(tailThere, "shared"), patience).toEqual(pushed);
    // What both must agree on waits for the one that is gone, and is there once it is back.
    await kill(second);
    const added = world.ask("board", "add", "porch");
    second = await startThere("up");
    expect(await added).toMatchObject({ status: 0 });
    await expect.poll(boards, patience).toEqual(["board-1", "porch"]);
    expect(await at("steward", "revoke", "gateway")).toMatchObject({ status: 0, answer: { stewards: ["second"] } });
    await kill(first);
    expect(await at("board", "add", "attic")).toMatchObject({ status: 0 });
  });
});
