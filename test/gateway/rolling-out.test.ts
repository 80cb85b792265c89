import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { addBoard, addGroup, define } from "../../gateway/channels/defining";
import { deploySaga, startRollout, undeploySaga } from "../../gateway/channels/deploying";
import { diffJson } from "../../gateway/channels/rollout-diff";
import { historyJson } from "../../gateway/channels/rollout-history";
import { rolloutsJson, steer } from "../../gateway/channels/rollouts";
import { listSagas } from "../../gateway/channels/sagas";
import { versionsJson } from "../../gateway/channels/versions";
import { nodeRandom } from "../../gateway/participant/platform";
import { buildSandbox } from "../../gateway/saga/sandbox";
import type { AskedRing } from "../../gateway/world/rolling";
import { createWorld, openWorld, plainWorld, readDefinition } from "../../gateway/world/world";
import { visit as visitIn, visitorsVersion } from "./visitors";
import { crypto, gatewayOf, refused, type TestGateway } from "./worlds";

/** A gateway and two boards that don't run: what it defines is final all the same, and of sagas that it runs alone all is. */

let parent: string;
let directory: string;
let gateway: TestGateway;
const never = () => new AbortController().signal;
const patience = { timeout: 20_000 };
const sandbox = buildSandbox(() => {});

beforeEach(async () => {
  parent = mkdtempSync(join(tmpdir(), "vertebra-rolling-out-"));
  directory = join(parent, "world");
  createWorld(crypto, nodeRandom(), directory, plainWorld(2));
  gateway = await gatewayOf(openWorld(crypto, directory));
});
afterEach(async () => {
  await gateway.close();
  rmSync(parent, { recursive: true });
});

const version = async (number: number, owners: readonly string[], change?: (text: string) => string) =>
  visitorsVersion(parent, await sandbox, number, owners, change);

async function start(number: number, rings: readonly AskedRing[], soakMs = 0, change?: (text: string) => string) {
  const its = await version(number, [], change);
  return startRollout(gateway, { ...its, rings, soakMs, maxFailures: 0, minSuccess: 100 }, never());
}

const visit = (people: number) => visitIn(gateway, people);

const all = ["gateway", "board-1", "board-2"];
const asked = { saga: "visitors", dry: false };
const sleepy = 3_600_000;

describe("the versions of a saga", () => {
  it("are told with since when they are there, how they stand, and which of them each member runs", async () => {
    expect(await versionsJson(gateway, null)).toEqual([]);
    await deploySaga(gateway, await version(1, ["gateway"]), never());
    await visit(11);
    const ran = async () => (await versionsJson(gateway, "visitors"))[0]!.members;
    await expect.poll(ran, patience).toEqual([{ name: "gateway", begins: 1, ran: 1, told: null }]);
    await start(2, [{ all: true }]);
    await visit(1);
    await expect
      .poll(ran, patience)
      .toEqual([{ name: "gateway", begins: 2, ran: 2, told: { version: 2, state: "good" } }]);
    const [first] = await versionsJson(gateway, "visitors");
    expect(first!.versions).toMatchObject([
      { version: 1, stands: "deployed", all: false },
      { version: 2, stands: "rolled out", open: 1, rings: 1, all: true },
    ]);
    expect(first!.versions[0]!.definition).toBeLessThan(first!.versions[1]!.definition);
    await steer(gateway, "back", asked, never());
    const [back] = await versionsJson(gateway, null);
    expect(back!.versions.map(({ stands, all: ofAll }) => [stands, ofAll])).toEqual([
      ["deployed", true],
      ["taken back", false],
    ]);
    await undeploySaga(gateway, asked, never());
    expect(await versionsJson(gateway, "visitors")).toMatchObject([
      {
        undeployed: expect.any(Number),
        versions: [{ all: false }, { all: false }],
        members: [{ begins: null, ran: 2 }],
      },
    ]);
    expect(await refused(versionsJson(gateway, "other"))).toBe("saga-not-deployed");
  }, 60_000);

  it("are each member's as its ring says", async () => {
    await deploySaga(gateway, await version(1, all), never());
    await start(2, [{ members: ["board-2"] }, { all: true }], sleepy);
    const [found] = await versionsJson(gateway, "visitors");
    const begins = found!.members.map(({ name, begins: by }) => `${name} ${by}`).sort();
    expect(begins).toEqual(["board-1 1", "board-2 2", "gateway 1"]);
    expect(found!.versions[1]).toMatchObject({ stands: "rolling out", open: 1, rings: 2, all: false });
  }, 60_000);

  it("go on by a journal that was begun anew from what is final, and one that was undeployed does not", async () => {
    await deploySaga(gateway, await version(1, ["gateway"]), never());
    await start(2, [{ all: true }]);
    await visit(1);
    const ended = async () => (await listSagas(gateway)).invocations.map((each) => each.version);
    await expect.poll(async () => (await listSagas(gateway)).sagas[0]!.done, patience).toBe(1);
    const beginAnew = async () => {
      await gateway.close();
      renameSync(join(directory, "store", "journal"), join(directory, "store", "journal.given-up"));
      gateway = await gatewayOf(openWorld(crypto, directory));
    };
    await beginAnew();
    await visit(1);
    await expect.poll(async () => (await listSagas(gateway)).sagas[0]!.done, patience).toBe(2);
    expect(await ended()).toEqual([2, 2]);
    await undeploySaga(gateway, asked, never());
    await beginAnew();
    await visit(1);
    await sleep(2_000);
    expect((await listSagas(gateway)).sagas).toMatchObject([{ done: 2, running: 0 }]);
  }, 60_000);

  it("go on after a restart as they stood before it", async () => {
    await deploySaga(gateway, await version(1, ["gateway"]), never());
    await start(2, [{ all: true }]);
    await visit(11);
    await expect.poll(async () => (await rolloutsJson(gateway))[0]!.state, patience).toBe("done");
    await gateway.close();
    gateway = await gatewayOf(openWorld(crypto, directory));
    await visit(1);
    await expect.poll(async () => (await listSagas(gateway)).sagas[0]!.done, patience).toBe(2);
    expect((await listSagas(gateway)).invocations.map((each) => each.version)).toEqual([2, 2]);
  }, 60_000);
});

describe("the rings of a rollout", () => {
  const boardOf = (kind: string) => new TextDecoder().decode(readDefinition(kind));
  const rings = () =>
    gateway.world.catalog.rollouts
      .at(-1)!
      .definition.rings.map((ring) => ring.map(gateway.world.catalog.memberName).sort());

  async function add(name: string, kind: string, ...labels: string[]): Promise<void> {
    await addBoard(gateway, { name, board: boardOf(kind), labels, dry: false }, never());
  }

  it("are of members by what they are, those that are in no ring before it; nobody is in two", async () => {
    await add("porch", "simulated", "roof", "north");
    await add("shed", "linux", "roof");
    const owners = ["gateway", "porch", "shed"];
    await addGroup(gateway, { name: "pair", pact: "machine", owners, readings: [], dry: false }, never());
    await deploySaga(gateway, await version(1, [...all, "porch", "shed"]), never());
    const members = (...names: string[]) => ({ members: names });
    await start(2, [members("kind:simulated"), members("label:roof"), members("group:pair", "kind:linux")], sleepy);
    expect(rings()).toEqual([["porch"], ["shed"], ["board-1", "board-2", "gateway"]]);
    await steer(gateway, "back", asked, never());
    await start(3, [members("capability:relay", "board-2", "kind:gateway"), { all: true }], sleepy);
    expect(rings()).toEqual([
      ["board-2", "gateway", "porch"],
      ["board-1", "shed"],
    ]);
    await steer(gateway, "back", asked, never());
    const none = async (...names: string[]) =>
      start(
        4,
        names.map((name) => members(name)),
      ).catch((error) => error);
    expect(await none("kind:rv32")).toMatchObject({
      code: "rollout-rings",
      remedy: "There are: kind:gateway (1), kind:linux (3), kind:simulated (1).",
    });
    expect((await none("label:cellar")).remedy).toBe("There are: label:north (1), label:roof (2).");
    expect((await none("capability:laser")).remedy).toContain("capability:relay (1)");
    expect((await none("group:nothing")).remedy).toContain("group:pair (3)");
    expect(await none("colour:red")).toMatchObject({
      code: "rollout-rings",
      remedy: expect.stringContaining("kind:NAME"),
    });
    expect((await none("label:roof", "label:north")).message).toContain("has nobody in ring 2");
    expect(await none("label:roof", "porch")).toMatchObject({ code: "rollout-rings" });
  }, 60_000);
});

describe("a rollout", () => {
  it("waits and goes on as a person says, each once, and with what to do where it can't", async () => {
    const pause = (dry = false) => steer(gateway, "pause", { saga: "visitors", dry }, never());
    const resume = () => steer(gateway, "resume", asked, never());
    const state = async () => (await rolloutsJson(gateway))[0]!.state;
    expect([await refused(pause()), await refused(resume())]).toEqual(["rollout-none", "rollout-none"]);
    await deploySaga(gateway, await version(1, ["gateway"]), never());
    await start(2, [{ all: true }]);
    // All of its rings are open.
    expect(await refused(pause())).toBe("rollout-none");
    await steer(gateway, "back", asked, never());
    expect(await refused(pause())).toBe("rollout-none");
    await undeploySaga(gateway, asked, never());
    await deploySaga(gateway, await version(3, all), never());
    await start(4, [{ members: ["board-1"] }, { all: true }], sleepy);
    expect(await refused(resume())).toBe("rollout-paused");
    expect(await pause(true)).toMatchObject({ dry: true, defined: [{ kind: "pause" }] });
    expect(await state()).toBe("running");
    await pause();
    expect([await state(), await refused(pause())]).toEqual(["paused", "rollout-paused"]);
    await gateway.close();
    gateway = await gatewayOf(openWorld(crypto, directory));
    expect(await state()).toBe("paused");
    expect(await refused(start(5, [{ all: true }]))).toBe("rollout-running");
    expect(await refused(undeploySaga(gateway, asked, never()))).toBe("rollout-running");
    await resume();
    expect(await state()).toBe("running");

    const history = await historyJson(gateway, "visitors");
    const told = history.map(({ version: number, state: how, steps }) => [
      ...[number, how],
      ...steps.map(({ what, by }) => `${by} ${what}`),
    ]);
    expect(told).toEqual([
      [2, "taken back", "gateway began", "gateway took back"],
      [4, "running", "gateway began", "gateway paused", "gateway resumed"],
    ]);
    expect(history.map(({ why }) => why)).toEqual([
      "gateway was asked to",
      "1 of 2 rings are open, 0 of 3 members are good",
    ]);
    expect(await historyJson(gateway, null)).toEqual(history);
    expect(await refused(historyJson(gateway, "other"))).toBe("rollout-none");
  }, 60_000);

  it("ends where it stands when a person stops it: no other ring opens, another may begin, and a person can take it back", async () => {
    const stop = (dry = false) => steer(gateway, "stop", { saga: "visitors", dry }, never());
    const state = async () => (await rolloutsJson(gateway))[0]!.state;
    expect(await refused(stop())).toBe("rollout-none");
    await deploySaga(gateway, await version(1, all), never());
    await start(2, [{ members: ["gateway"] }, { all: true }], sleepy);
    await steer(gateway, "pause", asked, never());
    expect(await stop(true)).toMatchObject({ dry: true, defined: [{ kind: "stop", name: "visitors v2" }] });
    expect(await state()).toBe("paused");
    await stop();
    expect(await state()).toBe("stopped");
    for (const what of ["stop", "pause", "resume"] as const)
      expect([what, await refused(steer(gateway, what, asked, never()))]).toEqual([what, "rollout-none"]);
    await gateway.close();
    gateway = await gatewayOf(openWorld(crypto, directory));
    const step = { kind: "step", rollout: gateway.world.catalog.rolloutOf("visitors")!.sequence, open: 2 } as const;
    await define(gateway, [step], never());
    expect((await rolloutsJson(gateway))[0]).toMatchObject({ state: "stopped", open: 1 });
    const [its] = await versionsJson(gateway, "visitors");
    expect(its!.versions[1]).toMatchObject({ stands: "stopped", open: 1, rings: 2, all: false });
    expect(its!.members.map(({ begins }) => begins).sort()).toEqual([1, 1, 2]);
    const [told] = await historyJson(gateway, "visitors");
    expect(told).toMatchObject({ state: "stopped", why: "1 of 2 rings are open, 0 of 3 members are good" });
    expect(told!.steps.map(({ what }) => what)).toEqual(["began", "paused", "stopped"]);

    await start(3, [{ members: ["board-1"] }, { all: true }], sleepy);
    expect((await historyJson(gateway, null)).map((each) => each.state)).toEqual(["stopped", "running"]);
    await stop();
    await steer(gateway, "back", asked, never());
    expect((await historyJson(gateway, null)).at(-1)).toMatchObject({
      state: "taken back",
      why: "gateway was asked to",
      steps: ["began", "stopped", "took back"].map((what) => ({ what })),
    });
    await undeploySaga(gateway, asked, never());
  }, 60_000);

  it("that failed says who did, and why, when it is over; what was under way when its saga ended is over too", async () => {
    await deploySaga(gateway, await version(1, ["gateway"]), never());
    await start(2, [{ all: true }], 0, (text) =>
      text.replace("const people", 'if (entry.people > 0) throw new Error("no such room");\n    const people'),
    );
    await visit(1);
    await expect.poll(async () => (await historyJson(gateway, null))[0]!.state, patience).toBe("taken back");
    expect(await historyJson(gateway, null)).toMatchObject([
      { why: "1 failed, and 0 may", failed: [{ name: "gateway", reason: expect.stringContaining("no such room") }] },
    ]);
    await start(3, [{ all: true }]);
    await undeploySaga(gateway, asked, never());
    expect((await historyJson(gateway, null)).map(({ state, why }) => [state, why])).toEqual([
      ["taken back", "1 failed, and 0 may"],
      ["undeployed", "its saga was undeployed"],
    ]);
    expect(await rolloutsJson(gateway)).toEqual([]);
  }, 60_000);

  it("shows what changed in its source and its parts, against the version that all begin by", async () => {
    await deploySaga(gateway, await version(1, ["gateway"]), never());
    expect(await refused(diffJson(gateway, "visitors"))).toBe("rollout-none");
    await start(2, [{ all: true }], 0, (text) => text.replace("most = 10", "most = 20"));
    await steer(gateway, "back", asked, never());
    await start(3, [{ all: true }], 0, (text) =>
      text.replace("most = 10", "most = 30").replace("consumes: visit,", "consumes: visit,\n  deadline: 5_000,"),
    );
    const diff = await diffJson(gateway, "visitors");
    expect(diff).toMatchObject({ saga: "visitors", from: 1, to: 3, parts: ["count: deadline: none is 5000 ms now"] });
    const changed = diff.source.filter((line) => /^[-+]/.test(line)).map((line) => line.replace(/\s+/g, " "));
    expect(changed).toEqual([
      ...["-most = 10,", "+most = 30,", "+ deadline: 5e3,"],
      ...["-visitors_1_default = defineSaga({", "+visitors_3_default = defineSaga({", "-version: 1,", "+version: 3,"],
      ...["- visitors_1_default as default", "+ visitors_3_default as default"],
    ]);
  }, 60_000);
});
