import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { definitionsGroup, definitionsPactBytes } from "../../firmware/core/definitions/definition";
import { toHex } from "../../firmware/core/wire/bytes";
import { addBoard, addGroup, propose } from "../../gateway/channels/defining";
import { expelMember } from "../../gateway/channels/expelling";
import { exportWorld } from "../../gateway/channels/exporting";
import { addSteward, revokeSteward } from "../../gateway/channels/stewards";
import { removeBoard, retireGroup } from "../../gateway/channels/succeeding";
import { nodeRandom } from "../../gateway/participant/platform";
import { readConfig } from "../../gateway/world/config";
import { importWorld } from "../../gateway/world/exporting";
import { createWorld, openWorld, plainWorld, readDefinition } from "../../gateway/world/world";
import { hostOrReason } from "../xs/host";
import { type NullModem, plugIn } from "./null-modem";
import { crypto, encodedReading, gatewayOf, pulled, refused, type TestGateway } from "./worlds";

const { path: host, reason } = await hostOrReason();
const patience = { timeout: 20_000 };
const board = new TextDecoder().decode(readDefinition("linux"));
const never = () => new AbortController().signal;

let parent: string;
let modem: NullModem | undefined;
const open = new Set<TestGateway>();

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "vertebra-two-"));
  createWorld(crypto, nodeRandom(), join(parent, "first"), plainWorld(1));
});
afterEach(async () => {
  for (const each of open) await each.close();
  open.clear();
  await modem?.unplug();
  modem = undefined;
  rmSync(parent, { recursive: true });
});

async function start(directory: string, port?: string): Promise<TestGateway> {
  const gateway = await gatewayOf(openWorld(crypto, join(parent, directory)), port === undefined ? [] : [port]);
  open.add(gateway);
  return gateway;
}

async function stop(gateway: TestGateway): Promise<void> {
  open.delete(gateway);
  await gateway.close();
}

/** The first, and one that it exported, on a cable. */
async function both() {
  modem = await plugIn(host, parent);
  const [left, right] = modem.ends;
  const first = await start("first", left);
  const { file } = await exportWorld(first, { name: "second", dry: false }, never());
  importWorld(crypto, file!, join(parent, "second"));
  const second = await start("second", right);
  await expect.poll(() => second.told, patience).toContain("gateway up");
  return { first, second, ends: modem.ends };
}

const names = ({ world }: TestGateway) => world.catalog.members.map(({ name }) => name);
const groups = ({ world }: TestGateway) => world.catalog.groups.map(({ name }) => name);
const add = (gateway: TestGateway, name: string) => addBoard(gateway, { name, board, labels: [], dry: false }, never());
const steward = { name: "second", dry: false };

describe.skipIf(reason)("a second gateway of a world", () => {
  it("hears of all that was defined, and defines nothing before it is a steward", async () => {
    const { first, second } = await both();
    await add(first, "porch");
    await expect.poll(() => names(second), patience).toEqual(["gateway", "board-1", "second", "porch"]);
    expect(await refused(add(second, "hall"))).toBe("steward-needed");
    expect(second.world.boards.map(({ name }) => name)).toEqual(["board-1", "porch"]);
    expect(first.world.boards.map(({ name }) => name)).toEqual(["board-1", "porch"]);
  });

  it("defines with the first when it is one, each a board of its own, and both go on by the same", async () => {
    const { first, second } = await both();
    await expect.poll(() => names(second), patience).toContain("second");
    const { stewards, needed } = await addSteward(first, steward, never());
    expect([[...stewards].sort(), needed]).toEqual([["gateway", "second"], 2]);
    await expect.poll(() => second.world.catalog.group("definitions").owners.length, patience).toBe(2);
    await Promise.all([add(first, "porch"), add(second, "hall")]);
    await expect.poll(() => groups(first), patience).toContain("machine@hall");
    await expect.poll(() => groups(second), patience).toContain("machine@porch");
    const owners = (gateway: TestGateway, name: string) =>
      gateway.world.catalog.group(name).owners.map(gateway.world.catalog.memberName).sort();
    expect(owners(first, "machine@hall")).toEqual(["hall", "second"]);
    expect(owners(second, "machine@porch")).toEqual(["gateway", "porch"]);
    const same = await Promise.allSettled([add(first, "attic"), add(second, "attic")]);
    expect(same.map((each) => (each.status === "rejected" ? each.reason.code : "added")).sort()).toEqual([
      ...["added", "name-taken"],
    ]);
    const shared = { name: "shared", pact: "machine", owners: ["gateway", "second"], readings: [], dry: false };
    await addGroup(second, shared, never());
    await expect.poll(() => groups(first), patience).toContain("shared");
    const group = first.world.catalog.group("shared");
    await (await first.channel.push(group, encodedReading(group, 7))).final;
    await expect.poll(() => pulled(second, "shared"), patience).toMatchObject([{ entry: { load: 7 } }]);
    const rows = await Promise.all([first, second].map((each) => pulled(each, "definitions")));
    expect(rows[0]!.map(({ entry }) => entry)).toEqual(rows[1]!.map(({ entry }) => entry));
  });

  it("knows it all again after a restart, and by a journal that was begun anew", { timeout: 60_000 }, async () => {
    const { first, second, ends } = await both();
    await add(first, "porch");
    await addSteward(first, steward, never());
    await expect.poll(() => second.world.catalog.group("definitions").owners.length, patience).toBe(2);
    await add(second, "hall");
    await expect.poll(() => groups(first), patience).toContain("machine@hall");
    const before = toHex(first.world.catalog.group("definitions").id);
    for (const each of [first, second]) await stop(each);
    rmSync(join(parent, "first", "defined"));
    const journal = join(parent, "second", "store", "journal");
    renameSync(journal, `${journal}.given-up`);
    const again = [await start("first", ends[0]), await start("second", ends[1])] as const;
    for (const each of again) {
      expect(toHex(each.world.catalog.group("definitions").id)).toBe(before);
      expect(groups(each)).toEqual(expect.arrayContaining(["machine@porch", "machine@hall"]));
    }
    await expect.poll(() => again[1].told, patience).toContain("gateway up");
    await add(again[0], "attic");
    await expect.poll(() => names(again[1]), { timeout: 40_000 }).toContain("attic");
    expect(openWorld(crypto, join(parent, "first")).catalog.members.map(({ name }) => name)).toEqual([
      ...["gateway", "board-1", "second", "porch", "hall", "attic"],
    ]);
  });

  it("says of what it defines while stewards change that they must agree on it, and it is there then", async () => {
    const { first } = await both();
    const [, told] = await Promise.all([addSteward(first, steward, never()), refused(add(first, "porch"))]);
    expect(told).toBe("define-overtaken");
    await expect.poll(() => names(first), patience).toContain("porch");
  });

  it("is a steward no more when it was revoked, and the first goes on alone", async () => {
    const { first, second } = await both();
    await addSteward(first, steward, never());
    expect(await refused(addSteward(first, steward, never()))).toBe("steward-already");
    expect(await refused(removeBoard(first, { name: "second", dry: false }, never()))).toBe("steward-still");
    await expect.poll(() => second.world.catalog.group("definitions").owners.length, patience).toBe(2);
    await revokeSteward(second, steward, never());
    await expect.poll(() => first.world.catalog.group("definitions").owners.length, patience).toBe(1);
    expect(await refused(add(second, "hall"))).toBe("steward-needed");
    expect(await refused(revokeSteward(first, steward, never()))).toBe("steward-none");
    expect(await refused(revokeSteward(first, { name: "gateway", dry: false }, never()))).toBe("steward-last");
    await stop(second);
    await add(first, "porch");
    expect(names(first)).toContain("porch");
  });
});

describe("what a gateway exports", () => {
  it("is one gateway's, with a seed of its own, in a file that its user alone can read", async () => {
    const first = await start("first");
    expect(await exportWorld(first, { name: "second", dry: true }, never())).toMatchObject({ dry: true, file: null });
    expect(names(first)).not.toContain("second");
    const { file, defined } = await exportWorld(first, { name: "second", dry: false }, never());
    expect(defined).toMatchObject([{ kind: "member", name: "second" }]);
    expect(statSync(file!).mode & 0o777).toBe(0o600);
    const before = readFileSync(file!, "utf8");
    // Once more, as where the file was lost on its way.
    expect(await exportWorld(first, { name: "second", dry: false }, never())).toMatchObject({ defined: [] });
    expect(readFileSync(file!, "utf8")).toBe(before);
    expect(before).not.toContain(toHex(first.world.seed));
    expect(await refused(exportWorld(first, { name: "board-1", dry: false }, never()))).toBe("name-taken");
    expect(await refused(exportWorld(first, { name: "a b", dry: false }, never()))).toBe("name");
  });

  it("comes in the epoch of its time", async () => {
    const first = await start("first");
    await expelMember(first, { name: "board-1", dry: false }, never());
    const { file } = await exportWorld(first, { name: "second", dry: false }, never());
    importWorld(crypto, file!, join(parent, "second"));
    expect(readConfig(join(parent, "second")).epoch?.number).toBe(1);
    const second = await start("second");
    expect(second.participant.membership(second.world.tag).epoch).toBe(1);
  });

  it("is nothing any more for one that was expelled: it would let that one in again by another name", async () => {
    const first = await start("first");
    const { file } = await exportWorld(first, { name: "second", dry: false }, never());
    await expelMember(first, { name: "second", dry: false }, never());
    const before = readFileSync(file!, "utf8");
    expect(await refused(exportWorld(first, { name: "second", dry: false }, never()))).toBe("member-expelled");
    expect(readFileSync(file!, "utf8")).toBe(before);
  });

  it("is refused where what it wrote before is spoilt, and says what is to be done", async () => {
    const first = await start("first");
    const { file } = await exportWorld(first, { name: "second", dry: false }, never());
    writeFileSync(file!, readFileSync(file!, "utf8").slice(0, -40));
    expect(await refused(exportWorld(first, { name: "second", dry: false }, never()))).toBe("export-damaged");
  });

  it("is refused where it is none, where others can read it, and over another", async () => {
    const first = await start("first");
    const { file } = await exportWorld(first, { name: "second", dry: false }, never());
    const into = (from: string, name: string) =>
      refused(Promise.resolve().then(() => importWorld(crypto, from, join(parent, name))));
    expect(await into(join(parent, "nothing"), "second")).toBe("export-missing");
    expect(await into(file!, "first")).toBe("world-exists");
    const text = readFileSync(file!, "utf8");
    for (const spoilt of ["", "{}", text.slice(0, -40), text.replace(/"seed": "../, '"seed": "')]) {
      writeFileSync(file!, spoilt);
      expect(await into(file!, "second")).toBe("export-damaged");
    }
    writeFileSync(file!, text);
    chmodSync(file!, 0o644);
    expect(await into(file!, "second")).toBe("export-open");
    chmodSync(file!, 0o600);
    expect(await into(file!, "second")).toBe("accepted");
    expect(readdirSync(parent).sort()).toEqual(["first", "second"]);
  });
});

describe("the group of definitions", () => {
  it("is neither retired nor taken for another", async () => {
    const first = await start("first");
    const retired = { group: "definitions", owners: [], readings: [], dry: false };
    expect(await refused(retireGroup(first, retired, never()))).toBe("definitions-stay");
    const called = { name: "definitions", pact: "machine", owners: ["gateway"], readings: [], dry: false };
    expect(await refused(addGroup(first, called, never()))).toBe("name-taken");
  });

  it("goes on at a gateway as for its participant, though a steward names one who is no member", async () => {
    const first = await start("first");
    const { owners } = first.world.catalog.group("definitions");
    const stewards = [...owners, crypto.sha256(new Uint8Array(1))];
    const group = definitionsGroup(crypto, stewards, 2);
    const succeeds = definitionsGroup(crypto, owners);
    const about = { name: "definitions", pacts: [definitionsPactBytes(2)], readings: [], followers: [] };
    await propose(first, [{ kind: "group", ...about, group, succeeds }], never());
    expect(first.world.catalog.group("definitions").owners).toHaveLength(2);
  });
});
