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
    const pieces = () => readdirSync(join(world.directory, "store", "content")).length;
    expect(pieces()).toBeGreaterThan(10);
    const [first] = invocations;

    expect((await world.ask("saga", "undeploy", "visitors")).answer.defined).toMatchObject([{ kind: "undeploy" }]);
    await again.printed('"event":"undeployed","saga":"visitors","gone":false');
    await world.push("visits", { room: "hall", people: 30 });
    const anew = world.file("anew", text.replace("version: 1", "version: 3"));
    // To all that can, of whom one does not own its groups: none of these is that of before but those that it can't look at.
    const { answer: forAll } = await world.ask("saga", "deploy", anew, "--dry-run");
    expect(forAll.defined.map(({ name }: { name: string }) => name)).toEqual([
      ...[
        "visitors-states@v3",
        "reversal@visitors.v3",
        "visit",
        "crowd@visitors",
        "capabilities@visitors.v3",
        "visitors v3",
      ],
    ]);
    const { answer: deployedAnew } = await world.ask("saga", "deploy", anew, ...owners);
    expect(deployedAnew.defined.map(({ name }: { name: string }) => name)).toEqual([
      "visitors-states@v3",
      "visitors v3",
    ]);
    await again.printed('"version":3,"whole":true');
    // One that starts again in the middle of it knows both.
    await kill(again);
    const last = await world.board("porch");
    await world.push("visits", { room: "hall", people: 14 });
    await expect
      .poll(async () => (await world.tail("crowd")).slice(3).map(({ entry }) => entry.people), patience)
      .toEqual([14]);
    // A minute after all was over, nothing of it is left, and what is final tells what became of it.
    await last.printed('"event":"undeployed","saga":"visitors","gone":true');
    await expect.poll(pieces, { timeout: 90_000 }).toBeLessThan(5);
    expect((await world.ask("saga", "list")).answer.sagas).toMatchObject([{ version: 3, done: 1, running: 0 }]);
    expect((await world.ask("saga", "timeline", first.id)).answer).toMatchObject({ status: "done", version: 1 });
    expect((await world.ask("saga", "redrive", first.id)).answer.error.code).toBe("saga-undeployed");
  }, 300_000);

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
