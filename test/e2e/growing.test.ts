import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { reading } from "../gateway/worlds";
import { reason } from "./bench";
import { createLivingWorld, kill, type LivingWorld } from "./living-world";

describe.skipIf(reason)("a world that grows while it runs", () => {
  let world: LivingWorld;
  const patience = { timeout: 30_000 };

  beforeEach(async () => {
    world = await createLivingWorld(1);
  });
  afterEach(() => world.end());

  async function finalEntries(name: string): Promise<number> {
    const { groups } = (await world.ask("status")).answer;
    return groups.find((group: { name: string }) => group.name === name)?.finalEntries ?? -1;
  }
  function pactFile(text: string): string {
    return world.file(`pact-${text.length}`, `import { definePact } from "vertebra/saga";\nexport default ${text};\n`);
  }

  it("takes a board, a pact and groups of it, each by one command, and has them after the gateway was killed", async () => {
    const gateway = await world.up();
    await world.board("board-1");
    const added = await world.ask("board", "add", "porch", "--label", "roof");
    expect(added.answer.defined.map(({ kind, name }: { kind: string; name: string }) => `${kind} ${name}`)).toEqual([
      "member porch",
      "group machine@porch",
    ]);
    const porch = await world.board("porch");
    await expect.poll(() => finalEntries("machine@porch"), patience).toBeGreaterThan(1);

    const file = pactFile(
      'definePact("room", { people: { type: "u8", max: 50 } }, { extends: "machine", quorum: "all" })',
    );
    expect((await world.ask("pact", "add", file)).answer.defined).toMatchObject([{ kind: "pact", name: "room v1" }]);
    expect(
      (await world.ask("group", "add", "room", "--pact", "room", "--owner", "gateway", "--owner", "porch")).status,
    ).toBe(0);
    const pushed = await world.ask("push", "room", JSON.stringify({ ...reading(0.5), people: 3 }), "--final");
    expect(pushed).toMatchObject({ status: 0, answer: { state: "final", sequence: 0 } });
    const many = JSON.stringify({ ...reading(0.5), people: 51 });
    expect((await world.ask("push", "room", many)).answer.error.code).toBe("entry-bound");

    // Boards hear each other through the gateway, which owns nothing of this.
    const readings = ["--reading", "porch=200ms", "--reading", "board-1=200ms"];
    const owners = ["--owner", "porch", "--owner", "board-1"];
    expect((await world.ask("group", "add", "pair", "--pact", "machine", ...owners, ...readings)).status).toBe(0);
    await expect
      .poll(async () => new Set((await world.tail("pair")).map(({ issuer }) => issuer)), patience)
      .toEqual(new Set(["porch", "board-1"]));

    await kill(gateway);
    // What the directory knows of it follows from what is final.
    writeFileSync(join(world.directory, "defined"), "00\n");
    await world.up();
    expect((await world.ask("board", "list")).answer).toMatchObject([
      { name: "board-1", labels: [] },
      { name: "porch", labels: ["roof"] },
    ]);
    const before = await finalEntries("pair");
    await expect.poll(() => finalEntries("pair"), patience).toBeGreaterThan(before);
    await kill(porch);
    await world.board("porch");
    await expect
      .poll(
        async () =>
          (await world.ask("push", "room", JSON.stringify({ ...reading(1), people: 4 }), "--final")).answer.sequence,
        patience,
      )
      .toBeGreaterThan(0);
    const sequences = (await world.tail("pair")).map(({ sequence }) => sequence);
    expect(sequences).toEqual(sequences.map((_, index) => index));
  }, 120_000);

  it("refuses what would count for nobody, says why, and defines nothing", async () => {
    await world.up();
    expect((await world.ask("board", "add", "porch")).status).toBe(0);
    const machine = pactFile('definePact("machine", { load: "f32" })');
    const orphan = pactFile('definePact("child", { load: "f32" }, { extends: "nothing" })');
    const none = pactFile("{ pact: true }");
    const group = (...words: string[]) => ["group", "add", "more", "--pact", "machine", ...words];
    const refused: [string, string[]][] = [
      ["name-taken", ["board", "add", "porch"]],
      ["name-taken", ["board", "add", "gateway"]],
      ["name", ["board", "add", "../elsewhere"]],
      ["board-kind", ["board", "add", "other", "--kind", "no-such-kind"]],
      ["pact-version", ["pact", "add", machine]],
      ["pact-unknown", ["pact", "add", orphan]],
      ["pact-file", ["pact", "add", none]],
      ["group-owners", group()],
      ["group-owners", group("--owner", "porch", "--owner", "porch")],
      ["member-unknown", group("--owner", "porch", "--owner", "nobody")],
      ["pact-unknown", ["group", "add", "more", "--pact", "nothing", "--owner", "porch"]],
      ["name-taken", ["group", "add", "machine@porch", "--pact", "machine", "--owner", "porch"]],
      ["name-taken", group("--owner", "gateway", "--owner", "porch")],
      [
        "readings-field",
        ["group", "add", "more", "--pact", "definitions", "--owner", "porch", "--reading", "porch=1s"],
      ],
      ["readings-owner", group("--owner", "porch", "--reading", "board-1=1s")],
      ["readings-owner", group("--owner", "gateway", "--owner", "porch", "--reading", "gateway=1s")],
      ["readings-owner", group("--owner", "porch", "--reading", "porch=1s", "--reading", "porch=2s")],
      ["name", ["board", "add", "a@b"]],
      ["name", ["board", "add", "n".repeat(60)]],
      ["name", ["group", "add", "a@b@c", "--pact", "machine", "--owner", "porch"]],
      ["push-definitions", ["push", "definitions", '{"kind":"member","definition":""}']],
    ];
    for (const [code, words] of refused) {
      expect({ words, ...(await world.ask(...words)) }).toMatchObject({
        words,
        status: 1,
        answer: { error: { code } },
      });
    }
    expect((await world.ask(...group("--owner", "porch", "--dry-run"))).answer).toMatchObject({
      dry: true,
      defined: [{ sequence: null }],
    });
    expect(await finalEntries("definitions")).toBe(2);
    expect(readFileSync(join(world.directory, "defined"), "utf8").trim().split("\n")).toHaveLength(2);
  }, 120_000);
});
