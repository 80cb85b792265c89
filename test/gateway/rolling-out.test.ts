import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodeEntry, objectToValues } from "../../firmware/core/pact/entry";
import { deploySaga, type SagaAsked, startRollout, undeploySaga } from "../../gateway/channels/deploying";
import { rollBack, rolloutsJson } from "../../gateway/channels/rollouts";
import { listSagas } from "../../gateway/channels/sagas";
import { versionsJson } from "../../gateway/channels/versions";
import { nodeRandom } from "../../gateway/participant/platform";
import { loadSaga } from "../../gateway/saga/load";
import { buildSandbox } from "../../gateway/saga/sandbox";
import type { AskedRing } from "../../gateway/world/rolling";
import { createWorld, openWorld, plainWorld } from "../../gateway/world/world";
import { crypto, gatewayOf } from "./worlds";

/** A gateway and two boards that don't run: what it defines is final all the same, and of sagas that it runs alone all is. */

type Gateway = Awaited<ReturnType<typeof gatewayOf>>;

let parent: string;
let directory: string;
let gateway: Gateway;
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

const refused = (act: Promise<unknown>) =>
  act.then(
    () => "accepted",
    ({ code }) => code,
  );

/** The visitors of the examples, for whoever can run behaviors. */
async function version(number: number, owners: readonly string[]): Promise<SagaAsked> {
  const text = readFileSync("examples/visitors/visitors.ts", "utf8")
    .replace("./visit", join(process.cwd(), "examples/visitors/visit"))
    .replace("version: 1", `version: ${number}`)
    .replace(/ {2}requires:.*\n/, "");
  const file = join(parent, `visitors-${number}.ts`);
  writeFileSync(file, text);
  const { source, described } = await loadSaga(await sandbox, file);
  return { file, source: source.text, described, owners, groups: [], dry: false };
}

async function start(number: number, rings: readonly AskedRing[], soakMs = 0) {
  const asked = { ...(await version(number, [])), rings, soakMs, maxFailures: 0, minSuccess: 100 };
  return startRollout(gateway, asked, never());
}

async function visit(people: number): Promise<void> {
  const group = gateway.world.catalog.group("visit");
  const { fields, pact } = group.pact;
  const entry = encodeEntry(fields, objectToValues(fields, { room: "hall", people }), pact.policy);
  await (await gateway.channel.push(group, entry)).final;
}

const all = ["gateway", "board-1", "board-2"];

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
    await rollBack(gateway, "visitors", never());
    const [back] = await versionsJson(gateway, null);
    expect(back!.versions.map(({ stands, all: ofAll }) => [stands, ofAll])).toEqual([
      ["deployed", true],
      ["taken back", false],
    ]);
    await undeploySaga(gateway, { saga: "visitors", dry: false }, never());
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
    await start(2, [{ members: ["board-2"] }, { all: true }], 3_600_000);
    const [found] = await versionsJson(gateway, "visitors");
    const begins = found!.members.map(({ name, begins: by }) => `${name} ${by}`).sort();
    expect(begins).toEqual(["board-1 1", "board-2 2", "gateway 1"]);
    expect(found!.versions[1]).toMatchObject({ stands: "rolling out", open: 1, rings: 2, all: false });
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
