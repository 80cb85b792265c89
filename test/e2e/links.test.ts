import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { run } from "../gateway/command";
import { freePort } from "../gateway/free-port";
import { reading } from "../gateway/worlds";
import { askAt, createLivingWorld, kill, type LivingWorld } from "./living-world";

const patience = { timeout: 30_000 };

describe("a person with two gateways", () => {
  let world: LivingWorld;
  let second: string;
  beforeEach(async () => {
    world = await createLivingWorld(1);
    second = join(world.parent, "second");
  });
  afterEach(() => world.end());

  /** While the first runs. */
  async function layOutSecond(): Promise<void> {
    const file = join(world.parent, "second.world");
    expect(await world.ask("world", "export", "second", "-o", file)).toMatchObject({ status: 0 });
    expect(await askSecond("world", "import", file)).toMatchObject({ status: 0 });
    const owners = ["--owner", "gateway", "--owner", "second"];
    expect(await world.ask("group", "add", "pair", "--pact", "machine", ...owners)).toMatchObject({ status: 0 });
  }

  const askSecond = (...words: string[]) => askAt(second, ...words);
  const upSecond = (...words: string[]) => world.startAt(second, '"event":"up"', "up", ...words);

  const links = async () => (await askSecond("link", "list")).answer;

  it("adds links that stay, sees how they stand, and removes them", { timeout: 120_000 }, async () => {
    const port = await freePort();
    const door = `listen://127.0.0.1:${port}`;
    const line = `tcp://127.0.0.1:${port}`;
    expect(await world.ask("link", "add", door, "--dry-run")).toMatchObject({ answer: { dry: true, address: door } });
    expect((await world.ask("link", "list")).answer).toEqual([]);
    expect(await world.ask("link", "add", `listen://${port}`)).toMatchObject({
      answer: { dry: false, running: false },
    });
    await world.up();
    expect((await world.ask("link", "list")).answer).toMatchObject([{ address: door, state: "listens" }]);
    await layOutSecond();
    const up = await upSecond();
    expect(await askSecond("link", "add", line)).toMatchObject({ answer: { address: line, running: true } });
    expect(await askSecond("link", "add", line)).toMatchObject({
      status: 1,
      answer: { error: { code: "link-known" } },
    });
    expect(await askSecond("link", "add", "tcp://x")).toMatchObject({ answer: { error: { code: "link-address" } } });
    await expect.poll(links, patience).toMatchObject([{ address: line, state: "up", peer: "gateway" }]);
    const push = () => askSecond("push", "pair", JSON.stringify(reading(0.5)), "--final");
    await expect.poll(push, patience).toMatchObject({ status: 0, answer: { sequence: 0 } });

    await kill(up);
    await world.ask("push", "pair", JSON.stringify(reading(0.5)));
    await upSecond();
    await expect.poll(links, patience).toMatchObject([{ address: line, state: "up" }]);
    await expect.poll(() => world.tail("pair"), patience).toHaveLength(2);

    expect(await askSecond("link", "remove", line, "--dry-run")).toMatchObject({ answer: { dry: true } });
    expect(await links()).toHaveLength(1);
    expect(await askSecond("link", "remove", line)).toMatchObject({ answer: { address: line, running: true } });
    await expect
      .poll(async () => (await askSecond("status")).answer.links.some((each: { kind: string }) => each.kind === "tcp"))
      .toBe(false);
    expect(await askSecond("link", "remove", line)).toMatchObject({ answer: { error: { code: "link-unknown" } } });
  });

  it("joins them by the command line alone, and reads in 80 columns how the link goes", {
    timeout: 60_000,
  }, async () => {
    const port = await freePort();
    await world.start('"event":"up"', "up", "--listen", `${port}`);
    await layOutSecond();
    const up = await upSecond("--connect", `127.0.0.1:${port}`);
    await up.printed('"event":"link"');
    await expect
      .poll(async () => (await askSecond("status")).answer.links, patience)
      .toContainEqual(
        expect.objectContaining({
          ...{ kind: "tcp", address: `tcp://127.0.0.1:${port}`, state: "up", peer: "gateway", resumed: false },
          ...{ upMs: expect.any(Number), bytesIn: expect.any(Number), roundTripMs: expect.any(Number), queued: 0 },
        }),
      );
    const { stdout } = await run("status", "--dir", world.directory);
    expect(stdout).toMatch(
      /up +second +tcp:\/\/127\.0\.0\.1:\d+, which dialed\n +[\d.]+ m?s: \d.* in, .* out, \d+ again, [\d.]+ ms/,
    );
    expect(stdout).toMatch(new RegExp(`listens +listen://127.0.0.1:${port}\n`));
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it("is told by the command line what is no place", async () => {
    for (const words of [
      ["--listen", "x"],
      ["--connect", "7000"],
      ["--connect", "::1:7000"],
    ]) {
      expect(await run("up", ...words, "--dir", world.directory)).toMatchObject({ status: 2 });
    }
  });
});
