import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { decodeProvision } from "../../firmware/core/identity/provision";
import { toHex } from "../../firmware/core/wire/bytes";
import { nodeCrypto } from "../../gateway/participant/crypto";
import { nodeRandom } from "../../gateway/participant/platform";
import { loadSaga } from "../../gateway/saga/load";
import { buildSandbox, type Sandbox } from "../../gateway/saga/sandbox";
import type { SagaLoaded } from "../../gateway/world/layout";
import { boardOf, createWorld, openWorld, plainWorld, readDefinition } from "../../gateway/world/world";

const crypto = nodeCrypto();
const random = nodeRandom();
let parent: string;
let directory: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "vertebra-world-"));
  directory = join(parent, "world");
});
afterEach(() => rmSync(parent, { recursive: true }));

describe("a new world", () => {
  it("is opened again as it was made", () => {
    const made = createWorld(crypto, random, directory, plainWorld(3));
    const opened = openWorld(crypto, directory);
    expect(opened.provision).toEqual(made.provision);
    expect(opened.boards.map((board) => board.name)).toEqual(["board-1", "board-2", "board-3"]);
  });

  it("gives each board a group with the gateway, all of them one together, and its steward one to define more in", () => {
    const { catalog } = createWorld(crypto, random, directory, plainWorld(3));
    const owners = catalog.groups.map((group) => [group.name, group.owners.map(catalog.memberName).sort()]);
    expect(Object.fromEntries(owners)).toEqual({
      "machine@board-1": ["board-1", "gateway"],
      "machine@board-2": ["board-2", "gateway"],
      "machine@board-3": ["board-3", "gateway"],
      "machine-shared": ["board-1", "board-2", "board-3", "gateway"],
      definitions: ["gateway"],
    });
  });

  it("provisions each board with its own groups and no other's", () => {
    const world = createWorld(crypto, random, directory, plainWorld(2));
    const provision = decodeProvision(readFileSync(boardOf(world, "board-2").provisionFile));
    const [own] = provision.worlds;
    expect(own!.groups).toHaveLength(2);
    expect(own!.readings.map((reading) => world.catalog.groupOf(reading.group)?.name)).toEqual([
      "machine@board-2",
      "machine-shared",
    ]);
    expect(toHex(provision.seed)).not.toBe(toHex(world.seed));
  });

  it("has a board of little memory push less often, and those with whom it shares a group", () => {
    const boards = ["rv32", "linux"].map(readDefinition);
    const world = createWorld(crypto, random, directory, { boards, sagas: [] });
    const pace = ({ provisionFile }: { provisionFile: string }) =>
      decodeProvision(readFileSync(provisionFile)).worlds[0]!.readings.map(({ everyMs }) => everyMs);
    expect(world.boards.map(pace)).toEqual([
      [4000, 8000],
      [500, 8000],
    ]);
  });

  it("is not made where a board has no memory for its groups, and says which, and what would fit", () => {
    const boards = ["linux", "rv32", ...Array.from({ length: 6 }, () => "linux")].map(readDefinition);
    const told = /board-2: The board has 520 KB of memory.*2 groups \(of 2, 9 owners\).*1 of the groups fit/;
    expect(() => createWorld(crypto, random, directory, { boards, sagas: [] })).toThrow(told);
    expect(readdirSync(parent)).toEqual([]);
  });

  it("keeps its secrets from other users", () => {
    const world = createWorld(crypto, random, directory, plainWorld(1));
    expect(statSync(join(directory, "world.json")).mode & 0o777).toBe(0o600);
    expect(statSync(world.boards[0]!.provisionFile).mode & 0o777).toBe(0o600);
    chmodSync(join(directory, "world.json"), 0o644);
    expect(() => openWorld(crypto, directory)).toThrow(/others may read it/);
  });

  it("is not made over one that is there", () => {
    const world = createWorld(crypto, random, directory, plainWorld(1));
    expect(() => createWorld(crypto, random, directory, plainWorld(1))).toThrow(/exists already/);
    expect(openWorld(crypto, directory).tag).toBe(world.tag);
  });

  it("leaves nothing behind when it can't be finished", () => {
    let left = 2;
    const broken = {
      bytes(count: number) {
        if (left-- === 0) throw new Error("no entropy");
        return random.bytes(count);
      },
    };
    expect(() => createWorld(crypto, broken, directory, plainWorld(1))).toThrow(/no entropy/);
    expect(readdirSync(parent)).toEqual([]);
  });
});

describe("a world directory", () => {
  it("that isn't there is told with the way to make one", () => {
    expect(() => openWorld(crypto, directory)).toThrow(expect.objectContaining({ code: "world-missing" }));
  });

  it("with a damaged file is told, naming the file", () => {
    createWorld(crypto, random, directory, plainWorld(1));
    writeFileSync(join(directory, "world.json"), "{}");
    expect(() => openWorld(crypto, directory)).toThrow(/world\.json can't be read: its layout is undefined/);
  });

  it("finds a group by name, by the name of its pact, or by the first digits of its id", () => {
    const { catalog } = createWorld(crypto, random, directory, plainWorld(1));
    const group = catalog.group("machine-shared");
    expect(catalog.group("machine").name).toBe("machine@board-1");
    expect(catalog.group(toHex(group.id).slice(0, 10))).toBe(group);
  });

  it("says which groups there are when a name fits several or none", () => {
    const { catalog } = createWorld(crypto, random, directory, plainWorld(2));
    expect(() => catalog.group("machine")).toThrow(
      expect.objectContaining({ code: "group-ambiguous", remedy: expect.stringContaining("machine@board-2") }),
    );
    expect(() => catalog.group("weather")).toThrow(expect.objectContaining({ code: "group-unknown" }));
  });

  it("knows its boards by name", () => {
    const world = createWorld(crypto, random, directory, plainWorld(1));
    expect(() => boardOf(world, "board-9")).toThrow(/no board 'board-9'/);
  });
});

describe("a world with sagas", () => {
  const thermometer = readDefinition("examples/thermostat/thermometer.board.json");
  const heater = readDefinition("examples/thermostat/heater.board.json");
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await buildSandbox(() => {});
  });
  const load = (...files: readonly string[]) => Promise.all(files.map((file) => loadSaga(sandbox, file)));

  /** A saga whose file is this text with another saga's name or fields. */
  function changed(from: string, to: string): Promise<SagaLoaded[]> {
    const file = join(parent, "changed.ts");
    writeFileSync(file, readFileSync("examples/thermostat/thermostat.ts", "utf8").replaceAll(from, to));
    return load(file);
  }

  it("has a group of each of their pacts, owned by all, and is opened again as it was made", async () => {
    const sagas = await load("examples/thermostat/thermostat.ts", "examples/order/order.ts");
    const made = createWorld(crypto, random, directory, { boards: [thermometer, heater], sagas });
    const { catalog, provision } = openWorld(crypto, directory);
    expect(provision).toEqual(made.provision);
    expect(provision.sagas.descriptions).toHaveLength(2);
    for (const name of [
      "capabilities",
      "reading",
      "setpoint",
      "thermostat-states",
      "order",
      "order-states",
      "reversal",
    ]) {
      expect(catalog.group(name).owners.map(catalog.memberName).sort()).toEqual(["board-1", "board-2", "gateway"]);
    }
  });

  it("gives a board the pact that it has sensors for to push, and no other board", async () => {
    const sagas = await load("examples/thermostat/thermostat.ts");
    const world = createWorld(crypto, random, directory, { boards: [thermometer, heater], sagas });
    const pushes = (name: string) => {
      const [own] = decodeProvision(readFileSync(boardOf(world, name).provisionFile)).worlds;
      return own!.readings.map(({ group }) => world.catalog.groupOf(group)?.name);
    };
    expect(pushes("board-1")).toEqual(["machine@board-1", "machine-shared", "reading"]);
    expect(pushes("board-2")).toEqual(["machine@board-2", "machine-shared"]);
    expect(readFileSync(boardOf(world, "board-2").definitionFile)).toEqual(heater);
  });

  it("gives a board no pact to push whose field is no number, whatever its sensors are called", async () => {
    const file = join(parent, "told.ts");
    writeFileSync(file, told);
    createWorld(crypto, random, directory, { boards: [thermometer], sagas: await load(file) });
    const world = openWorld(crypto, directory);
    const [own] = decodeProvision(readFileSync(boardOf(world, "board-1").provisionFile)).worlds;
    expect(own!.readings).toHaveLength(2);
  });

  it("is not made of sagas that call different things by one name", async () => {
    const [thermostat] = await load("examples/thermostat/thermostat.ts");
    const refusal = async (from: string, to: string) => {
      const sagas = [thermostat!, ...(await changed(from, to))];
      expect(() => createWorld(crypto, random, directory, { boards: [heater], sagas })).toThrow(
        expect.objectContaining({ code: "world-names" }),
      );
    };
    await refusal("max: 125", "max: 150");
    await refusal("slack = 0.5", "slack = 0.25");
    await refusal('definePact("reading"', 'definePact("machine"');
    expect(readdirSync(parent)).toEqual(["changed.ts"]);
  });

  it("is not made of a kind of board that is not there", () => {
    expect(() => readDefinition("toaster")).toThrow(/no board 'toaster'/);
  });
});

const told = `import { defineBehavior, definePact, defineSaga } from "vertebra/saga";
const reading = definePact("reading", { celsius: "text" });
const hear = defineBehavior({ name: "hear", consumes: reading, run() {} });
export default defineSaga({ name: "told", version: 1, stages: [hear] });
`;
