import { writeFileSync } from "node:fs";
import { inCells, oneWorld } from "./fleets";
import { everyMs, type Measured, measure } from "./measure";
import { numbersFile, writeNumbers } from "./numbers";
import { plot } from "./plot";

/** `npm run bench:scale`: the cost of scale, counted, into docs/numbers.md and docs/scale.svg. */

const sizes = [10, 100, 1_000, 10_000];
const plotFile = "docs/scale.svg";

interface Row {
  readonly boards: number;
  readonly measured: Measured;
}

const worlds = sizes.map((boards) => row("one world", boards, () => measure(oneWorld(boards))));
const cells = sizes.map((boards) => row("in cells", boards, () => measure(inCells(boards))));

const section = [
  table("A board, in one world with a gateway for every 50 boards", worlds, "board"),
  table("A board, in cells of 10, each a world of its own with its gateway", cells, "board"),
  table("A gateway, in one world", worlds, "gateway"),
  table("A gateway, in its cell and in the larger world of gateways", cells, "gateway"),
].join("\n\n");
writeNumbers("scale", section);
writeFileSync(
  plotFile,
  plot([
    { name: "one world: bytes in and out of a board", points: worlds.map(pointOf) },
    { name: "in cells: bytes in and out of a board", points: cells.map(pointOf) },
  ]),
);
process.stdout.write(`${section}\n\nWritten to ${numbersFile} and ${plotFile}.\n`);

function row(name: string, boards: number, measureIt: () => Measured): Row {
  const began = Date.now();
  const measured = measureIt();
  process.stderr.write(`${name}, ${boards} boards: ${((Date.now() - began) / 1000).toFixed(0)} s\n`);
  return { boards, measured };
}

function table(title: string, rows: readonly Row[], who: "board" | "gateway"): string {
  const lines = rows.map(({ boards, measured }) => {
    const { signed, verified, messagesIn, messagesOut, bytesIn, bytesOut, stored } = measured[who];
    const counts = [signed, verified, messagesIn, messagesOut].map((count) => count.toFixed(2));
    const bytes = [bytesIn, bytesOut, stored].map((count) => Math.round(count).toLocaleString("en"));
    return `| ${[boards.toLocaleString("en"), ...counts, ...bytes].join(" | ")} |`;
  });
  return [
    `**${title}**, per finalized batch of one entry, each board pushing one every ${everyMs / 1000} s on average:`,
    "",
    "| boards | signed | verified | messages in | messages out | bytes in | bytes out | bytes stored |",
    "|--:|--:|--:|--:|--:|--:|--:|--:|",
    ...lines,
  ].join("\n");
}

function pointOf({ boards, measured }: Row): readonly [number, number] {
  return [boards, measured.board.bytesIn + measured.board.bytesOut];
}
