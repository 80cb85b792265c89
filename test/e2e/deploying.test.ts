import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type RunningCommand, run, startCommand } from "../gateway/command";
import { reason } from "./bench";

const visitors = "examples/visitors/visitors.ts";
const owners = ["--owner", "gateway", "--owner", "porch"];

describe.skipIf(reason)("a saga that is deployed while the world runs", () => {
  let parent: string;
  let directory: string;
  let running: RunningCommand[];
  const patience = { timeout: 40_000 };

  beforeEach(async () => {
    parent = mkdtempSync(join(tmpdir(), "vertebra-deploying-"));
    directory = join(parent, "world");
    running = [];
    expect((await run("world", "create", "--dir", directory, "--boards", "1")).status).toBe(0);
  });
  afterEach(async () => {
    for (const { child } of running) child.kill("SIGKILL");
    await Promise.all(running.map(({ ended }) => ended));
    rmSync(parent, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  });

  async function ask(...words: string[]) {
    const { status, stdout, stderr } = await run(...words, "--dir", directory, "--json");
    const lines = ((status === 0 ? stdout : stderr) || "null").trim().split("\n");
    return { status, answer: JSON.parse(lines.at(-1)!) };
  }

  async function start(text: string, ...words: string[]): Promise<RunningCommand> {
    const command = startCommand(...words, "--dir", directory, "--json");
    running.push(command);
    await command.printed(text);
    return command;
  }
  const up = () => start('"event":"up"', "up");
  const board = (name: string) => start('"event":"boot"', "board", "run", "linux", name);

  async function kill({ child, ended }: RunningCommand): Promise<void> {
    child.kill("SIGKILL");
    await ended;
  }

  async function tail(group: string) {
    const { stdout } = await run("tail", group, "--no-follow", "--dir", directory, "--json");
    return stdout
      .trim()
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  }

  async function push(group: string, entry: object): Promise<void> {
    expect(await ask("push", group, JSON.stringify(entry), "--final")).toMatchObject({ status: 0 });
  }

  /** A saga whose module has so many bytes more than it needs. */
  function sagaFile(name: string, text: string, more = 0): string {
    const folder = join(parent, name);
    mkdirSync(folder, { recursive: true });
    const file = join(folder, `${name}.ts`);
    const words = Array.from({ length: more / 8 }, (_, at) => String(1_000_000 + at * 7_919).padStart(8));
    writeFileSync(file, text.replace("/*MORE*/", words.join("")));
    return file;
  }

  it("runs on the boards that own its state group, from a source that is gone on with after both ends were killed", async () => {
    const gateway = await up();
    const hall = await board("board-1");
    expect((await ask("board", "add", "porch")).status).toBe(0);
    const porch = await board("porch");
    expect((await ask("pact", "add", "examples/visitors/visit.ts")).status).toBe(0);
    expect((await ask("group", "add", "visits", "--pact", "visit", ...owners)).status).toBe(0);
    const deployed = await ask("saga", "deploy", visitors, ...owners);
    expect(deployed.answer.defined.map(({ kind, name }: { kind: string; name: string }) => `${kind} ${name}`)).toEqual([
      "group visitors-states",
      "group reversal@visitors",
      "group crowd",
      "group capabilities@visitors",
      "saga visitors v1",
    ]);
    await porch.printed('"event":"deployed","saga":"visitors","version":1,"whole":true');
    await push("visits", { room: "hall", people: 8 });
    await push("visits", { room: "hall", people: 4 });
    await expect
      .poll(() => tail("crowd"), patience)
      .toMatchObject([{ issuer: "porch", entry: { room: "hall", people: 12, most: 10 } }]);
    expect(hall.lines().some((line) => line.includes("deployed"))).toBe(false);

    // One so large that both can be killed while it is on its way.
    const text = readFileSync(visitors, "utf8").replace("./visit", join(process.cwd(), "examples/visitors/visit"));
    const large = sagaFile(
      "large",
      `${text.replace("version: 1", "version: 2")}\nexport const more = "/*MORE*/";`,
      48_000,
    );
    const next = startCommand("saga", "deploy", large, "--dir", directory, "--json");
    running.push(next);
    await porch.printed('"version":2,"whole":false');
    await kill(porch);
    await kill(gateway);
    await up();
    const again = await board("porch");
    await again.printed('"version":2,"whole":true');
    await push("visits", { room: "lab", people: 11 });
    await push("visits", { room: "hall", people: 1 });
    await expect
      .poll(async () => (await tail("crowd")).map(({ entry }) => `${entry.room} ${entry.people}`), patience)
      .toEqual(["hall 12", "lab 11", "hall 13"]);
    const { sagas, invocations } = (await ask("saga", "list")).answer;
    expect(sagas).toMatchObject([{ name: "visitors", version: 2, done: 4, failed: 0, running: 0 }]);
    expect(new Set(invocations.map(({ version }: { version: number }) => version))).toEqual(new Set([1, 2]));
    expect(readdirSync(join(directory, "store", "content")).length).toBeGreaterThan(10);
  }, 180_000);

  it("is refused where it would run for nobody, and says why", async () => {
    await up();
    expect((await ask("board", "add", "porch")).status).toBe(0);
    expect((await ask("pact", "add", "examples/visitors/visit.ts")).status).toBe(0);
    expect((await ask("saga", "deploy", visitors, ...owners, "--dry-run")).answer).toMatchObject({ dry: true });
    const before = await tail("definitions");
    const text = readFileSync(visitors, "utf8").replace("./visit", join(process.cwd(), "examples/visitors/visit"));
    const otherPact = text.replace(
      /import visit.*\n/,
      'const visit = definePact("visit", { room: "text", people: "u8" });\n',
    );
    const otherwise = text
      .replace("version: 1", "version: 2")
      .replace("produces: [crowd]", "produces: [crowd], reads: [crowd]");
    const refused: [string, string[]][] = [
      ["member-unknown", [visitors, "--owner", "nobody"]],
      ["pact-version", [sagaFile("other", otherPact), ...owners]],
      ["saga-group", [visitors, ...owners, "--group", "machine@porch"]],
      ["saga-source", [join(parent, "nowhere.ts"), ...owners]],
      ["behavior-size", [sagaFile("huge", `${text}\nexport const more = "/*MORE*/";`, 80_000), ...owners]],
    ];
    for (const [code, words] of refused) {
      const answer = await ask("saga", "deploy", ...words);
      expect({ words, ...answer }).toMatchObject({ words, status: 1, answer: { error: { code } } });
    }
    expect(await tail("definitions")).toEqual(before);
    expect((await ask("saga", "deploy", visitors, ...owners)).status).toBe(0);
    const after = await tail("definitions");
    const later: [string, string[]][] = [
      ["saga-version", [visitors]],
      ["saga-interests", [sagaFile("otherwise", otherwise)]],
      ["saga-owners", [sagaFile("second", text.replace("version: 1", "version: 2")), "--owner", "gateway"]],
    ];
    for (const [code, words] of later) {
      const answer = await ask("saga", "deploy", ...words);
      expect({ words, ...answer }).toMatchObject({ words, status: 1, answer: { error: { code } } });
    }
    expect(await tail("definitions")).toEqual(after);
  }, 120_000);
});
