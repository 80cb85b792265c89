import type { Bounds } from "./network";
import { search } from "./search";

/** `npm run exhaustive`: every order of what can happen, for three owners of a group, within bounds that it prints. */

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
  ["a liar who says 2 things of the whole menu", { ...plain, liar: { lies: 2, menu: "everything" } }],
  ["a liar who says 4 certificates", { ...plain, liar: { lies: 4, menu: "certificates" } }],
];

process.stdout.write(
  "3 participants own one group; A and B issue a block each at the same moment. Everything that can happen next is tried in every order;\n" +
    "a state is counted once. Two attempts per generation. Where timers fire, each owner's clock goes at its own pace. Where nothing is left to\n" +
    "choose, the network runs on fairly until all is final (not with a liar: 'all' waits for everyone). Different states may share a 63-bit hash.\n\n",
);

let failed = false;
for (const [words, bounds] of searches) {
  const began = Date.now();
  const found = search(bounds);
  const seconds = ((Date.now() - began) / 1000).toFixed(0);
  const { states, ofEach, transitions, ends, finalAtEnd, finalLater, splitVotes, complete, failure } = found;
  process.stdout.write(
    `${words}: ${complete ? "all" : "the first"} ${states.toLocaleString("en")} states (of each participant ${ofEach.join(", ")}), ` +
      `${transitions.toLocaleString("en")} transitions, ${splitVotes.toLocaleString("en")} with split votes; ` +
      `${ends} ends: ${finalAtEnd} with everything final, ${finalLater} where it became so later. ${seconds} s\n`,
  );
  if (failure === undefined) continue;
  failed = true;
  process.stdout.write(`  FAILED: ${failure.what}\n${failure.trace.map((line) => `    ${line}\n`).join("")}`);
}
process.exitCode = failed ? 1 : 0;
