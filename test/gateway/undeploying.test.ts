import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { deploySaga, startRollout, undeploySaga } from "../../gateway/channels/deploying";
import { steer } from "../../gateway/channels/rollouts";
import { listSagas } from "../../gateway/channels/sagas";
import { nodeRandom } from "../../gateway/participant/platform";
import { loadSaga } from "../../gateway/saga/load";
import { buildSandbox } from "../../gateway/saga/sandbox";
import type { SagaLoaded } from "../../gateway/world/layout";
import { createWorld, openWorld } from "../../gateway/world/world";
import { visit as visitIn, visitorsVersion } from "./visitors";
import { crypto, gatewayOf, pulled, refused, type TestGateway } from "./worlds";

/** A gateway alone in its world, which counts visitors, and no more once that is undeployed. */

let parent: string;
let directory: string;
let order: SagaLoaded;
let gateway: TestGateway;
const never = () => new AbortController().signal;
const patience = { timeout: 20_000 };

const sandbox = buildSandbox(() => {});

beforeAll(async () => {
  order = await loadSaga(await sandbox, "examples/order/order.ts");
});
beforeEach(async () => {
  parent = mkdtempSync(join(tmpdir(), "vertebra-undeploying-"));
  directory = join(parent, "world");
  createWorld(crypto, nodeRandom(), directory, { boards: [], sagas: [order] });
  gateway = await gatewayOf(openWorld(crypto, directory));
});
afterEach(async () => {
  await gateway.close();
  rmSync(parent, { recursive: true });
});

const version = async (number: number) => visitorsVersion(parent, await sandbox, number);
const deploy = async (number: number) => deploySaga(gateway, await version(number), never());
const undeploy = (saga = "visitors", dry = false) => undeploySaga(gateway, { saga, dry }, never());

const visit = (people: number) => visitIn(gateway, people);

const crowd = async () => (await pulled(gateway, "crowd")).map(({ entry }) => (entry as { people: number }).people);
const settled = async () => (await listSagas(gateway)).sagas.map(({ name, done, running }) => [name, done, running]);

describe("a saga that is undeployed", () => {
  it("is begun by nobody any more, over a restart too; deployed again it begins anew, above the versions of before", async () => {
    await deploy(1);
    await visit(12);
    await expect.poll(crowd, patience).toEqual([12]);
    await expect.poll(settled, patience).toContainEqual(["visitors", 1, 0]);
    expect(await undeploy("visitors", true)).toMatchObject({
      dry: true,
      defined: [{ kind: "undeploy", name: "visitors" }],
    });
    expect(gateway.world.catalog.undeployed).toEqual([]);
    const { defined } = await undeploy();
    await visit(5);
    await gateway.close();
    gateway = await gatewayOf(openWorld(crypto, directory));
    await visit(6);
    expect(gateway.world.catalog.undeployed).toMatchObject([{ version: 1, undeployed: defined[0]!.sequence }]);
    await expect.poll(settled, patience).toContainEqual(["visitors", 1, 0]);

    for (const number of [1, 2]) {
      if (number === 1) expect(await refused(deploy(1))).toBe("saga-version");
      else expect((await deploy(2)).defined.map(({ name }) => name)).toEqual(["visitors-states@v2", "visitors v2"]);
    }
    await visit(11);
    await expect.poll(crowd, patience).toEqual([12, 11]);
    await expect
      .poll(async () => (await settled()).slice(1), patience)
      .toEqual([
        ["visitors", 1, 0],
        ["visitors", 1, 0],
      ]);
    // The next goes on with what this one left.
    await deploy(3);
    await visit(1);
    await expect.poll(crowd, patience).toEqual([12, 11, 12]);
  }, 60_000);

  it("is refused where there is none, twice, of those that the world was made with, and while a version rolls out", async () => {
    expect(await refused(undeploy())).toBe("saga-not-deployed");
    expect(await refused(undeploy("order"))).toBe("saga-provisioned");
    await deploy(1);
    expect(await refused(undeploy("other"))).toBe("saga-not-deployed");
    const rings = [{ members: ["gateway"] }];
    const rollout = { ...(await version(2)), rings, soakMs: 0, maxFailures: 0, minSuccess: 100 };
    await startRollout(gateway, rollout, never());
    // With one ring it is open to all at once.
    expect(await undeploy("visitors", true)).toMatchObject({ dry: true });
    const { rollouts } = gateway.world.catalog;
    (rollouts[0]!.definition.rings as unknown[]).push([]);
    expect(await refused(undeploy())).toBe("rollout-running");
    await steer(gateway, "back", { saga: "visitors", dry: false }, never());
    await undeploy();
    expect(await refused(undeploy())).toBe("saga-undeployed");
    expect(await refused(steer(gateway, "back", { saga: "visitors", dry: false }, never()))).toBe("rollout-none");
  }, 60_000);
});
