import { type Command, InvalidArgumentError } from "commander";
import { VertebraError } from "../../firmware/core/errors";
import { drainMs, pulledForMs, runDemo } from "../demo/run";
import type { Summary } from "../demo/summary";
import { renderMoment } from "../demo/view";
import { duration, paint } from "../system/text";
import { askedToEnd } from "./ending";
import { plainCommand } from "./options";
import { exitCodes, openScreen, print, printJson, printTable, say } from "./output";

export function demoCommand(): Command {
  return plainCommand("demo", "run a world with a gateway and three boards on XS on this machine, and watch it", [
    "npm start",
    "npm start -- --for 15s --json",
    "npm start -- --for 45s --pull 15s",
    "npm start -- --no-emulated",
  ])
    .option("--for <time>", "stop the writers after so long, such as 15s or 2m; otherwise after Ctrl-C", readTime)
    .option(
      "--pull <time>",
      "pull out the cable of the relay's board after so long, for 10 s; p does so by hand",
      readTime,
    )
    .option(
      "--emulated",
      "run board-3 as a microcontroller that QEMU emulates (boards/rv32/README.md), as where that is installed",
    )
    .option("--no-emulated", "run board-3 as a process, as the others")
    .addHelpText(
      "after",
      "\nEnds with 1 where something sealed is not final 30 s after the writers have stopped, or where the\ngateway and a board don't have the same order, or where a relay without its link was not let go.",
    )
    .action(demo);
}

async function demo(options: { for?: number; pull?: number; emulated?: boolean; json?: boolean }): Promise<void> {
  checkTimes(options);
  const live = process.stdout.isTTY && !options.json;
  const screen = live ? openScreen() : undefined;
  try {
    const summary = await runDemo({
      forMs: options.for,
      pullMs: options.pull,
      hands: (pullOrPlug) => live && onKey("p", pullOrPlug),
      asked: askedToEnd(options.json, drainMs + takeDownMs),
      say: (text) => say(text),
      emulated: options.emulated,
      begun: (directory) => options.json || say(`Ask it from another terminal: npx vertebra status --dir ${directory}`),
      show: (moment) => screen?.draw(renderMoment(moment)),
    });
    screen?.close();
    if (options.json) printJson(summary);
    else showSummary(summary);
    process.exitCode = summary.ok ? exitCodes.done : exitCodes.failed;
  } finally {
    screen?.close();
  }
}

/** How long it may take to end the boards and the gateway, on a busy machine. */
const takeDownMs = 15_000;

/** After the cable is put back the link has to come up, and a reading to come that wants the relay on: it swings for 20 s. */
const afterPullMs = 25_000;

function checkTimes({ for: forMs, pull }: { for?: number; pull?: number }): void {
  if (forMs === undefined || pull === undefined || forMs >= pull + pulledForMs + afterPullMs) return;
  const least = (pull + pulledForMs + afterPullMs) / 1000;
  const message = `${forMs / 1000} s are too short to see a relay let go ${pull / 1000} s after the start, and operated again`;
  throw new VertebraError("usage", message, `Give --for ${least}s, or more.`);
}

/** Calls when a person presses this key; Ctrl-C is still Ctrl-C. */
function onKey(key: string, pressed: () => void): void {
  if (!process.stdin.isTTY) return;
  process.stdin.setRawMode(true);
  process.once("exit", () => process.stdin.setRawMode(false));
  process.stdin.unref();
  process.stdin.on("data", (typed) => {
    if (`${typed}` === key) pressed();
    if (`${typed}` === "\x03") process.kill(process.pid, "SIGINT");
  });
}

export function showSummary(summary: Summary): void {
  const { boards, groups, totals, seconds, failures, generations } = summary;
  const kept = paint("green", "Everything sealed is final, in the same order on both sides.");
  print(summary.ok ? kept : paint("red", "Not everything holds that should:"));
  for (const failure of failures) print(`  ${failure}`);
  print();
  const shown = (time: number | null) => (time === null ? "–" : duration(Math.round(time)));
  printTable([
    ["BOARD", "ENGINE", "PUSHED", "SEALED", "FINAL", "MEDIAN", "P99", "SIGNED", "BYTES"],
    ...boards.map((board) => [
      board.name,
      board.emulated ? `RV32: ${board.engine}` : board.engine,
      `${board.pushed}`,
      `${board.sealed}`,
      `${board.finalized}`,
      shown(board.latencyMs.median),
      shown(board.latencyMs.p99),
      `${board.perFinalEntry.signatures}`,
      `${Math.round(board.perFinalEntry.bytes)}`,
    ]),
  ]);
  print("From push to finality; SIGNED, and BYTES on the wire, are per final entry.");
  const libraries = [...new Set(boards.map((board) => board.crypto)), summary.gateway.crypto];
  print(`Cryptography by ${libraries.join(", ")}.`);
  print();
  printTable([
    ["GROUP", "BLOCKS", "SEQUENCES"],
    ...groups
      .filter(({ blocks }) => blocks > 0)
      .map(({ name, blocks, entries }) => [name, `${blocks}`, entries > 0 ? `0 to ${entries - 1}` : "none"]),
  ]);
  showThermostat(summary.thermostat);
  const { finalized, entriesPerSecond } = totals;
  print();
  print(
    `${finalized} entries in ${seconds} s, ${entriesPerSecond} a second, ${generations.finalizable + 1} generations`,
  );
}

function showThermostat({ readings, operated, expired, latencyMs, pulled }: Summary["thermostat"]): void {
  const seconds = (time: number | null) => (time === null ? "never" : `${(time / 1000).toFixed(1)} s`);
  print();
  print(`Thermostat: ${readings} readings of board-1 operated the relay of board-2 ${operated} times,`);
  print(`${seconds(latencyMs.median)} after the reading at the median; ${expired} came too late.`);
  if (pulled === null) return;
  const { wasOn, safeAfterMs, operatedAfterMs } = pulled;
  const letGo = wasOn ? `the relay was let go after ${seconds(safeAfterMs)}` : "the relay was off, as it is safe";
  print(`Its cable was pulled out: ${letGo}, operated again ${seconds(operatedAfterMs)} after it was put back.`);
}

/** "15s" in ms. */
function readTime(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  if (match === null) throw new InvalidArgumentError("It is a time such as 15s, 2m or 1h.");
  return Number(match[1]) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match[2] ?? "s"]!;
}
