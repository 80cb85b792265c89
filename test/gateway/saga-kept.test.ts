import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodeEntry, objectToValues } from "../../firmware/core/pact/entry";
import type { Json } from "../../firmware/core/pact/json";
import { decodeSnapshot } from "../../firmware/core/saga/snapshot";
import { nodeRandom } from "../../gateway/participant/platform";
import { loadSaga } from "../../gateway/saga/load";
import { buildSandbox } from "../../gateway/saga/sandbox";
import { createWorld, openWorld } from "../../gateway/world/world";
import { alone, counting, countingByKey } from "../saga/alone";
import { describeLedger } from "../saga/conductors";
import { openedStore } from "./stores";
import { crypto, gatewayOf } from "./worlds";

describe("a saga that ran 2,000 times, too often for the engine of a board in a test", () => {
  for (const [name, plan] of Object.entries({ "one after the other": counting, "by key": countingByKey })) {
    it(`goes on from what was kept and the last 64 blocks of each group, ${name}`, () => {
      const one = alone(plan);
      for (let each = 0; each < 2_000; each++) one.push("order", each % 50, 0);
      const before = describeLedger(one.conductor.ledger);
      one.restart(64);
      expect(describeLedger(one.conductor.ledger)).toEqual(before);
      const { length } = one.blocks;
      one.push("order", 7, 0);
      // The order, what it produced, and a state of each stage.
      expect(one.blocks).toHaveLength(length + 4);
      expect(one.notices).toEqual([]);
      expect(one.kept.at(-1)!.length).toBeLessThan(4_000);
    });
  }
});

describe("a gateway that starts again", () => {
  let directory: string;
  let gateway: Awaited<ReturnType<typeof gatewayOf>>;

  beforeEach(async () => {
    directory = join(mkdtempSync(join(tmpdir(), "vertebra-kept-")), "world");
    const order = await loadSaga(await buildSandbox(() => {}), "examples/order/order.ts");
    createWorld(crypto, nodeRandom(), directory, { boards: [], sagas: [order] });
    gateway = await gatewayOf(openWorld(crypto, directory));
    await push("account", { balance: 5_000 });
    // Two states each: what is known is kept after 24.
    for (let number = 0; number < 14; number++) await refusedOrder(number);
    await allEnded();
  }, 120_000);
  afterEach(async () => {
    await gateway.close();
    rmSync(join(directory, ".."), { recursive: true });
  });

  async function push(name: string, entry: Record<string, Json>): Promise<void> {
    const group = gateway.world.catalog.group(name);
    const { fields, pact } = group.pact;
    const pushed = await gateway.channel.push(group, encodeEntry(fields, objectToValues(fields, entry), pact.policy));
    await pushed.final;
  }

  /** An order that comes to nothing, since there is no such money. */
  const refusedOrder = (number: number) => push("order", { number, product: "gripper", price: 9_900 });

  async function allEnded(): Promise<void> {
    const underWay = () => [...gateway.sagas[0]!.ledger.books.values()][0]!.invocations.size;
    await expect.poll(underWay, { timeout: 90_000 }).toBe(0);
  }

  async function restart(meanwhile = async () => {}): Promise<void> {
    await gateway.close();
    await meanwhile();
    gateway = await gatewayOf(openWorld(crypto, directory));
  }

  const key = () => `saga/${gateway.world.tag}`;

  it("knows its sagas from what it kept and what came since, or reads all again where that is damaged", async () => {
    const kept = decodeSnapshot((await gateway.store.read(key()))!);
    expect(kept.books[0]!.held!.reaches).toHaveLength(1);
    const before = describeLedger(gateway.sagas[0]!.ledger);
    await restart();
    expect(describeLedger(gateway.sagas[0]!.ledger)).toEqual(before);
    await restart(damageKept);
    expect(describeLedger(gateway.sagas[0]!.ledger)).toEqual(before);
    await refusedOrder(99);
    await allEnded();
  }, 120_000);

  async function damageKept(): Promise<void> {
    const owner = crypto.signer(openWorld(crypto, directory).seed).publicKey;
    const store = await openedStore(join(directory, "store"), owner);
    await store.write(new Map([[key(), new Uint8Array([1, 2, 3])]]), new Set());
    await store.close();
  }
});
