import { random, runCuts, scripted } from "./cuts";
import { parts } from "./nor";
import { ofParticipant } from "./participant-history";

/**
 * `npm run cuts`: enumerates the power cuts of scripted and random histories, every second cut in every of its torn variants too, and
 * prints how many there were. `npm run cuts -- ID` runs one case again.
 */

const only = process.argv[2];
const histories = [
  ...[1, 4, 16, 32].map((writeSize) => [`scripted-${writeSize}`, scripted(writeSize)] as const),
  ...[4, 32].map((writeSize) => [`participant-${writeSize}`, ofParticipant(writeSize)] as const),
  ...Array.from({ length: 24 }, (_, seed) => [`random-${seed + 1}`, random(seed + 1)] as const),
];
let count = 0;
for (const [name, history] of histories) {
  if (only !== undefined && !only.startsWith(`${name}/`)) continue;
  const cuts = runCuts(name, history, parts, only);
  count += cuts;
  process.stdout.write(`${name.padEnd(12)} ${cuts.toLocaleString("en").padStart(9)} cuts\n`);
}
process.stdout.write(
  `${count.toLocaleString("en")} cuts, and after each the state is that before the write or after it\n`,
);
