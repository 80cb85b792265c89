import { writeFileSync } from "node:fs";
import { inCells, oneWorld } from "./fleets";
import { type Measured, measure } from "./measure";
import { numbersFile, writeNumbers } from "./numbers";
import { plot } from "./plot";

/** `npm run bench:scale`: the cost of scale, counted, into docs/numbers.md and docs/scale.svg. */

const sizes = [10, 100, 1_000, 10_000];
/** Between two entries of one board, on average: in all sizes, and to see what load does. */
const everyMs = 20_000;
const loads = [20_000, 10_000, 5_000, 2_000];
const plotFile = "docs/scale.svg";

interface Row {
  /** What differs between the rows: how many boards, or how often they push. */
  readonly at: number;
  readonly measured: Measured;
}

const worlds = sizes.map((boards) => row(`one world of ${boards}`, boards, () => measure(oneWorld(boards), everyMs)));
const cells = sizes.map((boards) => row(`${boards} in cells`, boards, () => measure(inCells(boards), everyMs)));

const busy = loads.map((every) => row(`every ${every} ms`, every / 1000, () => measure(oneWorld(50), every)));

const section = [
  table("A board, in one world with a gateway for every 50 boards", worlds, "board"),
  table("A board, in cells of 10, each a world of its own with its gateway", cells, "board"),
  table("A gateway, in one world", worlds, "gateway"),
  table("A gateway, in its cell and in the larger world of gateways", cells, "gateway"),
  table("A board, one of 50 of one gateway, by how often each of them pushes", busy, "board", "every, s"),
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

function row(name: string, at: number, measureIt: () => Measured): Row {
  const began = Date.now();
  const measured = measureIt();
  process.stderr.write(`${name}: ${((Date.now() - began) / 1000).toFixed(0)} s\n`);
  return { at, measured };
}

function table(title: string, rows: readonly Row[], who: "board" | "gateway", first = "boards"): string {
  const lines = rows.map(({ at, measured }) => {
    const { signed, verified, messagesIn, messagesOut, bytesIn, bytesOut, stored } = measured[who];
    const counts = [signed, verified, messagesIn, messagesOut].map((count) => count.toFixed(2));
    const bytes = [bytesIn, bytesOut, stored].map((count) => Math.round(count).toLocaleString("en"));
    return `| ${[at.toLocaleString("en"), ...counts, ...bytes].join(" | ")} |`;
  });
  return [
    `**${title}**, per finalized batch of one entry:`,
    "",
    `| ${first} | signed | verified | messages in | messages out | bytes in | bytes out | bytes stored |`,
    "|--:|--:|--:|--:|--:|--:|--:|--:|",
    ...lines,
  ].join("\n");
}

function pointOf({ at, measured }: Row): readonly [number, number] {
  return [at, measured.board.bytesIn + measured.board.bytesOut];
}
