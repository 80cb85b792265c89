import { copyFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openPort } from "../../gateway/avatars/port";
import { plainWorld, readDefinition } from "../../gateway/world/world";
import { run, startCommand } from "../gateway/command";
import { reading } from "../gateway/worlds";
import { type Bench, createBench, kill, reason, told } from "./bench";

describe.skipIf(reason)("a person with a gateway and a board", () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await createBench(plainWorld(1));
  });
  afterEach(() => bench.close());
  const patience = { timeout: 30_000 };

  async function ask(...words: string[]) {
    const { status, stdout, stderr } = await run(...words, "--dir", bench.world.directory, "--json");
    const lines = ((status === 0 ? stdout : stderr) || "null").trim().split("\n");
    return { status, answer: JSON.parse(lines.at(-1)!) };
  }

  it("pushes an entry, and takes a proof of it that anyone can check", async () => {
    bench.start("board-1");
    await bench.up();
    const pushed = await ask("push", "machine@board-1", JSON.stringify(reading(0.75)), "--final");
    expect(pushed.status).toBe(0);
    const file = join(bench.world.directory, "entry.proof");
    expect((await ask("proof", `machine@board-1/${pushed.answer.sequence}`, "-o", file)).status).toBe(0);
    const verified = JSON.parse((await run("verify", file, "--json")).stdout);
    expect(verified).toMatchObject({ final: true, pact: "machine v1", quorum: "all", block: pushed.answer.block });
    expect(verified.entries).toContainEqual(reading(0.75));
    expect(verified.certifiedBy).toHaveLength(2);
    expect(verified.closedBy).toHaveLength(2);
  }, 60_000);

  it("is told whose certificate is missing while the board is away, and sees the entry as pending", async () => {
    await bench.up();
    const pushed = await ask("push", "machine@board-1", JSON.stringify(reading(0.5)));
    await expect
      .poll(async () => (await ask("why", pushed.answer.block)).answer.sentence, patience)
      .toMatch(/waits in metablock .* missing: board-1/);
    const pending = await ask("tail", "machine@board-1", "--no-follow", "--pending");
    expect(pending.answer).toMatchObject({ state: "sealed", sequence: null, entry: reading(0.5) });
    bench.start("board-1");
    await expect.poll(async () => (await ask("why", "machine@board-1/0")).answer.state, patience).toBe("final");
  }, 90_000);

  it("sees in the status which links stand, and when a board is gone", async () => {
    const board = bench.start("board-1");
    await bench.up();
    const link = async () => (await ask("status")).answer.links[0];
    await expect.poll(link, patience).toMatchObject({ state: "up", peer: "board-1" });
    kill(board);
    await expect.poll(link, patience).toMatchObject({ state: "closed", peer: null });
  }, 60_000);

  it("runs a board by name until Ctrl-C, and is told what it does", async () => {
    const directory = bench.world.directory;
    const board = startCommand("board", "run", "linux", "board-1", "--dir", directory, "--json");
    await board.printed('"event":"boot"');
    board.child.kill("SIGINT");
    expect(await board.ended).toMatchObject({ status: 0, stdout: expect.stringContaining('"event":"stopped"') });
    const unknown = await ask("board", "run", "linux", "board-7");
    expect(unknown).toMatchObject({ status: 1, answer: { error: { code: "board-unknown" } } });
  }, 60_000);

  it("tells a board that runs what is typed: halt, resume, and the level of an input", async () => {
    const other = await createBench({ boards: [readDefinition("simulated")], sagas: [] });
    const board = startCommand("board", "run", "linux", "board-1", "--dir", other.world.directory, "--json");
    await board.printed('"event":"boot"');
    const changes = () =>
      told(
        board.lines().map((line) => JSON.parse(line)),
        "capability",
      ).map(({ capability, why }) => `${capability} ${why}`);
    board.child.stdin.write("halt\n");
    await expect.poll(changes, patience).toContain("relay stop");
    // The end of what is typed is not the end of the board.
    board.child.stdin.end("resume\n");
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(board.child.exitCode).toBeNull();
    board.child.kill("SIGINT");
    expect((await board.ended).status).toBe(0);
    await other.close();
  }, 60_000);

  it("is told that a port is busy, and the gateway opens it when it is free", async () => {
    const board = bench.start("board-1");
    await expect.poll(() => told(bench.linesOf("board-1"), "boot"), patience).toHaveLength(1);
    const { terminal } = bench.world.boards[0]!;
    const port = await openPort(terminal, 115_200, { received() {}, closed() {} });
    const up = startCommand("up", "--serial", terminal, "--dir", bench.world.directory, "--json");
    await up.printed('"event":"up"');
    await port.close();
    await up.printed('"event":"link"');
    up.child.kill("SIGINT");
    expect((await up.ended).stderr).toContain('"code":"port-busy"');
    kill(board);
  }, 60_000);
});

describe.skipIf(reason)("a store of another identity", () => {
  let bench: Bench;
  let other: Bench;
  beforeEach(async () => {
    [bench, other] = await Promise.all([createBench(plainWorld(1)), createBench(plainWorld(1))]);
  });
  afterEach(() => Promise.all([bench.close(), other.close()]));

  it("is refused by a gateway", async () => {
    const gateway = await bench.up();
    gateway.child.kill("SIGINT");
    await gateway.ended;
    renameSync(join(bench.world.directory, "store"), join(other.world.directory, "store"));
    const { status, stderr } = await run("up", "--dir", other.world.directory, "--json");
    expect(status).toBe(1);
    expect(JSON.parse(stderr).error).toMatchObject({
      code: "store-foreign",
      message: expect.stringContaining("store"),
    });
  }, 60_000);

  it("is refused by a board", async () => {
    const board = bench.start("board-1");
    await expect.poll(() => told(bench.linesOf("board-1"), "boot"), { timeout: 20_000 }).toHaveLength(1);
    await board.end();
    copyFileSync(bench.world.boards[0]!.flashFile, other.world.boards[0]!.flashFile);
    const refused = await run("board", "run", "linux", "board-1", "--dir", other.world.directory);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(/belongs to another participant/);
  }, 60_000);
});
