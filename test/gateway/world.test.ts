import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decodeProvision } from "../../firmware/core/identity/provision";
import { toHex } from "../../firmware/core/wire/bytes";
import { nodeCrypto } from "../../gateway/participant/crypto";
import { nodeRandom } from "../../gateway/participant/platform";
import { boardOf, createWorld, openWorld, plainWorld } from "../../gateway/world/world";

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

  it("gives each board a group with the gateway, and all of them one together", () => {
    const { catalog } = createWorld(crypto, random, directory, plainWorld(3));
    const owners = catalog.groups.map((group) => [group.name, group.owners.map(catalog.memberName).sort()]);
    expect(Object.fromEntries(owners)).toEqual({
      "machine@board-1": ["board-1", "gateway"],
      "machine@board-2": ["board-2", "gateway"],
      "machine@board-3": ["board-3", "gateway"],
      "machine-shared": ["board-1", "board-2", "board-3", "gateway"],
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
