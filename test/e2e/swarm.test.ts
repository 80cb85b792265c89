import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { toHex } from "../../firmware/core/wire/bytes";
import type { Line } from "../../firmware/device/lines";
import type { SagasJson } from "../../gateway/channels/sagas";
import type { RunningBoard } from "../../gateway/fleet/board-process";
import type { Gateway } from "../../gateway/gateway";
import { type Bench, changedExample, createBench, example, kill, planOf, reason, told } from "./bench";

const [drivetrain, arm, gripper] = ["board-1", "board-2", "board-3"] as const;
/** In the board.json of arm and gripper. */
const guard = 8;
const driven = ["drive intent", "drive done"];
const extended = ["reach intent", "reach done"];
const refused = ["grip intent", "grip refused"];
const folded = ["reach.compensate intent", "reach.compensate compensated"];
const drivenBack = ["drive.compensate intent", "drive.compensate compensated"];
const patience = { timeout: 45_000, interval: 100 };

describe.skipIf(reason)(`a swarm of three robots${reason ? ` (skipped: ${reason})` : ""}`, { timeout: 90_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), "vertebra-swarm-"));
  const boards = new Map<string, RunningBoard>();
  let bench: Bench;
  let gateway: Gateway;
  let jobs = 0;
  let begunAt = 0;
  /** What is done the moment the arm prints a line. */
  let heard: (line: Line) => void = () => {};

  beforeAll(async () => {
    const definitions = ["drivetrain", "arm", "gripper"].map((name) => example(`swarm/${name}.board.json`));
    // As it is, but that a job which no drivetrain took is given up sooner.
    const saga = changedExample(directory, "swarm", "deadline: 60_000", "deadline: 10_000");
    bench = await createBench(await planOf(definitions, [saga]));
    for (const name of [drivetrain, arm, gripper]) start(name);
    gateway = await bench.host();
  }, 120_000);

  beforeEach(() => {
    begunAt = Date.now();
  });

  afterAll(async () => {
    await bench.close();
    rmSync(directory, { recursive: true });
  });

  function start(name: string): void {
    boards.set(
      name,
      bench.start(name, (line) => name === arm && heard(line)),
    );
  }

  /** Its number. */
  async function pushJob(): Promise<number> {
    await bench.push("job", { number: ++jobs, metres: 0.5 });
    return jobs;
  }

  /** What became of a job, as the gateway tells it: all states that count, in their order. */
  async function statesOf(job: number) {
    const { invocations } = await bench.get<SagasJson>("/sagas");
    return invocations.find(({ begun }) => begun.entry.number === job)?.states ?? [];
  }

  async function expectStates(job: number, ...expected: readonly string[]): Promise<void> {
    const inWords = async () => (await statesOf(job)).map(({ behavior, status }) => `${behavior} ${status}`);
    await expect.poll(inWords, patience).toEqual(expected);
  }

  /** Of all robots, in the order in which it happened. */
  function moved(why: string): string[] {
    const lines = [drivetrain, arm, gripper].flatMap((name) => told(bench.linesOf(name), "capability"));
    return lines
      .filter((line) => line.at >= begunAt && line.why === why)
      .sort((a, b) => a.at - b.at)
      .map(({ capability, value }) => `${capability} ${value}`);
  }

  it("does a job, each in its turn, and the drive ends with its lease", async () => {
    await expectStates(await pushJob(), ...driven, ...extended, "grip intent", "grip done");
    expect(moved("operated")).toEqual(["left 0.5", "right 0.5", "arm 60", "gripper true"]);
    await expect.poll(() => moved("lease"), patience).toEqual(["left 0", "right 0"]);
    await expect.poll(() => bench.entries("report"), patience).toHaveLength(1);
  });

  it("takes back what arm and drivetrain did where the guard of the gripper is open", async () => {
    boards.get(gripper)!.say(`pin ${guard} 1`);
    const job = await pushJob();
    await expectStates(job, ...driven, ...extended, ...refused, ...folded, ...drivenBack);
    const { said } = (await statesOf(job)).find(({ status }) => status === "refused")!;
    expect(said).toBe("capability 'gripper' is barred: 'guard' is open");
    expect(moved("operated")).toEqual(["left 0.5", "right 0.5", "arm 60", "arm 0", "left -0.5", "right -0.5"]);
    boards.get(gripper)!.say(`pin ${guard} 0`);
  });

  it("tells the compensation that nobody knows whether a killed arm acted, and nothing acts in its place", async () => {
    const states = toHex(gateway.world.catalog.group("swarm-states").id);
    // Its intent is out then, and it can't know yet that it is final.
    heard = (line) => {
      if (line.event === "sealed" && line.group === states) process.kill(boards.get(arm)!.pid, "SIGSTOP");
    };
    const job = await pushJob();
    await expectStates(job, ...driven, "reach intent");
    heard = () => {};
    kill(boards.get(arm)!);
    await boards.get(arm)!.ended;
    start(arm);
    await expectStates(job, ...driven, "reach intent", "reach unknown", ...folded, ...drivenBack);
    // It was killed before it knew that it should, and after that it must not: another may have taken over.
    expect(moved("operated")).toEqual(["left 0.5", "right 0.5", "arm 0", "left -0.5", "right -0.5"]);
    const said = (await statesOf(job)).map((state) => state.said).filter((each) => each !== "");
    expect(said).toEqual([
      "stage 1 is unknown: nobody knows whether it acted",
      "stage 1 undone by reach.compensate",
      "stage 0 undone by drive.compensate",
    ]);
  });

  it("goes safe without its link, gives up what waits too long for it, and goes back when it is there again", async () => {
    boards.get(gripper)!.say(`pin ${guard} 1`);
    const cable = gateway.links.cable(bench.world.boards[0]!.terminal);
    const job = await pushJob();
    await expect.poll(async () => (await statesOf(job)).length, { ...patience, interval: 10 }).toBeGreaterThan(1);
    cable.unplug();
    const late = await pushJob();
    await expect.poll(() => moved("lease"), patience).toEqual(["left 0", "right 0"]);
    const taken = [...driven, ...extended, ...refused, ...folded];
    await expectStates(job, ...taken);
    await expectStates(late, "drive expired");
    expect(moved("operated")).toEqual(["left 0.5", "right 0.5", "arm 60", "arm 0"]);
    cable.plug();
    await expectStates(job, ...taken, ...drivenBack);
    expect(moved("operated").slice(4)).toEqual(["left -0.5", "right -0.5"]);
  });
});
