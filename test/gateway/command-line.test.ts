import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toHex } from "../../firmware/core/wire/bytes";
import { maxOwners } from "../../firmware/core/wire/limits";
import { type Control, startControl } from "../../gateway/channels/control";
import { hostOrReason } from "../xs/host";
import { run, startCommand } from "./command";
import { plugIn } from "./null-modem";
import { gatewayOf, reading, worldOfOne } from "./worlds";

const { path: host, reason } = await hostOrReason();

const parent = mkdtempSync(join(tmpdir(), "vertebra-command-"));
afterAll(() => rmSync(parent, { recursive: true }));

// Each command is a process of its own, on a machine that may be busy with others.
const patience = { timeout: 90_000 };

describe("the command line", patience, () => {
  it("shows its commands, its exit codes and where to start", async () => {
    const { status, stdout } = await run("--help");
    expect(status).toBe(0);
    for (const word of ["world", "up", "board", "pact", "push", "tail", "status", "why", "proof", "verify"]) {
      expect(stdout).toMatch(new RegExp(`^  ${word}\\b`, "m"));
    }
    expect(stdout).toContain("Exit codes:");
  });

  it("shows examples in the help of a command", async () => {
    const { status, stdout } = await run("push", "--help");
    expect(status).toBe(0);
    expect(stdout).toContain("Examples:\n  $ vertebra push machine@board-1 '{");
  });

  it("ends with 2 when it is typed wrong", async () => {
    for (const words of [
      ["foo"],
      ["push"],
      ["tail", "--from", "-1"],
      ["world", "create", "--boards", "64"],
      ["world", "create", "--board", "board-2=simulated", "--dir", join(parent, "unmade")],
    ]) {
      expect((await run(...words)).status).toBe(2);
    }
    const directory = join(parent, "none");
    expect((await run("push", "machine", "load=1", "--dir", directory)).status).toBe(2);
  });

  it("ends with 3 when no gateway runs, and says how to start one", async () => {
    const directory = join(parent, "quiet");
    await run("world", "create", "--dir", directory);
    const { status, stdout, stderr } = await run("status", "--dir", directory, "--json");
    expect(status).toBe(3);
    expect(stdout).toBe("");
    expect(JSON.parse(stderr).error).toMatchObject({
      code: "not-running",
      remedy: expect.stringContaining("vertebra up --dir"),
    });
  });

  it("prints no colours where nobody sees them", async () => {
    const { stdout, stderr } = await run("world", "create", "--dir", join(parent, "plain"));
    expect(stdout + stderr).not.toContain("\x1b");
  });
});

describe("a gateway that is up", patience, () => {
  it("ends in order when it is asked to, and leaves the world for the next", async () => {
    const directory = join(parent, "up");
    await run("world", "create", "--dir", directory);
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      const up = startCommand("up", "--dir", directory, "--json");
      await up.printed('"event":"up"');
      up.child.kill(signal);
      expect(await up.ended).toMatchObject({ status: 0, stdout: expect.stringContaining('"event":"ended"') });
      expect(existsSync(join(directory, "control"))).toBe(false);
    }
  });

  it("doesn't wait for those who wait for it", async () => {
    const directory = join(parent, "waited");
    await run("world", "create", "--dir", directory);
    const up = startCommand("up", "--dir", directory);
    await up.printed("up");
    // Nothing becomes final without the board.
    const push = startCommand(
      "push",
      "machine@board-1",
      JSON.stringify(reading(1)),
      "--final",
      "--dir",
      directory,
      "--json",
    );
    const tail = startCommand("tail", "--dir", directory, "--pending");
    await tail.printed("sealed");
    up.child.kill("SIGINT");
    expect((await up.ended).status).toBe(0);
    const pushed = await push.ended;
    expect(pushed.status).toBe(1);
    expect(JSON.parse(pushed.stderr).error.code).toBe("gateway-ends");
    expect((await tail.ended).status).toBe(3);
  });

  it("keeps a second one from the same world", async () => {
    const directory = join(parent, "twice");
    await run("world", "create", "--dir", directory);
    const up = startCommand("up", "--dir", directory);
    await up.printed("up");
    const second = await run("up", "--dir", directory, "--json");
    expect(second.status).toBe(1);
    expect(JSON.parse(second.stderr).error.code).toBe("store-busy");
    expect((await run("status", "--dir", directory)).status).toBe(0);
    up.child.kill("SIGKILL");
    await up.ended;
  });

  it("starts in a world of as many boards as can own a group with it", async () => {
    const directory = join(parent, "many");
    expect((await run("world", "create", "--dir", directory, "--boards", `${maxOwners - 1}`)).status).toBe(0);
    const up = startCommand("up", "--dir", directory);
    await up.printed("up");
    const entry = JSON.stringify(reading(1));
    expect((await run("push", "machine-shared", entry, "--dir", directory)).status).toBe(0);
    const { groups, links } = JSON.parse((await run("status", "--dir", directory, "--json")).stdout);
    const shared = groups.find(({ name }: { name: string }) => name === "machine-shared");
    expect([groups.length, links.length, shared.owners.length]).toEqual([maxOwners + 1, maxOwners - 1, maxOwners]);
    expect(shared.pendingBlocks).toBe(1);
    up.child.kill("SIGINT");
    expect((await up.ended).status).toBe(0);
  });

  it("comes up after it was killed, in place of the socket that was left", async () => {
    const directory = join(parent, "killed");
    await run("world", "create", "--dir", directory);
    const first = startCommand("up", "--dir", directory);
    await first.printed("up");
    first.child.kill("SIGKILL");
    await first.ended;
    expect((await run("status", "--dir", directory)).status).toBe(3);
    const second = startCommand("up", "--dir", directory);
    await second.printed("up");
    expect((await run("status", "--dir", directory)).status).toBe(0);
    second.child.kill("SIGINT");
    await second.ended;
  });

  it.skipIf(reason)("says once that a port is missing, goes on, and opens it when it comes", async () => {
    const directory = join(parent, "port");
    await run("world", "create", "--dir", directory);
    const port = join(parent, "left");
    const up = startCommand("up", "--dir", directory, "--serial", port, "--json");
    await up.printed('"event":"up"');
    const link = async () =>
      JSON.parse((await run("status", "--dir", directory, "--json")).stdout).links.find(
        ({ address }: { address: string }) => address === port,
      );
    expect(await link()).toMatchObject({ state: "closed", error: { code: "port-missing" } });
    const cable = await plugIn(host, parent);
    await expect.poll(async () => (await link()).state, { timeout: 20_000 }).toBe("open");
    up.child.kill("SIGINT");
    const { status, stderr } = await up.ended;
    expect(status).toBe(0);
    const notices = stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).notice);
    expect(notices).toMatchObject([{ code: "port-missing", remedy: expect.stringContaining("/dev/tty") }]);
    await cable.unplug();
  });
});

describe("asking a running gateway", patience, () => {
  const directory = join(parent, "asked");
  let gateway: Awaited<ReturnType<typeof gatewayOf>>;
  let control: Control;
  beforeAll(async () => {
    gateway = await gatewayOf(worldOfOne(directory));
    control = await startControl(gateway, () => {});
  });
  afterAll(async () => {
    await control.close();
    await gateway.close();
  });
  const ask = async (...words: string[]) => {
    const { status, stdout, stderr } = await run(...words, "--dir", directory, "--json");
    const lines = (status === 0 ? stdout : stderr).trim().split("\n");
    return { status, lines: lines.map((line) => JSON.parse(line)), answer: JSON.parse(lines[0]!) };
  };

  it("pushes, tails, explains, proves and verifies an entry", async () => {
    const pushed = await ask("push", "machine", JSON.stringify(reading(0.25)), "--final");
    const { block } = pushed.answer;
    expect(pushed.lines).toMatchObject([
      { state: "sealed", group: "machine", counter: 1 },
      { state: "final", group: "machine", block, sequence: 0 },
    ]);
    const tail = await ask("tail", "--no-follow");
    expect(tail.lines).toEqual([expect.objectContaining({ state: "final", sequence: 0, entry: reading(0.25) })]);
    const why = await ask("why", "machine/0");
    expect(why.answer).toMatchObject({ state: "final" });

    const file = join(parent, "entry.proof");
    expect((await ask("proof", "machine/0", "-o", file)).status).toBe(0);
    const verified = await run("verify", file, "--json");
    expect(JSON.parse(verified.stdout)).toMatchObject({
      final: true,
      block: pushed.answer.block,
      entries: [reading(0.25)],
    });

    const forged = readFileSync(file);
    forged[forged.length - 20]! ^= 1;
    writeFileSync(file, forged);
    const refused = await run("verify", file, "--json");
    expect(refused.status).toBe(1);
    expect(JSON.parse(refused.stderr).error.code).toMatch(/^proof-|^cbor-|^structure-/);
  });

  it("takes the ids that it prints, whole or their first digits, and says where they name nothing or too much", async () => {
    for (const load of [1, 2]) {
      const { lines } = await ask("push", "machine", JSON.stringify(reading(load)), "--final");
      const { block, sequence } = lines[1];
      for (const of of [block, block.slice(0, 16), `${block.slice(0, 8)}…`, `machine/${sequence}`]) {
        expect((await ask("why", of)).answer).toMatchObject({
          state: "final",
          final: { group: "machine", block, firstEntry: sequence },
        });
      }
      const file = join(parent, "block.proof");
      expect((await ask("proof", block.slice(0, 12), "-o", file)).status).toBe(0);
      expect(JSON.parse((await run("verify", file, "--json")).stdout)).toMatchObject({ block });
    }
    expect((await ask("why", "0".repeat(20))).answer.error).toMatchObject({ code: "block-unknown" });
    expect((await ask("why", "abc")).answer.error).toMatchObject({ code: "reference" });
    const { id } = gateway.world.catalog.groups[0]!;
    expect((await ask("tail", `${toHex(id).slice(0, 16)}…`, "--no-follow")).status).toBe(0);
  });

  it("says whom a proof is to be compared with, and refuses one of another group or owner", async () => {
    await ask("push", "machine", JSON.stringify(reading(3)), "--final");
    const file = join(parent, "compared.proof");
    await ask("proof", "machine/0", "-o", file);
    const { id, owners } = gateway.world.catalog.groups[0]!;
    const [group, owner] = [toHex(id), toHex(owners[0]!)];
    const alone = await run("verify", file);
    expect(alone.stdout).toContain(`owner  ${owner}  issued`);
    expect(alone.stdout).toMatch(/Whose keys these are, a proof can't say/);
    const compared = await run("verify", file, "--group", group.slice(0, 16), "--owner", owner);
    expect(compared).toMatchObject({ status: 0, stdout: expect.not.stringContaining("Whose keys") });
    const refusals = [
      ["--group", owner],
      ["--owner", group],
      ["--owner", owner, "--owner", "00".repeat(8)],
      ["--group", "ab"],
    ];
    const codes = await Promise.all(
      refusals.map(async (words) => JSON.parse((await run("verify", file, "--json", ...words)).stderr).error.code),
    );
    expect(codes).toEqual(["proof-group", "proof-owner", "proof-owner", "usage"]);
  });

  it("refuses an entry by the field and the bound that it breaks", async () => {
    const { status, answer } = await ask("push", "machine", JSON.stringify(reading(-1)));
    expect(status).toBe(1);
    expect(answer.error.message).toContain("'load' is -1, below its least of 0");
  });

  it("refuses a pact that nobody knows, naming those there are", async () => {
    const { answer } = await ask("push", "weather", "{}");
    expect(answer.error).toMatchObject({ code: "group-unknown", remedy: expect.stringContaining("machine") });
  });

  it("says that an entry which isn't final has no proof yet", async () => {
    const { status, answer } = await ask("proof", "machine/99", "-o", join(parent, "none.proof"));
    expect(status).toBe(1);
    expect(answer.error.code).toBe("not-final");
    expect(existsSync(join(parent, "none.proof"))).toBe(false);
  });

  it("ends a tail with 0 on Ctrl-C", async () => {
    await ask("push", "machine", JSON.stringify(reading(0.5)), "--final");
    const tail = startCommand("tail", "--dir", directory);
    await tail.printed("machine/0");
    tail.child.kill("SIGINT");
    expect((await tail.ended).status).toBe(0);
  });
});
