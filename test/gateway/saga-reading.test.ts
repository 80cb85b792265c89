import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { encodeEntry, objectToValues } from "../../firmware/core/pact/entry";
import type { Json } from "../../firmware/core/pact/json";
import { finalEntries } from "../../firmware/core/saga/conductor";
import type { FinalEntry } from "../../firmware/core/saga/entries";
import { decodeState, encodeState } from "../../firmware/core/saga/state";
import { encodeText } from "../../firmware/core/wire/text";
import { type Control, startControl } from "../../gateway/channels/control";
import { controlClient } from "../../gateway/channels/control-client";
import { blocksOf } from "../../gateway/channels/history";
import { nodeRandom } from "../../gateway/participant/platform";
import { loadSaga } from "../../gateway/saga/load";
import { pastOf } from "../../gateway/saga/past";
import { compareStates } from "../../gateway/saga/replaying";
import { buildSandbox } from "../../gateway/saga/sandbox";
import type { SagaLoaded } from "../../gateway/world/layout";
import { createWorld, openWorld } from "../../gateway/world/world";
import { hostOrReason } from "../xs/host";
import { run } from "./command";
import { crypto, gatewayOf, worldOfOne } from "./worlds";

/** A gateway alone in its world, whose saga a person looks at and steers from the command line. */

const { reason } = await hostOrReason();

const errand = `import { defineBehavior, definePact, defineSaga, defineState } from "vertebra/saga";

const order = definePact("order", { number: "u32" });
const payment = definePact("payment", { number: "u32", paid: "u32" });
const label = definePact("label", { number: "u32" });
const stock = defineState({ left: 3 });

const reserve = defineBehavior({
  name: "reserve", state: stock, consumes: order,
  run: ({ state }) => ({ left: state.left - 1 }),
  compensate: ({ state }) => ({ left: state.left + 1 }),
});
const ship = defineBehavior({
  name: "ship", state: stock, consumes: payment, produces: [label], correlate: ["number"],
  run({ entry, produce, fail }) {
    if (entry.paid < 5) fail("too little was paid");
    produce(label, { number: entry.number });
  },
});
export default defineSaga({ name: "errand", version: 1, reach: { key: "number" }, stages: [reserve, ship] });
`;

type Gateway = Awaited<ReturnType<typeof gatewayOf>>;
interface Listed {
  readonly id: string;
  readonly status: string;
  readonly begun: { readonly sequence: number };
}

describe.skipIf(reason)(`a saga that is looked at${reason ? ` (skipped: ${reason})` : ""}`, { timeout: 90_000 }, () => {
  let parent: string;
  let directory: string;
  let gateway: Gateway;
  let control: Control;
  let loaded: SagaLoaded;

  beforeAll(async () => {
    parent = mkdtempSync(join(tmpdir(), "vertebra-reading-"));
    const file = join(parent, "errand.ts");
    writeFileSync(file, errand);
    loaded = await loadSaga(await buildSandbox(() => {}), file);
  }, 120_000);
  afterAll(() => rmSync(parent, { recursive: true }));
  beforeEach(async () => {
    directory = join(mkdtempSync(join(parent, "of-")), "world");
    createWorld(crypto, nodeRandom(), directory, { boards: [], sagas: [loaded] });
    gateway = await gatewayOf(openWorld(crypto, directory));
    control = await startControl(gateway, () => {});
  });
  afterEach(async () => {
    await control.close();
    await gateway.close();
  });

  const saga = (...words: string[]) => run("saga", ...words, "--dir", directory);
  const refusalOf = async (...words: string[]) => {
    const { status, stderr } = await saga(...words, "--json");
    return [status, JSON.parse(stderr).error] as const;
  };
  const list = async (): Promise<Listed[]> => JSON.parse((await saga("list", "--json")).stdout).invocations;

  async function push(name: string, entry: Record<string, Json>): Promise<void> {
    const group = gateway.world.catalog.group(name);
    const { fields, pact } = group.pact;
    await (await gateway.channel.push(group, encodeEntry(fields, objectToValues(fields, entry), pact.policy))).final;
  }

  /** The statuses of the first states of all, as many as are asked for, waited for. */
  async function states(count: number): Promise<string[]> {
    const group = gateway.world.catalog.group("errand-states");
    const options = { pending: false, follow: true, signal: new AbortController().signal };
    const found: string[] = [];
    for await (const { entry } of gateway.channel.pull(group, 0, options)) {
      found.push(`${entry!.stage} ${entry!.status}`);
      if (found.length === count) break;
    }
    return found;
  }

  it("is told as a failure with what was undone, then cancelled, begun again, done, and recomputed", async () => {
    await push("order", { number: 1 });
    await states(1);
    await push("payment", { number: 1, paid: 4 });
    await states(3);
    const [failed] = await list();
    const { stdout } = await saga("timeline", failed!.id.slice(0, 8));
    const timeless = stdout.replaceAll(/\d+(\.\d+)? m?s\b/g, "N ms").replaceAll(/ +\+/g, "+");
    expect(timeless.replace(failed!.id.slice(0, 8), "ID").replace(/, 20[-0-9]+ [:0-9]+ UTC/, ", THEN")).toBe(
      `errand v1 ID failed, THEN
     begun  by gateway: order/0 number 1
+N ms  reserve             done         gateway
              took order/0, waited N ms for its turn, ran N ms
+N ms  ship                failed       gateway
              waited N ms for payment/0, N ms for its turn, ran N ms
              too little was paid
+N ms  reserve.compensate  compensated  gateway
              waited N ms for its turn, ran N ms
       end  too little was paid; stage 0 undone by reserve.compensate
`,
    );

    await push("order", { number: 2 });
    await states(4);
    const waiting = (await list()).find(({ begun }) => begun.sequence === 1)!;
    expect((await saga("timeline", waiting.id)).stdout).toContain(
      "now  waits until an entry of payment with number 2 is final",
    );
    expect(await refusalOf("redrive", waiting.id)).toEqual([
      1,
      expect.objectContaining({ code: "saga-redrive", message: `Invocation ${waiting.id.slice(0, 8)} is under way` }),
    ]);
    const cancelled = await saga("cancel", waiting.id.slice(0, 8), "--reason", "wrong address", "--final", "--json");
    expect(JSON.parse(cancelled.stdout)).toEqual({ id: waiting.id, final: true });
    expect((await states(6)).slice(3)).toEqual(["0 done", "1 cancelled", "0 compensated"]);
    const shown = JSON.parse((await saga("show", waiting.id, "--json")).stdout);
    expect(shown).toMatchObject({
      status: "cancelled",
      error: "cancelled: wrong address; stage 0 undone by reserve.compensate",
      states: [{ state: { left: 2 } }, { waited: { turn: null, run: null } }, { state: { left: 3 } }],
    });
    expect((await refusalOf("cancel", waiting.id, "--reason", "x"))[1].code).toBe("saga-cancel");

    const redriven = JSON.parse((await saga("redrive", waiting.id.slice(0, 8), "--final", "--json")).stdout);
    expect(redriven).toMatchObject({ group: "order", sequence: 2 });
    await states(7);
    await push("payment", { number: 2, paid: 5 });
    await states(8);
    expect(JSON.parse((await saga("show", redriven.invocation, "--json")).stdout).status).toBe("done");
    expect((await refusalOf("redrive", redriven.invocation))[1].message).toContain("has done what it is for");

    const { status, stdout: replayed } = await saga("replay", waiting.id.slice(0, 12), "--json");
    expect([status, JSON.parse(replayed).states.map((each: { agrees: boolean | null }) => each.agrees)]).toEqual([
      0,
      [true, null, true],
    ]);
    const listed = (await saga("list")).stdout;
    expect(listed.split("\n")[1]).toMatch(/^errand v1 +reserve → ship +0 +1 +1 +1$/);
  });

  it("is found out where a state of it was made up", async () => {
    const { definitions } = gateway.sagas[0]!.ledger;
    await push("order", { number: 3 });
    await push("payment", { number: 3, paid: 9 });
    await states(2);
    const entries: FinalEntry[] = [];
    const stored = (group: Uint8Array) => blocksOf(gateway.store, gateway.world.tag, group);
    for await (const block of pastOf(definitions, [...definitions.groups.keys()], stored))
      entries.push(...finalEntries(block));
    const names = { group: () => "", member: () => "gateway" };
    const stateGroup = gateway.world.catalog.group("errand-states");
    const done = entries.filter(({ group }) => Buffer.from(group).equals(Buffer.from(stateGroup.id))).at(-1)!;
    const state = decodeState(done.entry);
    const forged = encodeState({ ...state, state: encodeText('{"left":99}') }, stateGroup.pact.pact.policy);
    const tampered = entries.map((entry) => (entry === done ? { ...entry, entry: forged } : entry));
    const id = (await list()).at(-1)!.id;
    const compare = (from: FinalEntry[]) => compareStates(definitions, from, id, gateway.sagas[0]!.recompute, names);
    expect((await compare(entries)).map(({ agrees }) => agrees)).toEqual([true, true]);
    expect(await compare(tampered)).toMatchObject([
      { behavior: "reserve", agrees: true, gave: null },
      { behavior: "ship", agrees: false, gave: '{"left":2}, 1 outputs' },
    ]);
  });

  it("can be cancelled by a gateway that was started anew while it waited", async () => {
    await push("order", { number: 4 });
    await states(1);
    await control.close();
    await gateway.close();
    gateway = await gatewayOf(openWorld(crypto, directory));
    control = await startControl(gateway, () => {});
    const [waiting] = await list();
    expect((await saga("cancel", waiting!.id, "--reason", "too late", "--final")).status).toBe(0);
    expect(await states(3)).toEqual(["0 done", "1 cancelled", "0 compensated"]);
  });

  it("is not steered by what no command line asks", async () => {
    await push("order", { number: 4 });
    await states(1);
    const [waiting] = await list();
    const client = controlClient(directory);
    for (const body of [null, [], "x", {}, { reason: { a: 1 }, final: true }]) {
      for (const does of ["cancel", "redrive"]) {
        const asked = client.post(
          `/sagas/${waiting!.id}/${does}`,
          does === "redrive" ? { ...Object(body), final: 1 } : body,
        );
        await expect(asked).rejects.toMatchObject({ code: "body" });
      }
    }
    expect((await list())[0]!.status).toBe("running");
  });

  it("is named by enough digits of its id", async () => {
    expect(await refusalOf("show", "abc")).toEqual([
      1,
      {
        code: "invocation-unknown",
        message: "'abc' is no id of an invocation",
        remedy: "Give 4 or more of its digits; `vertebra saga list` shows them.",
      },
    ]);
    expect((await refusalOf("timeline", "0".repeat(64)))[1].message).toMatch(/has an id that begins with 0{64}$/);
    expect((await saga("cancel", "abcd")).status).toBe(2);
  });

  it("is of a world that has sagas, and whose gateway runs", async () => {
    const plain = await gatewayOf(worldOfOne(join(parent, "plain")));
    const asked = await startControl(plain, () => {});
    const { stderr } = await run("saga", "list", "--dir", join(parent, "plain"), "--json");
    await asked.close();
    await plain.close();
    expect(JSON.parse(stderr).error.code).toBe("sagas-none");
    expect((await run("saga", "list", "--dir", join(parent, "plain"))).status).toBe(3);
  });
});
