import { type Command, InvalidArgumentError } from "commander";
import { runDemo } from "../demo/run";
import type { Summary } from "../demo/summary";
import { type Moment, renderMoment } from "../demo/view";
import { plainCommand } from "./options";
import { askedToEnd, exitCodes, paint, printJson, printTable } from "./terminal";

export function demoCommand(): Command {
  return plainCommand("demo", "run a world with a gateway and three boards on XS on this machine, and watch it", [
    "npm start",
    "npm start -- --for 15s --json",
  ])
    .option("--for <time>", "stop the writers after so long, such as 15s or 2m; otherwise after Ctrl-C", readTime)
    .addHelpText(
      "after",
      "\nEnds with 1 where something sealed is not final 5 s after the writers have stopped, or where the\ngateway and a board don't have the same order.",
    )
    .action(demo);
}

async function demo(options: { for?: number; json?: boolean }): Promise<void> {
  const live = process.stdout.isTTY && !options.json;
  const screen = live ? openScreen() : undefined;
  try {
    const summary = await runDemo({
      forMs: options.for,
      asked: askedToEnd(),
      say: (text) => process.stderr.write(`${text}\n`),
      show: (moment) => screen?.draw(moment),
    });
    screen?.close();
    if (options.json) printJson(summary);
    else show(summary);
    process.exitCode = summary.ok ? exitCodes.done : exitCodes.failed;
  } finally {
    screen?.close();
  }
}

/** The terminal's alternate screen: what was on it before is back afterwards, however the program ends. */
function openScreen() {
  let open = false;
  const close = () => {
    if (open) process.stdout.write("\x1b[?25h\x1b[?1049l");
    open = false;
    process.off("exit", close);
  };
  return {
    draw(moment: Moment) {
      if (!open) process.stdout.write("\x1b[?1049h\x1b[?25l");
      if (!open) process.once("exit", close);
      open = true;
      process.stdout.write(`\x1b[H${renderMoment(moment).join("\x1b[K\n")}\x1b[J`);
    },
    close,
  };
}

function show(summary: Summary): void {
  const { boards, groups, totals, seconds, failures, generations } = summary;
  const verdict = summary.ok
    ? paint("green", "Everything sealed is final, in the same order on both sides.")
    : paint("red", "Not everything holds that should:");
  process.stdout.write(`${verdict}\n${failures.map((failure) => `  ${failure}\n`).join("")}\n`);
  const ms = (time: number | null) => (time === null ? "–" : `${Math.round(time)} ms`);
  printTable([
    ["BOARD", "ENGINE", "PUSHED", "SEALED", "FINAL", "MEDIAN", "P99", "SIGNED", "BYTES"],
    ...boards.map((board) => [
      board.name,
      board.engine,
      `${board.pushed}`,
      `${board.sealed}`,
      `${board.finalized}`,
      ms(board.latencyMs.median),
      ms(board.latencyMs.p99),
      `${board.perFinalEntry.signatures}`,
      `${Math.round(board.perFinalEntry.bytes)}`,
    ]),
  ]);
  process.stdout.write("From push to finality; SIGNED, and BYTES on the wire, are per final entry.\n");
  const libraries = [...new Set(boards.map((board) => board.crypto)), summary.gateway.crypto];
  process.stdout.write(`Cryptography by ${libraries.join(" and ")}.\n\n`);
  printTable([
    ["GROUP", "BLOCKS", "SEQUENCES"],
    ...groups.map(({ name, blocks, entries }) => [name, `${blocks}`, entries > 0 ? `0 to ${entries - 1}` : "none"]),
  ]);
  const { finalized, entriesPerSecond } = totals;
  process.stdout.write(`\n${finalized} entries in ${seconds} s, ${entriesPerSecond} a second, `);
  process.stdout.write(`${generations.finalizable + 1} generations\n`);
}

/** "15s" in ms. */
function readTime(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  if (match === null) throw new InvalidArgumentError("It is a time such as 15s, 2m or 1h.");
  return Number(match[1]) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match[2] ?? "s"]!;
}
