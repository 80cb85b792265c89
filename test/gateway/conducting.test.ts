import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { encodeEntry, objectToValues } from "../../firmware/core/pact/entry";
import type { Json } from "../../firmware/core/pact/json";
import { decodeState } from "../../firmware/core/saga/state";
import { decodeText } from "../../firmware/core/wire/text";
import { nodeRandom } from "../../gateway/participant/platform";
import { loadSaga } from "../../gateway/saga/load";
import { buildSandbox } from "../../gateway/saga/sandbox";
import type { SagaLoaded } from "../../gateway/world/layout";
import { createWorld, openWorld } from "../../gateway/world/world";
import { crypto, gatewayOf } from "./worlds";

/** A gateway alone in its world, which runs the patent's order as it does with boards: each behavior on XS, in a process. */

type Gateway = Awaited<ReturnType<typeof gatewayOf>>;

let parent: string;
let directory: string;
let order: SagaLoaded;
const gateways: Gateway[] = [];

beforeAll(async () => {
  order = await loadSaga(await buildSandbox(() => {}), "examples/order/order.ts");
});
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "vertebra-conducting-"));
  directory = join(parent, "world");
  createWorld(crypto, nodeRandom(), directory, { boards: [], sagas: [order] });
});
afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.close();
  rmSync(parent, { recursive: true });
});

async function start(): Promise<Gateway> {
  const gateway = await gatewayOf(openWorld(crypto, directory));
  gateways.push(gateway);
  return gateway;
}

async function push(gateway: Gateway, name: string, entry: Record<string, Json>): Promise<void> {
  const group = gateway.world.catalog.group(name);
  const { fields, pact } = group.pact;
  const pushed = await gateway.channel.push(group, encodeEntry(fields, objectToValues(fields, entry), pact.policy));
  await pushed.final;
}

/** The first so many entries of a group, waited for. */
async function first(gateway: Gateway, name: string, count: number) {
  const ending = new AbortController();
  const options = { pending: false, follow: true, signal: ending.signal };
  const entries = [];
  for await (const told of gateway.channel.pull(gateway.world.catalog.group(name), 0, options)) {
    entries.push(told.entry!);
    if (entries.length === count) ending.abort();
  }
  return entries;
}

async function statesOf(gateway: Gateway, count: number) {
  const group = gateway.world.catalog.group("order-states");
  return (await first(gateway, "order-states", count)).map((entry) => {
    const { fields, pact } = group.pact;
    const { stage, status, state } = decodeState(
      encodeEntry(fields, objectToValues(fields, entry as Record<string, Json>), pact.policy),
    );
    return `${stage} ${status} ${decodeText(state)}`;
  });
}

describe("the patent's order on a gateway", () => {
  it("gives the stock back when the payment fails, and delivers when it does not", async () => {
    const gateway = await start();
    await push(gateway, "account", { balance: 5000 });
    await push(gateway, "order", { number: 1, product: "gripper", price: 9900 });
    expect(await statesOf(gateway, 3)).toEqual([
      '0 done {"robot arm":3,"gripper":0}',
      expect.stringMatching(/^1 failed /),
      '0 compensated {"robot arm":3,"gripper":1}',
    ]);
    await push(gateway, "order", { number: 2, product: "gripper", price: 4900 });
    expect(await first(gateway, "notice", 2)).toEqual([
      { number: 1, text: "9900 ct, and you have 5000." },
      { number: 2, text: "Thank you." },
    ]);
  });

  it("goes on where it was when the gateway ends and starts again, at whatever state", async () => {
    let gateway = await start();
    await push(gateway, "account", { balance: 5000 });
    for (const number of [1, 2, 3]) await push(gateway, "order", { number, product: "robot arm", price: 4000 });
    for (const count of [1, 2, 3, 4, 5]) {
      await statesOf(gateway, count);
      await gateway.close();
      gateway = await start();
    }
    const states = await statesOf(gateway, 6);
    expect(states.map((state) => state.slice(0, 6))).toEqual([
      "0 done",
      "1 done",
      "0 done",
      "1 done",
      "0 done",
      "1 done",
    ]);
    expect(states.at(-1)).toContain('"robot arm":0');
    expect(await first(gateway, "notice", 3)).toHaveLength(3);
    // What it pushed just before it ended it may push again: nobody is told twice.
    expect(await first(gateway, "payment", 3)).toEqual([1, 2, 3].map((number) => ({ number, price: 4000 })));
  });
});

describe("a saga that nobody can run", () => {
  it("takes no more entries than leave room for what is under way, and takes them again when that has ended", async () => {
    const file = join(parent, "stuck.ts");
    writeFileSync(file, stuck);
    rmSync(directory, { recursive: true });
    const sagas = [await loadSaga(await buildSandbox(() => {}), file)];
    createWorld(crypto, nodeRandom(), directory, { boards: [], sagas });
    const gateway = await start();
    for (let hundred = 0; hundred < 500; hundred += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, n) => push(gateway, "wish", { number: hundred + n })));
    }
    for (let number = 500; number < 512; number++) await push(gateway, "wish", { number });
    await expect(push(gateway, "wish", { number: 512 })).rejects.toMatchObject({
      code: "saga-behind",
      message: expect.stringContaining("'stuck' has 512 invocations"),
    });
    // Other pacts are none of its business.
    await push(gateway, "other", { number: 1 });
    const [invocation] = [...gateway.sagas[0]!.ledger.books.values()][0]!.invocations.values();
    gateway.sagas[0]!.cancel(invocation!.id, "nobody has a wand");
    await expect
      .poll(() => push(gateway, "wish", { number: 513 }).then(() => "taken", String), { timeout: 10_000 })
      .toBe("taken");
  });
});

const stuck = `import { defineBehavior, definePact, defineSaga } from "vertebra/saga";
const wish = definePact("wish", { number: "u32" });
const other = definePact("other", { number: "u32" });
const grant = defineBehavior({ name: "grant", consumes: wish, reads: [other], requires: { wand: true }, run() {} });
export default defineSaga({ name: "stuck", version: 1, stages: [grant] });
`;
