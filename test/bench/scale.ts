import { writeFileSync } from "node:fs";
import { buildHost } from "../../firmware/native/build.mjs";
import { inCells, oneWorld } from "./fleets";
import { type Measured, measure, type PerBatch } from "./measure";
import { numbersFile, writeNumbers } from "./numbers";
import { plot } from "./plot";
import type { Replayed } from "./replay";
import { replayOnXs } from "./xs";

/** `npm run bench:scale`: the cost of scale, counted, into docs/numbers.md and docs/scale.svg. */

const sizes = [10, 100, 1_000, 10_000];
/** Between two entries of one board, on average: in all sizes, and to see what load does. */
const everyMs = 20_000;
const loads = [20_000, 10_000, 5_000, 2_000];
/** Within how many ms all boards of one gateway push, to see what it does that they do so together. */
const bursts = [0, 30, 100, 300, 1_000, 3_000, 10_000];
/** Boards of the one gateway in these. */
const oneGateway = 50;
const plotFile = "docs/scale.svg";

interface Row {
  /** What differs between the rows: how many boards, how often they push, or how close together. */
  readonly at: number;
  readonly measured: Measured;
}

const host = await buildHost((text) => process.stderr.write(`${text}\n`));
const worlds = sizes.map((boards) => row(`one world of ${boards}`, boards, () => measure(oneWorld(boards), everyMs)));
const cells = sizes.map((boards) => row(`${boards} in cells`, boards, () => measure(inCells(boards), everyMs)));
const busy = loads.map((every) => row(`every ${every} ms`, every / 1000, () => measure(oneWorld(oneGateway), every)));
const together = bursts.map((within) =>
  row(`within ${within} ms`, within, () => measure(oneWorld(oneGateway), everyMs, within)),
);

const tables = [
  await table("A board, in one world with a gateway for every 50 boards", worlds, "board"),
  await table("A board, in cells of 10, each a world of its own with its gateway", cells, "board"),
  await table("A gateway, in one world", worlds, "gateway"),
  await table("A gateway, in its cell and in the larger world of gateways", cells, "gateway"),
  await table("A board, one of 50 of one gateway, by how often each of them pushes", busy, "board", "every, s"),
  await table(
    "A board, one of 50 of one gateway, by how close together all push, every 20 s",
    together,
    "board",
    "within, ms",
  ),
];
const section = tables.join("\n\n");
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
  process.stderr.write(`${name}: ${seconds(began)} s\n`);
  return { at, measured };
}

function seconds(since: number): string {
  return ((Date.now() - since) / 1000).toFixed(0);
}

async function table(title: string, rows: readonly Row[], who: "board" | "gateway", first = "boards"): Promise<string> {
  const began = Date.now();
  const lines: string[] = [];
  for (const { at, measured } of rows) {
    const onXs = await replayOnXs(host, measured.recordings[who]);
    lines.push(`| ${[at.toLocaleString("en"), ...columns(measured[who], onXs)].join(" | ")} |`);
  }
  process.stderr.write(`on XS, ${title}: ${seconds(began)} s\n`);
  return [
    `**${title}**, per finalized batch of one entry:`,
    "",
    `| ${first} | signed | verified | messages in | messages out | bytes in | bytes out | flash bytes | protocol, k | store, k |`,
    "|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ...lines,
  ].join("\n");
}

function columns(counted: PerBatch, onXs: Replayed): string[] {
  const { signed, verified, messagesIn, messagesOut, bytesIn, bytesOut } = counted;
  return [
    ...[signed, verified, messagesIn, messagesOut].map((count) => count.toFixed(2)),
    ...[bytesIn, bytesOut, onXs.programmed / onXs.finalized].map(whole),
    ...[onXs.core, onXs.store].map((count) => whole(count / onXs.finalized / 1000)),
  ];
}

function whole(count: number): string {
  return Math.round(count).toLocaleString("en");
}

function pointOf({ at, measured }: Row): readonly [number, number] {
  return [at, measured.board.bytesIn + measured.board.bytesOut];
}
