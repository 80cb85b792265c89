import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { definitionsGroup, encodeDefinition } from "../../firmware/core/definitions/definition";
import { decodeProvision } from "../../firmware/core/identity/provision";
import { toHex } from "../../firmware/core/wire/bytes";
import { addBoard, addGroup, addPacts } from "../../gateway/channels/defining";
import { newcomerOf } from "../../gateway/channels/newcomer";
import { storeSizes } from "../../gateway/channels/store-sizes";
import { replaceBoard, retireGroup } from "../../gateway/channels/succeeding";
import { nodeRandom } from "../../gateway/participant/platform";
import { loadPact } from "../../gateway/saga/pact-file";
import { buildSandbox } from "../../gateway/saga/sandbox";
import { growingWorld, newBoard } from "../../gateway/world/growing";
import {
  boardOf,
  createWorld,
  openWorld,
  placeBoard,
  plainWorld,
  readDefinition,
  type World,
} from "../../gateway/world/world";
import { crypto, encodedReading, pulled, startedGateways, type TestGateway } from "./worlds";

let parent: string;
let directory: string;
const { start: started, stop, stopAll } = startedGateways();
const never = () => new AbortController().signal;
const board = new TextDecoder().decode(readDefinition("linux"));
const simulated = new TextDecoder().decode(readDefinition("simulated"));

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "vertebra-growing-"));
  directory = join(parent, "world");
  createWorld(crypto, nodeRandom(), directory, plainWorld(1));
});
afterEach(async () => {
  await stopAll();
  rmSync(parent, { recursive: true });
});

const start = (world: World = openWorld(crypto, directory)) => started(world);
const add = (gateway: TestGateway, name: string, dry = false, labels: readonly string[] = []) =>
  addBoard(gateway, { name, board, labels, dry }, never());
const alone = { name: "alone", pact: "machine", owners: ["gateway"], readings: [], dry: false };
const names = (world: World) => world.boards.map(({ name }) => name);

function push(gateway: TestGateway, load: number) {
  const group = gateway.world.catalog.group("alone");
  return gateway.channel.push(group, encodedReading(group, load));
}

describe("a gateway whose world grows", () => {
  it("gives a board its seed, the world and where it is defined, and nothing else", async () => {
    const gateway = await start();
    const { provisionFile } = await add(gateway, "porch");
    const [its] = decodeProvision(new Uint8Array(readFileSync(provisionFile!))).worlds;
    const { worldId, stewards, definitions } = gateway.world.provision;
    expect(its).toEqual({
      worldId,
      stewards,
      definitions,
      definedFrom: { version: 1, first: 0, position: 0, entries: 0, lastFinal: null },
      pacts: [],
      groups: [],
      readings: [],
      followers: [],
      sagas: its!.sagas,
    });
    expect(its!.sagas.descriptions).toEqual([]);
    expect(names(openWorld(crypto, directory))).toEqual(["board-1", "porch"]);
  });

  it("has the next board begin behind what was defined before it", async () => {
    const gateway = await start();
    await add(gateway, "porch");
    const { provisionFile } = await add(gateway, "shed");
    const [its] = decodeProvision(new Uint8Array(readFileSync(provisionFile!))).worlds;
    const { id } = gateway.world.catalog.group("definitions");
    const [last] = await gateway.store.blocks(gateway.world.tag, toHex(id), its!.definedFrom!.position - 1, 1);
    expect(its!.definedFrom).toMatchObject({ version: 1, first: 0, entries: 2, lastFinal: last!.block });
  });

  it("has a board hear all where the gateway has still to take what is final", async () => {
    const gateway = await start();
    await add(gateway, "porch");
    const { world, participant } = gateway;
    const ahead = { final: () => ({ blocks: 2, entries: 3, lastFinal: new Uint8Array(32) }) };
    const newcomer = newcomerOf({ world, participant, store: { ...gateway.store, ...ahead } });
    expect(newcomer).toEqual(growingWorld(world));
  });

  it("defines nothing in a dry run, and leaves no file", async () => {
    const gateway = await start();
    expect((await add(gateway, "porch", true)).defined.map(({ sequence }) => sequence)).toEqual([null, null]);
    expect(names(gateway.world)).toEqual(["board-1"]);
    expect(await pulled(gateway, "definitions")).toEqual([]);
    await add(gateway, "porch");
  });

  it("is given labels by which it can be chosen, a few and short ones, each once", async () => {
    const gateway = await start();
    const many = Array.from({ length: 17 }, (_, index) => `label-${index}`);
    for (const labels of [["roof", "roof"], ["a b"], [""], ["-roof"], ["kind:linux"], ["x".repeat(33)], many]) {
      await expect(add(gateway, "porch", false, labels), labels.join()).rejects.toMatchObject({ code: "label" });
    }
    await add(gateway, "porch", false, ["roof", "north"]);
    await add(gateway, "shed");
    await replaceBoard(gateway, { name: "porch", by: "attic", board, dry: false }, never());
    const labelled = openWorld(crypto, directory).catalog.members.map(({ name, labels }) => [name, labels]);
    expect(labelled.slice(2)).toEqual([
      ["porch", ["north", "roof"]],
      ["shed", []],
      // It takes the place of one that has them.
      ["attic", ["north", "roof"]],
    ]);
  });

  it("goes on with a board whose files were there when something ended it, with the same keys", async () => {
    const world = openWorld(crypto, directory);
    const begun = newBoard(crypto, nodeRandom(), world, "porch", readDefinition("linux"), [], growingWorld(world));
    placeBoard(world, "porch", begun.provision, readDefinition("linux"));
    const gateway = await start();
    await add(gateway, "porch");
    const provision = decodeProvision(new Uint8Array(readFileSync(boardOf(gateway.world, "porch").provisionFile)));
    expect(toHex(provision.seed)).toBe(toHex(begun.provision.seed));
    const [member] = begun.definitions;
    expect(member).toMatchObject({ kind: "member", avatar: boardOf(gateway.world, "porch").avatar });
  });

  it("goes on with a board that something ended between its two definitions", async () => {
    const gateway = await start();
    const begun = newBoard(
      crypto,
      nodeRandom(),
      gateway.world,
      "porch",
      readDefinition("linux"),
      [],
      newcomerOf(gateway),
    );
    placeBoard(gateway.world, "porch", begun.provision, readDefinition("linux"));
    const group = gateway.world.catalog.group("definitions");
    await (await gateway.channel.push(group, encodeDefinition(begun.definitions[0]!))).final;
    const { terminal } = boardOf(gateway.world, "porch");
    gateway.links.open({ kind: "serial", path: terminal, baudRate: 115_200 }, false);
    const again = await addBoard(gateway, { name: "porch", board: simulated, labels: [], dry: false }, never());
    expect(again.defined).toMatchObject([{ kind: "group", name: "machine@porch" }]);
    expect(gateway.status().links.map(({ address }) => address)).toEqual([terminal]);
    expect(readFileSync(boardOf(gateway.world, "porch").definitionFile, "utf8")).toBe(simulated);
    await expect(add(gateway, "porch")).rejects.toMatchObject({ code: "name-taken" });
  });

  it("begins with no board at all", async () => {
    const empty = join(parent, "empty");
    createWorld(crypto, nodeRandom(), empty, plainWorld(0));
    const gateway = await start(openWorld(crypto, empty));
    await add(gateway, "first");
    expect(names(openWorld(crypto, empty))).toEqual(["first"]);
  });

  it("goes on where what was defined can't be written into its directory, and says so", async () => {
    const gateway = await start();
    mkdirSync(join(directory, "defined"));
    await add(gateway, "porch");
    expect(names(gateway.world)).toEqual(["board-1", "porch"]);
    expect(gateway.notices).toHaveLength(1);
    rmSync(join(directory, "defined"), { recursive: true });
  });

  it("shows what was defined in the names that people use", async () => {
    const gateway = await start();
    await add(gateway, "porch");
    expect((await pulled(gateway, "definitions")).map(({ entry }) => entry)).toMatchObject([
      { kind: "member", name: "porch", board: "linux" },
      { kind: "group", name: "machine@porch", pact: "machine", owners: expect.arrayContaining(["gateway", "porch"]) },
    ]);
  });

  for (const [what, damage] of [
    ["gone", (path: string) => unlinkSync(path)],
    ["cut", (path: string) => writeFileSync(path, readFileSync(path, "utf8").slice(0, 40))],
    ["of another", (path: string) => writeFileSync(path, "00\n11\n")],
  ] as const) {
    it(`knows its world from what is final, though what the directory says of it is ${what}`, async () => {
      const first = await start();
      await add(first, "porch");
      await addGroup(first, alone, never());
      await stop(first);
      damage(join(directory, "defined"));
      const second = await start();
      expect(names(second.world)).toEqual(["board-1", "porch"]);
      expect(names(openWorld(crypto, directory))).toEqual(["board-1", "porch"]);
      expect(second.notices).toEqual([]);
    });
  }

  it("has what was defined, and uses no counter twice, with a journal that was begun anew from what is final", async () => {
    const first = await start();
    await addGroup(first, alone, never());
    await (await push(first, 1)).final;
    await stop(first);
    renameSync(join(directory, "store", "journal"), join(directory, "store", "journal.given-up"));
    const second = await start();
    await (await push(second, 2)).final;
    expect((await pulled(second, "alone")).map(({ entry }) => entry?.load)).toEqual([1, 2]);
    expect(names(second.world)).toEqual(["board-1"]);
    await add(second, "porch");
    expect(names(second.world)).toEqual(["board-1", "porch"]);
    // Nothing is sealed in a group that was retired, by who begins anew either.
    await retireGroup(second, { group: "alone", owners: [], readings: [], dry: false }, never());
    await stop(second);
    rmSync(join(directory, "store", "journal"));
    renameSync(join(directory, "store", "journal.kept-1"), join(directory, "store", "journal.given-up"));
    const third = await start();
    await expect(push(third, 3)).rejects.toMatchObject({ code: "group-retired" });
  });

  it("tells of a definition that counts for nobody, and takes those after it", async () => {
    const gateway = await start();
    const { catalog } = gateway.world;
    const stranger = { name: "board-1", avatar: new Uint8Array(32), board: "linux", labels: [] };
    const twice = encodeDefinition({ kind: "member", ...stranger });
    await (await gateway.channel.push(catalog.group("definitions"), twice)).final;
    await add(gateway, "porch");
    expect(gateway.notices).toEqual(["name-taken"]);
    await stop(gateway);
    const again = await start();
    expect(names(again.world)).toEqual(["board-1", "porch"]);
  });
});

describe("what takes how much of a gateway's store", () => {
  it("is told by group, of all blocks or reckoned from some", async () => {
    const gateway = await start();
    await addGroup(gateway, alone, never());
    for (let load = 0; load < 70; load++) await (await push(gateway, load)).final;
    const { historyBytes, journalBytes, groups } = await storeSizes(gateway);
    const of = (name: string) => groups.find((group) => group.name === name)!;
    expect(of("definitions")).toMatchObject({ blocks: 1, looked: 1 });
    expect(of("machine@board-1")).toMatchObject({ blocks: 0, proofBytes: 0, entryBytes: 0 });
    const { blocks, looked, proofBytes, entryBytes } = of("alone");
    expect([blocks, looked]).toEqual([70, 64]);
    // Loads of 0 to 69, as f32 of three to five bytes.
    expect(entryBytes).toBeGreaterThan(70 * 10);
    expect(entryBytes).toBeLessThan(70 * 30);
    expect(proofBytes).toBeGreaterThan(70 * 200);
    expect(historyBytes).toBeGreaterThan(0);
    expect(journalBytes).toBeGreaterThan(0);
  });
});

describe("what a gateway can't define", () => {
  it("is anything, where it is no steward", async () => {
    const world = openWorld(crypto, directory);
    const other = crypto.signer(new Uint8Array(32).fill(5)).publicKey;
    const path = join(directory, "world.json");
    const config = JSON.parse(readFileSync(path, "utf8"));
    writeFileSync(path, JSON.stringify({ ...config, definitions: toHex(definitionsGroup(crypto, [other])) }), {
      mode: 0o600,
    });
    const gateway = await start();
    await expect(add(gateway, "porch")).rejects.toMatchObject({ code: "steward-needed" });
    expect(names(gateway.world)).toEqual(names(world));
  });

  it("is anything in a world of an earlier version, which stays as it was made", async () => {
    const path = join(directory, "world.json");
    const { definitions: _, ...config } = JSON.parse(readFileSync(path, "utf8"));
    writeFileSync(path, JSON.stringify(config), { mode: 0o600 });
    const gateway = await start();
    await expect(add(gateway, "porch")).rejects.toMatchObject({ code: "world-fixed" });
    await expect(addGroup(gateway, alone, never())).rejects.toMatchObject({ code: "world-fixed" });
  });

  it("is a group whose pact requires of its owners what one of them has not", async () => {
    const gateway = await start();
    await add(gateway, "porch");
    for (const name of ["shed", "barn"])
      await addBoard(gateway, { name, board: simulated, labels: [], dry: false }, never());
    const file = join(parent, "vents.ts");
    writeFileSync(
      file,
      'import { definePact } from "vertebra/saga"; export default definePact("vents", { open: "bool" }, { requires: { relay: true, board: ["simulated"] } });',
    );
    const pacts = await loadPact(crypto, await buildSandbox(() => {}), file, gateway.world.catalog.pacts);
    await addPacts(gateway, { pacts: pacts.map(toHex), dry: false }, never());
    const vents = (...owners: string[]) => ({ ...alone, name: "vents", pact: "vents", owners });
    for (const other of ["porch", "gateway"]) {
      await expect(addGroup(gateway, vents("shed", other), never())).rejects.toMatchObject({
        code: "group-requires",
        message: expect.stringMatching(
          new RegExp(`^${other} can't own group vents, whose pact requires board simulated`),
        ),
        remedy: "Who can: shed, barn.",
      });
    }
    await addGroup(gateway, vents("shed", "barn"), never());
    await expect(replaceBoard(gateway, { name: "shed", by: "porch", board, dry: true }, never())).rejects.toMatchObject(
      { code: "group-requires" },
    );
  });

  it("is a group for which a board of little memory has no room", async () => {
    const gateway = await start();
    const small = new TextDecoder().decode(readDefinition("rv32"));
    await addBoard(gateway, { name: "small", board: small, labels: [], dry: false }, never());
    for (const name of ["p1", "p2", "p3", "p4", "p5", "p6"]) await add(gateway, name);
    const group = {
      ...alone,
      name: "wide",
      owners: ["gateway", "small", "p1", "p2", "p3", "p4", "p5", "p6", "board-1"],
    };
    await expect(addGroup(gateway, group, never())).rejects.toMatchObject({
      code: "board-memory",
      message: expect.stringContaining("small"),
    });
    await addGroup(gateway, { ...group, name: "narrow", owners: ["gateway", "small", "p1"] }, never());
  });
});
