import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import { encodeEntry, objectToValues } from "../../firmware/core/pact/entry";
import { nodeRandom } from "../../gateway/participant/platform";
import { loadSaga } from "../../gateway/saga/load";
import { buildSandbox } from "../../gateway/saga/sandbox";
import { createWorld, openWorld } from "../../gateway/world/world";
import { hostOrReason } from "../xs/host";
import { crypto, gatewayOf } from "./worlds";

const { reason } = await hostOrReason();
const parent = mkdtempSync(join(tmpdir(), "vertebra-deadline-"));
afterAll(() => rmSync(parent, { recursive: true }));

/** Nobody answers. */
const asking = `import { defineBehavior, definePact, defineSaga, defineState } from "vertebra/saga";
const order = definePact("order", { number: "u32" });
const answer = definePact("answer", { number: "u32" });
const state = defineState({});
const ask = defineBehavior({ name: "ask", state, consumes: order, run() {} });
const wait = defineBehavior({ name: "wait", state, consumes: answer, correlate: ["number"], deadline: 3_000, run() {} });
export default defineSaga({ name: "asking", version: 1, stages: [ask, wait] });
`;

describe.skipIf(reason)(`a gateway${reason ? ` (skipped: ${reason})` : ""}`, () => {
  it("lets a deadline come that is longer than each of its lives", async () => {
    const file = join(parent, "asking.ts");
    writeFileSync(file, asking);
    const directory = join(parent, "world");
    const sagas = [await loadSaga(await buildSandbox(() => {}), file)];
    createWorld(crypto, nodeRandom(), directory, { boards: [], sagas });
    let gateway = await gatewayOf(openWorld(crypto, directory));
    const group = gateway.world.catalog.group("order");
    const { fields, pact } = group.pact;
    const entry = encodeEntry(fields, objectToValues(fields, { number: 1 }), pact.policy);
    await (await gateway.channel.push(group, entry)).final;
    const underWay = () => [...gateway.sagas[0]!.ledger.books.values()][0]!.invocations;
    await expect.poll(() => [...underWay().values()][0]?.next, { timeout: 20_000 }).toMatchObject({ stage: 1 });
    let lives = 0;
    while (underWay().size > 0 && lives < 20) {
      lives++;
      await gateway.close();
      gateway = await gatewayOf(openWorld(crypto, directory));
      await sleep(1_000);
    }
    await gateway.close();
    // Three seconds are three lives; a machine that is busy makes of each what it likes.
    expect(lives).toBeLessThan(10);
  }, 120_000);
});
