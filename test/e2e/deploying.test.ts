import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { reason } from "./bench";
import { createLivingWorld, kill, type LivingWorld } from "./living-world";

const visitors = "examples/visitors/visitors.ts";
const owners = ["--owner", "gateway", "--owner", "porch"];

describe.skipIf(reason)("a saga that is deployed while the world runs", () => {
  let world: LivingWorld;
  const patience = { timeout: 40_000 };

  beforeEach(async () => {
    world = await createLivingWorld(1);
  });
  afterEach(() => world.end());

  /** A saga whose module has so many bytes more than it needs. */
  function sagaFile(name: string, text: string, more = 0): string {
    const words = Array.from({ length: more / 8 }, (_, at) => String(1_000_000 + at * 7_919).padStart(8));
    return world.file(name, text.replace("/*MORE*/", words.join("")));
  }

  it("runs on the boards that own its state group, from a source that is gone on with after both ends were killed", async () => {
    const gateway = await world.up();
    const hall = await world.board("board-1");
    expect((await world.ask("board", "add", "porch")).status).toBe(0);
    const porch = await world.board("porch");
    expect((await world.ask("pact", "add", "examples/visitors/visit.ts")).status).toBe(0);
    expect((await world.ask("group", "add", "visits", "--pact", "visit", ...owners)).status).toBe(0);
    const deployed = await world.ask("saga", "deploy", visitors, ...owners);
    expect(deployed.answer.defined.map(({ kind, name }: { kind: string; name: string }) => `${kind} ${name}`)).toEqual([
      "group visitors-states",
      "group reversal@visitors",
      "group crowd",
      "group capabilities@visitors",
      "saga visitors v1",
    ]);
    await porch.printed('"event":"deployed","saga":"visitors","version":1,"whole":true');
    await world.push("visits", { room: "hall", people: 8 });
    await world.push("visits", { room: "hall", people: 4 });
    await expect
      .poll(() => world.tail("crowd"), patience)
      .toMatchObject([{ issuer: "porch", entry: { room: "hall", people: 12, most: 10 } }]);
    expect(hall.lines().some((line) => line.includes("deployed"))).toBe(false);

    // One so large that both can be killed while it is on its way.
    const text = readFileSync(visitors, "utf8").replace("./visit", join(process.cwd(), "examples/visitors/visit"));
    const large = sagaFile(
      "large",
      `${text.replace("version: 1", "version: 2")}\nexport const more = "/*MORE*/";`,
      48_000,
    );
    const next = world.start("", "saga", "deploy", large);
    await porch.printed('"version":2,"whole":false');
    await kill(porch);
    await kill(gateway);
    await next;
    await world.up();
    const again = await world.board("porch");
    await again.printed('"version":2,"whole":true');
    await world.push("visits", { room: "lab", people: 11 });
    await world.push("visits", { room: "hall", people: 1 });
    await expect
      .poll(async () => (await world.tail("crowd")).map(({ entry }) => `${entry.room} ${entry.people}`), patience)
      .toEqual(["hall 12", "lab 11", "hall 13"]);
    const { sagas, invocations } = (await world.ask("saga", "list")).answer;
    expect(sagas).toMatchObject([{ name: "visitors", version: 2, done: 4, failed: 0, running: 0 }]);
    expect(new Set(invocations.map(({ version }: { version: number }) => version))).toEqual(new Set([1, 2]));
    expect(readdirSync(join(world.directory, "store", "content")).length).toBeGreaterThan(10);
  }, 180_000);

  it("is refused where it would run for nobody, and says why", async () => {
    await world.up();
    expect((await world.ask("board", "add", "porch")).status).toBe(0);
    expect((await world.ask("pact", "add", "examples/visitors/visit.ts")).status).toBe(0);
    expect((await world.ask("saga", "deploy", visitors, ...owners, "--dry-run")).answer).toMatchObject({ dry: true });
    const before = await world.tail("definitions");
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
      ["saga-source", [join(world.parent, "nowhere.ts"), ...owners]],
      ["behavior-size", [sagaFile("huge", `${text}\nexport const more = "/*MORE*/";`, 80_000), ...owners]],
    ];
    for (const [code, words] of refused) {
      const answer = await world.ask("saga", "deploy", ...words);
      expect({ words, ...answer }).toMatchObject({ words, status: 1, answer: { error: { code } } });
    }
    expect(await world.tail("definitions")).toEqual(before);
    expect((await world.ask("saga", "deploy", visitors, ...owners)).status).toBe(0);
    const after = await world.tail("definitions");
    const later: [string, string[]][] = [
      ["saga-version", [visitors]],
      ["saga-interests", [sagaFile("otherwise", otherwise)]],
      ["saga-owners", [sagaFile("second", text.replace("version: 1", "version: 2")), "--owner", "gateway"]],
    ];
    for (const [code, words] of later) {
      const answer = await world.ask("saga", "deploy", ...words);
      expect({ words, ...answer }).toMatchObject({ words, status: 1, answer: { error: { code } } });
    }
    expect(await world.tail("definitions")).toEqual(after);
  }, 120_000);
});
