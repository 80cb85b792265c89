import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { reason } from "./bench";
import { createLivingWorld, kill, type LivingWorld } from "./living-world";

describe.skipIf(reason)("a group whose owners change while it runs", () => {
  let world: LivingWorld;
  const patience = { timeout: 60_000 };

  beforeEach(async () => {
    world = await createLivingWorld(2);
  });
  afterEach(() => world.end());

  const owners = (...names: string[]) => names.flatMap((name) => ["--owner", name]);
  const people = async (group: string) => (await world.tail(group)).map(({ entry }) => entry.people);

  async function pushed(count: number, ...more: string[]) {
    return world.ask("push", "notes", JSON.stringify({ people: count }), ...more);
  }

  async function list() {
    return (await world.ask("group", "list")).answer as { name: string; owners: string[]; retired: boolean }[];
  }

  it("goes on with a board that takes the place of one that is gone, and loses and doubles nothing of what waited for it", async () => {
    const gateway = await world.up();
    const [first, second] = [await world.board("board-1"), await world.board("board-2")];
    const pact = world.file(
      "note",
      'import { definePact } from "vertebra/saga";\nexport default definePact("note", { people: "u8" }, { quorum: "all" });\n',
    );
    expect((await world.ask("pact", "add", pact)).status).toBe(0);
    const group = ["group", "add", "notes", "--pact", "note", ...owners("gateway", "board-1", "board-2")];
    expect((await world.ask(...group)).status).toBe(0);
    expect((await pushed(1, "--final")).answer).toMatchObject({ state: "final", sequence: 0 });
    await kill(second);
    for (const count of [2, 3]) expect((await pushed(count)).answer).toMatchObject({ state: "sealed" });

    const replace = ["board", "replace", "board-2", "--by", "porch"];
    const would = await world.ask(...replace, "--dry-run");
    expect(would.answer.defined.map(({ kind, name }: { kind: string; name: string }) => `${kind} ${name}`)).toEqual([
      "member porch",
      "group machine@porch",
      "retire machine@board-2",
      "group machine-shared",
      "group notes",
      "epoch for 2 members",
      "expel board-2",
    ]);
    const waits = pushed(4, "--final");
    expect((await world.ask(...replace)).status).toBe(0);
    const porch = await world.board("porch");
    expect((await waits).answer).toMatchObject({ state: "final", group: "notes" });
    await expect.poll(() => people("notes"), patience).toEqual([1, 2, 3, 4]);
    // What its boards read of their machines goes on, too.
    await porch.printed('"event":"sealed"');
    await first.printed('"event":"retired"');

    await kill(gateway);
    await kill(porch);
    const anew = await world.up();
    await world.board("porch");
    expect((await pushed(5, "--final")).status).toBe(0);
    expect(await people("notes")).toEqual([1, 2, 3, 4, 5]);
    expect(await people("notes~1")).toEqual([1, 2, 3, 4, 5]);
    expect((await list()).find(({ name }) => name === "notes")!.owners.sort()).toEqual(["board-1", "gateway", "porch"]);

    // The one that was gone comes back, and is no member any more.
    await world.board("board-2");
    await anew.complained("link-expelled");
    expect((await pushed(6, "--final")).status).toBe(0);
    expect((await world.ask("group", "retire", "notes")).answer.defined).toMatchObject([
      { kind: "retire", name: "notes" },
    ]);
    expect((await pushed(7)).answer.error.code).toBe("group-retired");
    expect(await people("notes")).toEqual([1, 2, 3, 4, 5, 6]);
  }, 180_000);

  it("is refused, with what to do, where nobody could go on with it", async () => {
    await world.up();
    const refused: [string, string[]][] = [
      ["group-unknown", ["group", "retire", "attic"]],
      ["definitions-stay", ["group", "retire", "definitions"]],
      ["group-owners", ["group", "retire", "machine-shared", ...owners("board-1", "board-1")]],
      ["group-owners", ["group", "retire", "machine-shared", "--reading", "board-1=1s"]],
      ["member-unknown", ["group", "retire", "machine-shared", ...owners("attic")]],
      ["group-same", ["group", "retire", "machine-shared", ...owners("gateway", "board-1", "board-2")]],
      ["readings-owner", ["group", "retire", "machine-shared", ...owners("board-1"), "--reading", "board-2=1s"]],
      ["member-unknown", ["board", "replace", "attic", "--by", "porch"]],
      ["board-itself", ["board", "replace", "board-1", "--by", "board-1"]],
      ["board-gateway", ["board", "replace", "gateway", "--by", "board-1"]],
      ["name", ["board", "replace", "board-1", "--by", "../x"]],
      ["member-unknown", ["board", "remove", "attic"]],
      ["board-gateway", ["board", "remove", "gateway"]],
    ];
    for (const [code, words] of refused) {
      const { status, answer } = await world.ask(...words);
      expect([words.join(" "), status, answer.error.code]).toEqual([words.join(" "), 1, code]);
      expect(answer.error.remedy).not.toBe("");
    }
    expect((await list()).every(({ retired }) => !retired)).toBe(true);
    expect((await world.ask("board", "remove", "board-2")).status).toBe(0);
    expect((await list()).map(({ name, retired }) => `${name}${retired ? " retired" : ""}`)).toEqual([
      "machine@board-1",
      "definitions",
      "machine-shared",
      "machine@board-2 retired",
      "machine-shared~1 retired",
    ]);
    expect((await world.ask("group", "retire", "machine-shared~1")).answer.error.code).toBe("group-retired");
    expect((await world.ask("board", "remove", "board-2")).answer.error.code).toBe("member-expelled");
  }, 120_000);

  it("waits for a saga that looks at it, which goes on with other members when it is deployed anew", async () => {
    await world.up();
    const first = await world.board("board-1");
    const gone = await world.board("board-2");
    expect((await world.ask("pact", "add", "examples/visitors/visit.ts")).status).toBe(0);
    const all = owners("gateway", "board-1", "board-2");
    expect((await world.ask("group", "add", "visits", "--pact", "visit", ...all)).status).toBe(0);
    expect((await world.ask("saga", "deploy", "examples/visitors/visitors.ts", ...all)).status).toBe(0);
    await first.printed('"whole":true');
    await kill(gone);
    const remove = ["board", "remove", "board-2"];
    const { error } = (await world.ask(...remove)).answer;
    expect([error.code, error.remedy]).toEqual([
      "group-in-use",
      expect.stringContaining("vertebra saga undeploy visitors"),
    ]);
    expect((await world.ask("saga", "undeploy", "visitors")).status).toBe(0);
    await expect.poll(async () => (await world.ask(...remove)).status, patience).toBe(0);
    const text = readFileSync("examples/visitors/visitors.ts", "utf8");
    const next = text
      .replace("./visit", join(process.cwd(), "examples/visitors/visit"))
      .replace("version: 1", "version: 2");
    const deployed = await world.ask("saga", "deploy", world.file("again", next), ...owners("gateway", "board-1"));
    expect([deployed.status, deployed.answer]).toMatchObject([0, {}]);
    await world.push("visits", { room: "hall", people: 12 });
    await expect.poll(() => world.tail("crowd"), patience).toMatchObject([{ entry: { room: "hall", people: 12 } }]);
  }, 120_000);
});
