import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { VertebraError } from "../../firmware/core/errors";
import { buildFirmware } from "../fleet/linux-board";
import { buildRv32Firmware } from "../fleet/rv32-board";
import type { Rv32Image } from "../fleet/rv32-image";
import { type Stage, setStage } from "./stage";
import { failuresOf, type Summary, summarize } from "./summary";
import type { Moment } from "./view";

export interface DemoOptions {
  /** How long the writers write; for ever where it is missing. */
  readonly forMs: number | undefined;
  /** When to pull out the cable of the board with the relay, once it is on; never where it is missing. */
  readonly pullMs: number | undefined;
  /** Called with what a person does, once the demo runs: pulling that cable out, or putting it back. */
  readonly hands: (pullOrPlug: () => void) => void;
  /** Resolves when a person asks the demo to end. */
  readonly asked: Promise<void>;
  /** Told what there is to wait for. */
  readonly say: (text: string) => void;
  /** Whether one of its boards is an emulated microcontroller; where it is not said, one is if this machine has what that takes. */
  readonly emulated: boolean | undefined;
  /** Called with the directory of its world once that can be asked, as any gateway's. */
  readonly begun: (directory: string) => void;
  /** Called a few times a second. */
  readonly show: (moment: Moment) => void;
}

/** After the writers have stopped, so long may it take until the saga has done with their readings and everything sealed is final. */
export const drainMs = 30_000;
const showEveryMs = 250;
const throughputOverMs = 5000;

/** Runs the demo until it is told to end, drains, and takes down all that it set up. Errors: those of `buildFirmware` and `buildRv32Firmware`, `demo-failed`. */
export async function runDemo({
  forMs,
  pullMs,
  hands,
  asked,
  say,
  emulated,
  begun,
  show,
}: DemoOptions): Promise<Summary> {
  const firmware = await buildFirmware(say);
  const emulator = await emulatorOf(emulated, say);
  const directory = mkdtempSync(join(tmpdir(), "vertebra-demo-"));
  // A board that was killed this moment may have a file open still.
  const sweep = () => rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  process.once("exit", sweep);
  try {
    const stage = await setStage(join(directory, "world"), { firmware, emulator }, say);
    begun(stage.world.directory);
    const showing = showRegularly(stage, show);
    const boardEnded = Promise.race(
      stage.boards.map((board) => board.process.ended.then((status) => ended(board.report.name, status))),
    );
    const failed = Promise.race([stage.failed, boardEnded]);
    try {
      const startedAt = performance.now();
      hands(() => pullOrPlug(stage));
      const pulling = pullMs === undefined ? undefined : pullFor(stage, pullMs);
      await Promise.race([asked, failed, ...(forMs === undefined ? [] : [sleep(forMs)])]);
      pulling?.stop();
      if (isPulled(stage)) stage.plug();
      const seconds = (performance.now() - startedAt) / 1000;
      await Promise.race([drain(stage, showing.footer), failed]);
      for (const { report } of stage.boards) {
        for (const block of report.pending) say(`${report.name}: ${await whyNotFinal(stage, block)}`);
      }
      return summarize(stage.report(), reportsOf(stage), stage.thermostat, seconds);
    } finally {
      showing.stop();
      // They end now because they are told to.
      failed.catch(() => {});
      await stage.close();
    }
  } finally {
    process.off("exit", sweep);
    sweep();
  }
}

async function emulatorOf(asked: boolean | undefined, say: (text: string) => void): Promise<Rv32Image | undefined> {
  if (asked === false) return undefined;
  try {
    return await buildRv32Firmware(say);
  } catch (error) {
    if (asked || !(error instanceof VertebraError)) throw error;
    // Who has QEMU for something else may lack the compiler, and is shown what there is.
    if (error.code !== "no-qemu")
      say(`board-3 is a process, as the others: --emulated says what it lacks to be more. ${error.remedy}`);
    return undefined;
  }
}

/** Long enough for the relay to be let go, 6 s after the link went silent. */
export const pulledForMs = 10_000;

function isPulled({ thermostat: { pull } }: Stage): boolean {
  return pull !== null && pull.pluggedAt === null;
}

function pullOrPlug(stage: Stage): void {
  if (isPulled(stage)) stage.plug();
  else stage.pull();
}

/** Pulls the cable out when the relay is on, so that there is something to let go, and puts it back. */
function pullFor(stage: Stage, afterMs: number) {
  let timer = setTimeout(pullWhenOn, afterMs);
  function pullWhenOn(): void {
    if (stage.thermostat.relay?.value === true) {
      stage.pull();
      timer = setTimeout(stage.plug, pulledForMs);
    } else timer = setTimeout(pullWhenOn, 50);
  }
  return { stop: () => clearTimeout(timer) };
}

function ended(board: string, status: number): never {
  throw new VertebraError("demo-failed", `${board} ended with status ${status}`, "What it said last is above");
}

const reportsOf = (stage: Stage) => stage.boards.map((board) => board.report);

/** Stops the writers, and waits until all they sealed is final everywhere, or for so long as is allowed. */
async function drain(stage: Stage, footer: (text: string) => void): Promise<void> {
  footer("the writers have stopped; waiting until everything sealed is final");
  const deadline = performance.now() + drainMs;
  for (const board of stage.boards) board.process.say("stop");
  do {
    await sleep(50);
  } while (isUnderWay(stage) && performance.now() < deadline);
  for (const board of stage.boards) board.process.say("status");
  await sleep(100);
}

/** The gateway may never have heard of it. */
function whyNotFinal(stage: Stage, block: string): Promise<string> {
  return stage.whyWaiting(block).catch((error: unknown) => {
    if (error instanceof VertebraError) return error.message;
    throw error;
  });
}

/** A saga seals states of its own as long as an invocation runs. */
function isUnderWay(stage: Stage): boolean {
  return stage.invocations() > 0 || failuresOf(stage.report(), reportsOf(stage)).length > 0;
}

function showRegularly(stage: Stage, show: (moment: Moment) => void) {
  const startedAt = performance.now();
  const past: { readonly at: number; readonly entries: number }[] = [];
  let footer = "p pulls out the cable of the relay's board, or puts it back; Ctrl-C ends";
  const timer = setInterval(() => {
    const now = performance.now();
    const report = stage.report();
    const entries = [...stage.orders.values()].reduce((sum, order) => sum + order.entries, 0);
    past.push({ at: now, entries });
    while (now - past[0]!.at > throughputOverMs) past.shift();
    const span = (now - past[0]!.at) / 1000;
    show({
      world: report.world,
      directory: stage.world.directory,
      seconds: Math.floor((now - startedAt) / 1000),
      generation: report.finalizable,
      attempt: report.attempt,
      throughput: span > 0 ? (entries - past[0]!.entries) / span : 0,
      boards: reportsOf(stage),
      thermostat: stage.thermostat,
      groups: stage.world.catalog.groups.flatMap(({ name }) => {
        const order = stage.orders.get(name);
        return order === undefined ? [] : [{ name, order }];
      }),
      last: stage.last,
      footer,
    });
  }, showEveryMs);
  return {
    footer(text: string) {
      footer = text;
    },
    stop: () => clearInterval(timer),
  };
}
