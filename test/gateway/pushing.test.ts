import { mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ample } from "../../firmware/core/bounds";
import { type Control, startControl } from "../../gateway/channels/control";
import { controlClient } from "../../gateway/channels/control-client";
import { nodeRandom } from "../../gateway/participant/platform";
import { createWorld, plainWorld } from "../../gateway/world/world";
import { startCommand } from "./command";
import { crypto, gatewayOf, reading } from "./worlds";

/** A gateway whose board is away: so many blocks of its own are sealed as may be, and what is pushed then waits. */
let parent: string;
let directory: string;
let gateway: Awaited<ReturnType<typeof gatewayOf>>;
let control: Control;
let blocks: string[];
beforeEach(async () => {
  blocks = [];
  parent = mkdtempSync(join(tmpdir(), "vertebra-pushing-"));
  directory = join(parent, "world");
  gateway = await gatewayOf(createWorld(crypto, nodeRandom(), directory, plainWorld(1)));
  control = await startControl(gateway, () => {});
  for (let load = 0; load < ample.blocksInFlight; load++) blocks.push(await pushed(load));
});
afterEach(async () => {
  await control.close();
  await gateway.close();
  rmSync(parent, { recursive: true });
});

const patience = { timeout: 60_000 };

/** Pushes, and gives the block in which it is sealed. */
async function pushed(load: number): Promise<string> {
  for await (const told of controlClient(directory).push("machine-shared", reading(load), false)) {
    if (told.state === "sealed") return told.block;
  }
  throw new Error("it was not sealed");
}

const group = () => gateway.status().groups.find(({ pact }) => pact === "machine-shared")!;
const push = (load: number, ...options: string[]) =>
  startCommand("push", "machine-shared", JSON.stringify(reading(load)), "--dir", directory, ...options);

describe("a push that waits", patience, () => {
  it("says for what and for whom, and is withdrawn when its writer goes", async () => {
    const waiting = push(100, "--json");
    await waiting.printed('"waiting"');
    const { sentence } = JSON.parse(waiting.lines()[0]!);
    expect(sentence).toMatch(/8 blocks of this gateway are not final.* The first: .* missing: board-1/);
    expect(group().buffered).toBe(1);
    waiting.child.kill("SIGKILL");
    await expect.poll(() => group().buffered).toBe(0);
  });

  it("says so to people on the standard error, since nothing is sealed yet", async () => {
    const waiting = push(100);
    await expect.poll(() => group().buffered, { timeout: 20_000 }).toBe(1);
    await new Promise((resolve) => waiting.child.stderr.once("data", resolve));
    waiting.child.kill("SIGINT");
    const { stdout, stderr } = await waiting.ended;
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^waiting: .* missing: board-1\.\n$/);
    await expect.poll(() => group().buffered).toBe(0);
  });

  it("is told to be pushed anew when the gateway ends, and is in no block then", async () => {
    const waiting = push(100, "--json");
    await waiting.printed('"waiting"');
    await control.close();
    const { status, stderr } = await waiting.ended;
    expect(status).toBe(1);
    expect(JSON.parse(stderr).error).toMatchObject({ code: "gateway-ends" });
    expect(group()).toMatchObject({ buffered: 0, ownPendingBlocks: ample.blocksInFlight });
  });
});

describe("a push by another program", patience, () => {
  /** Of HTTP it is asked for nothing but the body. */
  function post(body: unknown): Promise<{ readonly status: number | undefined; readonly answer: unknown }> {
    return new Promise((resolve, reject) => {
      const socketPath = join(directory, "control");
      const request = httpRequest({ socketPath, method: "POST", path: "/entries" }, async (response) => {
        let text = "";
        for await (const chunk of response.setEncoding("utf8")) text += chunk;
        resolve({ status: response.statusCode, answer: JSON.parse(text) });
      });
      request.once("error", reject).end(JSON.stringify(body));
    });
  }

  it("is answered by one object, when all that was asked for has come", async () => {
    const board = "machine@board-1";
    const { status, answer } = await post({ group: board, entry: reading(1), final: false });
    expect([status, answer]).toEqual([
      200,
      { group: board, block: expect.stringMatching(/^[0-9a-f]{64}$/), counter: 1 },
    ]);
  });

  it("is answered by one error, where it is refused", async () => {
    const { status, answer } = await post({ group: "machine-shared", entry: { load: "much" }, final: false });
    expect([status, answer]).toMatchObject([400, { error: { code: expect.any(String), remedy: expect.any(String) } }]);
  });
});

describe("a push that is sealed and not final", patience, () => {
  it("has told its block before it waits, and then who is missing", async () => {
    const waiting = startCommand(
      "push",
      "machine@board-1",
      JSON.stringify(reading(1)),
      "--final",
      "--json",
      "--dir",
      directory,
    );
    await waiting.printed('"waiting"');
    const [sealed, waits] = waiting.lines().map((line) => JSON.parse(line));
    expect(sealed).toMatchObject({
      state: "sealed",
      group: "machine@board-1",
      block: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(waits.sentence).toMatch(new RegExp(`^Block ${sealed.block.slice(0, 16)} .* missing: board-1\\.$`));
    const why = await controlClient(directory).get("/why", { of: sealed.block });
    expect(why).toMatchObject({ state: "waiting", sentence: waits.sentence });
    waiting.child.kill("SIGINT");
    await waiting.ended;
  });

  it("names for whom it waits, though no metablock holds it yet", async () => {
    const of = blocks.at(-1)!.slice(0, 16);
    const { sentence } = await controlClient(directory).get<{ sentence: string }>("/why", { of });
    expect(sentence).toMatch(/waits for a metablock .* missing: board-1\.$/);
  });
});
