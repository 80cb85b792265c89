import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeEntry, objectToValues } from "../../firmware/core/pact/entry";
import { decodeState } from "../../firmware/core/saga/state";
import type { Line } from "../../firmware/device/lines";
import { buildFirmware, startLinuxBoard } from "../../gateway/fleet/linux-board";
import { nodeRandom } from "../../gateway/participant/platform";
import { loadSaga } from "../../gateway/saga/load";
import { buildSandbox } from "../../gateway/saga/sandbox";
import { createWorld, readDefinition } from "../../gateway/world/world";
import { boardEvents, crypto, gatewayOf } from "../gateway/worlds";
import { hostOrReason } from "../xs/host";
import { told } from "./bench";

const { reason } = await hostOrReason();

/** A saga of one stage, which this board alone can run. */
const sagaOf = (name: string, body: string) => `
import { defineBehavior, definePact, defineSaga } from "vertebra/saga";
const ${name} = definePact("${name}", { number: "u32" });
const after = definePact("after-${name}", { number: "u32" });
const step = defineBehavior({
  name: "${name}", consumes: ${name}, produces: [after], requires: { board: ["small"] },
  run({ entry, produce }) { ${body} produce(after, { number: entry.number }); },
});
export default defineSaga({ name: "saga-${name}", version: 1, reach: "invocation", stages: [step] });
`;

const sagas: Readonly<Record<string, string>> = {
  well: "",
  loop: "for (;;);",
  recurse: "const again = (n: number): number => 1 + again(n + 1); again(0);",
  eat: "const all = []; for (;;) all.push(new Uint8Array(10_000));",
};

/** A world of a gateway and one board, a process each, which takes part in these sagas and runs behaviors as said. */
async function createStage(sandbox: "process" | "machine") {
  const directory = mkdtempSync(join(tmpdir(), "vertebra-quarantine-"));
  const compiler = await buildSandbox(() => {});
  const loaded = [];
  for (const [name, body] of Object.entries(sagas)) {
    const file = join(directory, `${name}.ts`);
    writeFileSync(file, sagaOf(name, body));
    loaded.push(await loadSaga(compiler, file));
  }
  const linux = JSON.parse(new TextDecoder().decode(readDefinition("linux")));
  const small = new TextEncoder().encode(JSON.stringify({ ...linux, board: "small", sandbox }));
  const world = createWorld(crypto, nodeRandom(), join(directory, "world"), { boards: [small], sagas: loaded });
  const [place] = world.boards;
  const gateway = await gatewayOf(world, [place!.terminal]);
  const lines: Line[] = [];
  const board = startLinuxBoard(
    await buildFirmware(() => {}),
    place!,
    "json",
    boardEvents((line) => lines.push(JSON.parse(line))),
  );
  const groupOf = (name: string) => gateway.world.catalog.group(name);

  /** The entry of that place in its group, waited for. */
  async function entry(name: string, sequence: number) {
    const ending = new AbortController();
    const options = { pending: false, follow: true, signal: ending.signal };
    for await (const each of gateway.channel.pull(groupOf(name), sequence, options)) {
      ending.abort();
      return each.entry;
    }
    throw new Error("The gateway ended");
  }

  return {
    board,
    lines,
    entry,
    async push(name: string, number: number): Promise<void> {
      const { fields, pact } = groupOf(name).pact;
      const encoded = encodeEntry(fields, objectToValues(fields, { number }), pact.policy);
      await (await gateway.channel.push(groupOf(name), encoded)).final;
    },
    async stateOf(name: string, sequence: number) {
      const { fields, pact } = groupOf(`saga-${name}-states`).pact;
      const values = objectToValues(fields, (await entry(`saga-${name}-states`, sequence)) as never);
      const { status, error } = decodeState(encodeEntry(fields, values, pact.policy));
      return [status, error];
    },
    async end() {
      await board.end();
      await gateway.close();
      rmSync(directory, { recursive: true });
    },
  };
}

type Stage = Awaited<ReturnType<typeof createStage>>;

const reasons = [
  ["loop", "it reached its limit of computation"],
  ["recurse", "it called itself without end, or nearly"],
  ["eat", "it ran out of memory"],
] as const;

describe.skipIf(reason)(`a board with room for processes${reason ? ` (skipped: ${reason})` : ""}`, () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await createStage("process");
  }, 120_000);
  afterAll(() => stage.end());

  it("goes on as if nothing were where a behavior ends its own", async () => {
    for (const [name, why] of reasons) {
      await stage.push(name, 1);
      expect(await stage.stateOf(name, 0)).toEqual(["failed", why]);
    }
    await stage.push("well", 1);
    expect(await stage.entry("after-well", 0)).toEqual({ number: 1 });
    expect(told(stage.lines, "boot")).toHaveLength(1);
    expect(told(stage.lines, "quarantine")).toEqual([]);
  });
});

describe.skipIf(reason)(`a board with room for one machine${reason ? ` (skipped: ${reason})` : ""}`, () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await createStage("machine");
  }, 120_000);
  afterAll(() => stage.end());

  it("runs what behaves", async () => {
    await stage.push("well", 1);
    expect(await stage.entry("after-well", 0)).toEqual({ number: 1 });
  });

  for (const [name, why] of reasons) {
    it(`is back within seconds where a behavior would ${name}, as who it was, and goes on; that behavior runs no more`, async () => {
      const { lines, push, entry, stateOf } = stage;
      const started = told(lines, "boot").length;
      const before = performance.now();
      await push(name, 1);
      while (told(lines, "boot").length === started) await sleep(20);
      expect(performance.now() - before).toBeLessThan(10_000);
      const reason = `it is quarantined on this board: ${why}`;
      expect(await stateOf(name, 0)).toEqual(["failed", reason]);
      expect(told(lines, "quarantine").at(-1)!.reason).toBe(why);
      await push(name, 2);
      expect(await stateOf(name, 1)).toEqual(["failed", reason]);
      expect(told(lines, "boot").length).toBe(started + 1);
      await push("well", started + 1);
      expect(await entry("after-well", started)).toEqual({ number: started + 1 });
    });
  }

  it("lost nothing by it: one avatar, no counter twice, and all that it sealed becomes final", async () => {
    const { lines, board } = stage;
    const boots = told(lines, "boot");
    expect(boots.map(({ avatar }) => avatar)).toEqual(boots.map(() => boots[0]!.avatar));
    expect(boots.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4]);
    board.say("stop");
    const sealed = () => told(lines, "sealed").map(({ block }) => block);
    const final = () => new Set(told(lines, "final").map(({ block }) => block));
    const deadline = performance.now() + 20_000;
    while (!sealed().every((block) => final().has(block)) && performance.now() < deadline) await sleep(50);
    expect(sealed().filter((block) => !final().has(block))).toEqual([]);
    const counters = told(lines, "sealed").map(({ group, counter }) => `${group} ${counter}`);
    expect(new Set(counters).size).toBe(counters.length);
  });
});
