import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeEntry, objectToValues } from "../../firmware/core/pact/entry";
import { decodeState } from "../../firmware/core/saga/state";
import type { Line } from "../../firmware/device/lines";
import type { RunningBoard } from "../../gateway/fleet/board-process";
import { buildFirmware, startLinuxBoard } from "../../gateway/fleet/linux-board";
import { nodeRandom } from "../../gateway/participant/platform";
import { loadSaga } from "../../gateway/saga/load";
import { buildSandbox } from "../../gateway/saga/sandbox";
import { createWorld, readDefinition, type World } from "../../gateway/world/world";
import { boardEvents, crypto, gatewayOf } from "../gateway/worlds";
import { hostOrReason } from "../xs/host";
import { told } from "./bench";

const { reason } = await hostOrReason();

/** A saga whose entries say what is to be operated, on whoever has it all: the board. */
const saga = `
import { defineBehavior, definePact, defineSaga } from "vertebra/saga";
const wish = definePact("wish", { capability: "text", operation: "text" });
const operate = defineBehavior({
  name: "operate", consumes: wish, requires: { relay: true, lamp: true, arm: true, servo: true, drive: true },
  run({ entry, capability }) { capability(entry.capability, JSON.parse(entry.operation)); },
});
export default defineSaga({ name: "wishes", version: 1, reach: "invocation", stages: [operate] });
`;

/** The simulated board, with a lease and a limit of silence that a test can wait for. */
function definition(): Uint8Array {
  const board = JSON.parse(new TextDecoder().decode(readDefinition("simulated")));
  const limits: Record<string, object> = { drive: { leaseMs: 1500 }, relay: { silentMs: 6000 } };
  const capabilities = board.capabilities.map((each: { name: string }) => ({ ...each, ...limits[each.name] }));
  return new TextEncoder().encode(JSON.stringify({ ...board, capabilities }));
}

describe.skipIf(reason)(`the actuators of a board${reason ? ` (skipped: ${reason})` : ""}`, () => {
  const directory = mkdtempSync(join(tmpdir(), "vertebra-actuators-"));
  const lines: Line[] = [];
  let world: World;
  let gateway: Awaited<ReturnType<typeof gatewayOf>>;
  let board: RunningBoard;
  let states = 0;

  beforeAll(async () => {
    writeFileSync(join(directory, "wishes.ts"), saga);
    const loaded = await loadSaga(await buildSandbox(() => {}), join(directory, "wishes.ts"));
    world = createWorld(crypto, nodeRandom(), join(directory, "world"), { boards: [definition()], sagas: [loaded] });
    gateway = await gatewayOf(
      world,
      world.boards.map(({ terminal }) => terminal),
    );
    await startBoard();
  }, 120_000);

  afterAll(async () => {
    await board.end();
    await gateway.close();
    rmSync(directory, { recursive: true });
  });

  async function startBoard(): Promise<void> {
    board = startLinuxBoard(
      await buildFirmware(() => {}),
      world.boards[0]!,
      "json",
      boardEvents((line) => lines.push(JSON.parse(line))),
    );
  }

  /** Lets the saga operate a capability; the status and error of its last state. */
  async function operate(capability: string, operation: unknown): Promise<string> {
    const wishes = gateway.world.catalog.group("wish");
    const entry = { capability, operation: JSON.stringify(operation) };
    const { fields, pact } = wishes.pact;
    await gateway.channel.push(wishes, encodeEntry(fields, objectToValues(fields, entry), pact.policy));
    for (;;) {
      const { status, error } = await stateAt(states++);
      if (status !== "intent") return `${status} ${error}`.trim();
    }
  }

  async function stateAt(sequence: number) {
    const group = gateway.world.catalog.group("wishes-states");
    const { fields, pact } = group.pact;
    const ending = new AbortController();
    const options = { pending: false, follow: true, signal: ending.signal };
    for await (const { entry } of gateway.channel.pull(group, sequence, options)) {
      ending.abort();
      return decodeState(encodeEntry(fields, objectToValues(fields, entry as never), pact.policy));
    }
    throw new Error("The gateway ended");
  }

  const moved = () => told(lines, "capability").map(({ capability, value, why }) => `${capability} ${value} ${why}`);

  async function until(holds: () => boolean): Promise<void> {
    const deadline = performance.now() + 20_000;
    while (!holds()) {
      if (performance.now() > deadline) throw new Error(`It did not come about in 20 s: ${moved().join(", ")}`);
      await sleep(20);
    }
  }

  it("are safe at the start, before the board says that it runs", async () => {
    await until(() => told(lines, "boot").length === 1);
    const safe = ["relay false boot", "lamp false boot", "fan 0 boot", "arm 90 boot", "drive 0 boot"];
    expect(lines.slice(0, 6).map(({ event }) => event)).toEqual([...safe.map(() => "capability"), "boot"]);
    expect(moved()).toEqual(safe);
  });

  it("are operated by a saga, with its intent final before and its outcome after", async () => {
    expect(await operate("lamp", { on: true })).toBe("done");
    expect(moved().at(-1)).toBe("lamp true operated");
    expect(await operate("servo", { degrees: 30.5 })).toBe("done");
    expect(moved().at(-1)).toBe("arm 30.5 operated");
  });

  it("refuse what is out of bounds, and the saga says why", async () => {
    const before = moved().length;
    expect(await operate("arm", { degrees: 181 })).toBe(
      "refused an operation of capability 'arm' has 181 for 'degrees', above its most of 180",
    );
    expect(moved().length).toBe(before);
  });

  it("let go when the lease is over", async () => {
    expect(await operate("drive", { speed: 0.5 })).toBe("done");
    const at = performance.now();
    await until(() => moved().at(-1) === "drive 0 lease");
    expect(performance.now() - at).toBeLessThan(2500);
  });

  it("let go when an interlock opens, whatever was agreed", async () => {
    expect(await operate("arm", { degrees: 10 })).toBe("done");
    board.say("pin 8 1");
    await until(() => moved().at(-1) === "drive 0 interlock");
    expect(moved().at(-2)).toBe("arm 90 interlock");
    expect(await operate("arm", { degrees: 10 })).toBe("refused capability 'arm' is barred: 'lid' is open");
    board.say("pin 8 0");
    expect(await operate("arm", { degrees: 10 })).toBe("done");
  });

  it("let go at an emergency stop, which a kill -9 does not lift", async () => {
    board.say("pin 9 1");
    await until(() => moved().at(-1) === "drive 0 stop");
    expect(moved().slice(-5)).toContain("lamp false stop");
    process.kill(board.pid, "SIGKILL");
    await board.ended;
    // Its contacts are closed again, as simulated ones are at a start: it is the stop itself that was kept.
    await startBoard();
    await until(() => told(lines, "boot").length === 2);
    expect(await operate("lamp", { on: true })).toBe("refused capability 'lamp' is stopped by an emergency stop");
    board.say("resume");
    expect(await operate("lamp", { on: true })).toBe("done");
    board.say("halt");
    await until(() => moved().at(-1) === "drive 0 stop");
    board.say("resume");
  });

  it("say what is wrong with a pin that is none", async () => {
    board.say("pin 3 1");
    await until(() => told(lines, "notice").some(({ code }) => code === "pin-unknown"));
  });

  it("let go when the link is silent, those that mind it", async () => {
    expect(await operate("lamp", { on: true })).toBe("done");
    expect(await operate("relay", { on: true })).toBe("done");
    await gateway.close();
    const at = performance.now();
    await until(() => moved().at(-1) === "relay false silence");
    expect(performance.now() - at).toBeLessThan(7000);
  });
});
