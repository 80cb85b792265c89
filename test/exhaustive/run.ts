import { writeNumbers } from "../bench/numbers";
import type { Bounds } from "./network";
import { type Found, search } from "./search";

/** `npm run exhaustive`: every order of what can happen to three owners of a group, counted into docs/numbers.md. */

const plain: Bounds = {
  quorum: "all",
  links: "triangle",
  inOrder: true,
  alarms: 0,
  attempts: 2,
  crashes: 0,
  mostStates: 30_000_000,
  seed: 1,
};

const searches: readonly (readonly [words: string, bounds: Bounds])[] = [
  ["three honest owners, each linked with each, no timer", plain],
  ["a line, no timer, quorum majority", { ...plain, links: "line", quorum: "majority" }],
  [
    "a line, no timer, messages of one link in any order",
    { ...plain, links: "line", inOrder: false, mostStates: 10_000_000 },
  ],
  ["a line, 2 timers at any moment", { ...plain, links: "line", alarms: 2 }],
  ["a line, a crash of anyone at any moment, and a restart at any later one", { ...plain, links: "line", crashes: 1 }],
  [
    "a line, a crash and a restart, and a timer",
    { ...plain, links: "line", crashes: 1, alarms: 1, mostStates: 5_000_000 },
  ],
  ["a liar who says 2 things of the whole menu", { ...plain, liar: { lies: 2, menu: "everything" } }],
  ["a liar who says 4 certificates", { ...plain, liar: { lies: 4, menu: "certificates" } }],
];

const rows = searches.map(([words, bounds]) => {
  const began = Date.now();
  const found = search(bounds);
  process.stderr.write(`${words}: ${((Date.now() - began) / 1000).toFixed(0)} s\n`);
  if (found.failure !== undefined) {
    process.stdout.write(`FAILED, ${words}: ${found.failure.what}\n`);
    for (const line of found.failure.trace) process.stdout.write(`  ${line}\n`);
    process.exitCode = 1;
  }
  return rowOf(words, found, bounds.liar !== undefined);
});
const section = [
  "| what may happen | states | transitions | with split votes | ends | final at the end | final later |",
  "|---|--:|--:|--:|--:|--:|--:|",
  ...rows,
].join("\n");
process.stdout.write(`${section}\n`);
if (process.exitCode !== 1) writeNumbers("exhaustive", section);

function rowOf(words: string, found: Found, withLiar: boolean): string {
  const states = `${found.complete ? "all" : "the first"} ${found.states.toLocaleString("en")}`;
  const counts = [found.transitions, found.splitVotes, found.ends, found.finalAtEnd].map((count) =>
    count.toLocaleString("en"),
  );
  // The policy `all` waits for everyone, so for a liar too.
  return `| ${[words, states, ...counts, withLiar ? "–" : found.finalLater.toLocaleString("en")].join(" | ")} |`;
}
