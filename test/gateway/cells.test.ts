import { setMaxListeners } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { addGroup, define } from "../../gateway/channels/defining";
import { deploySaga, startRollout, undeploySaga } from "../../gateway/channels/deploying";
import { diffJson } from "../../gateway/channels/rollout-diff";
import { historyJson } from "../../gateway/channels/rollout-history";
import { carryOn, rolloutsJson, steer } from "../../gateway/channels/rollouts";
import { versionsJson } from "../../gateway/channels/versions";
import { nodeRandom } from "../../gateway/participant/platform";
import { buildSandbox } from "../../gateway/saga/sandbox";
import { cellsOf } from "../../gateway/world/cells";
import type { AskedRing } from "../../gateway/world/rolling";
import { createWorld, openWorld, plainWorld } from "../../gateway/world/world";
import { visitorsVersion } from "./visitors";
import { crypto, gatewayOf, refused, type TestGateway } from "./worlds";

/** A gateway and five boards that don't run: what it defines is final all the same. */

let parent: string;
let directory: string;
let gateway: TestGateway;
function never(): AbortSignal {
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  return signal;
}
const patience = { timeout: 20_000 };
const sandbox = buildSandbox(() => {});
const asked = { saga: "visitors", dry: false };
const sleepy = 3_600_000;
const boards = ["board-1", "board-2", "board-3", "board-4", "board-5"];

beforeEach(async () => {
  parent = mkdtempSync(join(tmpdir(), "vertebra-cells-"));
  directory = join(parent, "world");
  createWorld(crypto, nodeRandom(), directory, plainWorld(boards.length));
  gateway = await gatewayOf(openWorld(crypto, directory));
});
afterEach(async () => {
  await gateway.close();
  rmSync(parent, { recursive: true });
});

const version = async (number: number, cells: number, owners: readonly string[] = []) => ({
  ...(await visitorsVersion(parent, await sandbox, number, owners)),
  cells,
});
const deploy = async (number: number, cells: number, owners: readonly string[] = []) =>
  deploySaga(gateway, await version(number, cells, owners), never());
const start = async (number: number, rings: readonly AskedRing[], soakMs = sleepy) =>
  startRollout(gateway, { ...(await version(number, 0)), rings, soakMs, maxFailures: 0, minSuccess: 100 }, never());

/** Names of the owners of a group. */
const ownersOf = (group: string) =>
  gateway.world.catalog.group(group).owners.map(gateway.world.catalog.memberName).sort();
const state = async () => (await rolloutsJson(gateway))[0]!.state;

describe("a saga in cells", () => {
  it("is deployed by one command to as many members in each as may be, even, and with groups of their own", async () => {
    await deploy(1, 3);
    expect(cellsOf(gateway.world.catalog, "visitors")).toEqual([
      "visitors.cell-1",
      "visitors.cell-2",
      "visitors.cell-3",
    ]);
    expect([1, 2, 3].map((cell) => ownersOf(`visitors.cell-${cell}-states`))).toEqual([
      ["board-1", "gateway"],
      ["board-2", "board-3", "gateway"],
      ["board-4", "board-5", "gateway"],
    ]);
    expect(ownersOf("visit@visitors.cell-2")).toEqual(["board-2", "board-3", "gateway"]);
    await deploy(2, 0);
    const told = await versionsJson(gateway, "visitors");
    expect(told.map(({ saga, versions }) => [saga, versions.length])).toEqual([
      ["visitors.cell-1", 2],
      ["visitors.cell-2", 2],
      ["visitors.cell-3", 2],
    ]);
    await undeploySaga(gateway, asked, never());
    expect(gateway.world.catalog.sagas).toEqual([]);
    expect(await refused(undeploySaga(gateway, asked, never()))).toBe("saga-undeployed");
    // Anew, in other cells.
    await deploy(3, 6);
    expect(cellsOf(gateway.world.catalog, "visitors")).toEqual(["visitors.cell-1"]);
  }, 60_000);

  it("takes entries from the groups of its pacts that its members own already", async () => {
    // The world knows the pact since.
    await deploy(1, 0, ["gateway", "board-5"]);
    await undeploySaga(gateway, asked, never());
    const pair = { name: "hall", pact: "visit", owners: ["gateway", "board-1", "board-2"], readings: [], dry: false };
    await addGroup(gateway, pair, never());
    const its = await version(2, 3);
    const owners = ["gateway", "board-1", "board-2", "board-3", "board-4"];
    await deploySaga(gateway, { ...its, owners, groups: ["hall"] }, never());
    const [one, other] = gateway.world.catalog.sagas.filter((saga) => saga.version === 2);
    const names = (saga: typeof one) => saga!.groups.map(({ group }) => gateway.world.catalog.groupOf(group)!.name);
    expect(names(one)).toContain("hall");
    expect(names(other)).toContain("visit@visitors.cell-2");
    expect(names(other)).not.toContain("hall");
  }, 60_000);

  it("is refused where it can't be, with what to do", async () => {
    expect(await refused(deploy(1, 1))).toBe("saga-cells");
    const called = await visitorsVersion(parent, await sandbox, 1, [], (text) =>
      text.replace('name: "visitors"', 'name: "visitors.cell-1"'),
    );
    expect(await refused(deploySaga(gateway, called, never()))).toBe("saga-name");
    const long = await visitorsVersion(parent, await sandbox, 1, [], (text) =>
      text.replace('name: "visitors"', `name: "${"v".repeat(55)}"`),
    );
    expect(await refused(deploySaga(gateway, { ...long, cells: 3 }, never()))).toBe("saga-name");
    const its = await version(1, 3);
    expect(await refused(deploySaga(gateway, { ...its, groups: ["machine@board-1"] }, never()))).toBe("saga-group");
    expect(gateway.world.catalog.sagas).toEqual([]);
    await deploy(1, 3);
    expect([await refused(deploy(2, 4)), await refused(deploy(2, 0, boards))]).toEqual(["saga-owners", "saga-owners"]);
    await undeploySaga(gateway, asked, never());
    await deploy(2, 0);
    expect(await refused(deploy(3, 3))).toBe("saga-owners");
  }, 60_000);
});

describe("a rollout over cells", () => {
  const opened = () => gateway.world.catalog.rollouts.map(({ open }) => open);

  it("has rings over all of them, and is one to who looks at it, has it wait, ends it or takes it back", async () => {
    await deploy(1, 3);
    await start(2, [{ members: ["board-4"] }, { percent: 40 }, { all: true }]);
    const [told] = await rolloutsJson(gateway);
    expect(told).toMatchObject({ saga: "visitors", cells: 3, version: 2, state: "running", open: 1 });
    // The gateway runs it in each cell.
    expect(told!.rings.map(({ size }) => size)).toEqual([1, 2, 5]);
    expect(told!.members[0]).toMatchObject({ name: "board-4", cell: 3, ring: 1, state: "silent" });
    expect(gateway.world.catalog.rollouts.map(({ definition }) => definition.rings[0]!.length)).toEqual([0, 0, 1]);
    expect(await refused(start(3, [{ all: true }]))).toBe("rollout-running");
    const steered = async (what: "pause" | "resume" | "stop" | "back") =>
      (await steer(gateway, what, asked, never())).defined.map(({ name }) => name);
    expect(await steered("pause")).toEqual([1, 2, 3].map((cell) => `visitors.cell-${cell} v2`));
    expect([await state(), await refused(steered("pause"))]).toEqual(["paused", "rollout-paused"]);
    await steered("resume");
    await steered("stop");
    expect(await state()).toBe("stopped");
    await start(3, [{ all: true }]);
    expect((await diffJson(gateway, "visitors")).to).toBe(3);
    await steered("back");
    expect(await state()).toBe("taken back");
    const history = await historyJson(gateway, "visitors");
    expect(history.map(({ version: number, steps }) => [number, ...steps.map(({ what }) => what)])).toEqual([
      [2, "began", "paused", "resumed", "stopped"],
      [3, "began", "took back"],
    ]);
    expect(opened()).toEqual([1, 1, 1, 0, 0, 0]);
  }, 60_000);

  it("that reached some of its cells is carried on to all by whoever looks after it, and so are its end and its way back", async () => {
    await deploy(1, 3);
    await start(2, [{ members: ["board-4"] }, { members: ["board-1"] }, { all: true }]);
    const first = gateway.world.catalog.rollouts[0]!.sequence;
    const ending = new AbortController();
    const carried = carryOn(gateway, ending.signal);
    await define(gateway, [{ kind: "step", rollout: first + 1, open: 2 }], never());
    await expect.poll(opened, patience).toEqual([2, 2, 2]);
    await define(gateway, [{ kind: "stop", rollout: first }], never());
    const stopped = () => gateway.world.catalog.rollouts.map((each) => each.stopped);
    await expect.poll(stopped, patience).toEqual([true, true, true]);
    await define(gateway, [{ kind: "step", rollout: first + 2, open: 0 }], never());
    await expect.poll(opened, patience).toEqual([0, 0, 0]);
    ending.abort();
    await carried;
  }, 60_000);
});
