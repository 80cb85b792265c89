import { flashPerBatch, type Programmed, type Spent } from "./flash-costs";
import { numbersFile, writeNumbers } from "./numbers";
import type { Direction } from "./pair";

/** `npm run bench:flash`: what a board programs into its flash for each batch that becomes final, into docs/numbers.md. */

/** Batches that are counted. */
const batches = 300;
/** Of the flash that a board is to live with: 2 MB in sectors of 4 KB, and erases that each bears. */
const [sectors, lifeOfSector] = [512, 100_000];
const secondsOfYear = 365.25 * 24 * 3600;

const directions: readonly Direction[] = ["board", "gateway"];
const spent = directions.map((direction) => flashPerBatch(direction, batches));
const kinds = [...new Set(spent.flatMap(({ records }) => [...records.keys()]))].sort();
const section = [
  `| bytes programmed a final batch | ${spent.map(({ direction }) => `the ${direction} pushes`).join(" | ")} |`,
  `|:--|${spent.map(() => "--:|").join("")}`,
  ...kinds.map((kind) => row(kind, ({ records }) => records.get(kind))),
  row("headers of records, and ones up to a unit", ({ headers }) => headers),
  row("commit words", ({ commits }) => commits),
  row("fronts of sectors", ({ fronts }) => fronts),
  row("compaction", ({ moved }) => moved),
  row("**all**", ({ all }) => all),
  `| writes a final batch | ${spent.map((each) => (each.writes / each.batches).toFixed(2)).join(" | ")} |`,
  `| sectors erased for 1,000 batches | ${spent.map((each) => ((1000 * each.erases) / each.batches).toFixed(0)).join(" | ")} |`,
  `| years at one batch a second, in 2 MB | ${spent.map((each) => years(each).toFixed(1)).join(" | ")} |`,
].join("\n");
writeNumbers("flash", section);
process.stdout.write(`${section}\n\nWritten to ${numbersFile}.\n`);

function row(name: string, of: (spent: Spent) => Programmed | undefined): string {
  const columns = spent.map((each) => Math.round((of(each) ?? 0) / each.batches).toLocaleString("en"));
  return `| ${name} | ${columns.join(" | ")} |`;
}

/** Until each sector was erased as often as it bears, wear being even. */
function years({ batches, erases }: Spent): number {
  return (lifeOfSector * sectors * batches) / erases / secondsOfYear;
}
