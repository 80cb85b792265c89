import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { coverageTable, reachable, sum } from "./coverage";
import { createDigest } from "./digest";
import { drawPlan } from "./plan";
import { platform } from "./platform";
import { shrink } from "./shrink";
import { simulate, type Verdict } from "./simulate";
import { traceLegend } from "./trace";

/**
 * npm run sim -- --seeds 1000            so many worlds, from --first on (1)
 *                --minutes 10            as many as fit
 *                --seed 42 [--trace]     one, told in full
 *                --seed 42 --shrink      the shortest plan that still fails
 */

const { values: options } = parseArgs({
  options: {
    seeds: { type: "string" },
    first: { type: "string", default: "1" },
    minutes: { type: "string" },
    seed: { type: "string" },
    trace: { type: "boolean", default: false },
    shrink: { type: "boolean", default: false },
    worker: { type: "boolean", default: false },
  },
});

/** A batch this large must have reached all that is to be reached. */
const coveringBatch = 1_000;
const workers = 2;

function runOne(seed: number): Verdict {
  return simulate(drawPlan(seed), platform);
}

function tell(verdict: Verdict): void {
  const { seed, failures } = verdict;
  console.log(`seed ${seed} failed; see it again with: npm run sim -- --seed ${seed} --trace`);
  for (const failure of failures) console.log(`  ${failure}`);
}

function showOne(seed: number): boolean {
  if (options.trace) console.log(traceLegend);
  const verdict = simulate(drawPlan(seed), platform, options.trace ? console.log : undefined);
  if (verdict.failures.length > 0) tell(verdict);
  console.log(coverageTable([verdict.coverage]));
  const healed = verdict.healedAfter === null ? "nothing to heal" : `healed after ${verdict.healedAfter} ms`;
  console.log(`${verdict.finalBlocks} final blocks, ${verdict.events} events, ${healed}, digest ${verdict.digest}`);
  return verdict.failures.length === 0;
}

/** Gives seeds to two processes until there are no more, or no more time. */
async function runBatch(first: number, count: number, endsAt: number): Promise<Verdict[]> {
  let next = first;
  const verdicts: Verdict[] = [];
  const run = (child: ChildProcess) =>
    new Promise<void>((resolve, reject) => {
      const give = () => {
        if (next >= first + count || Date.now() >= endsAt) child.disconnect();
        else child.send(next++);
      };
      child.on("message", (verdict: Verdict) => {
        verdicts.push(verdict);
        if (verdict.failures.length > 0) tell(verdict);
        give();
      });
      child.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${code}`))));
      give();
    });
  const path = fileURLToPath(import.meta.url);
  await Promise.all(Array.from({ length: workers }, () => run(fork(path, ["--worker"]))));
  return verdicts.sort((a, b) => a.seed - b.seed);
}

async function runMany(): Promise<boolean> {
  const started = Date.now();
  const endsAt = options.minutes === undefined ? Infinity : started + Number(options.minutes) * 60_000;
  const count = options.minutes === undefined ? Number(options.seeds ?? 100) : Number.MAX_SAFE_INTEGER / 2;
  const verdicts = await runBatch(Number(options.first), count, endsAt);
  const failed = verdicts.filter(({ failures }) => failures.length > 0);
  const total = sum(verdicts.map(({ coverage }) => coverage));
  const missed = verdicts.length < coveringBatch ? [] : reachable.filter((name) => total[name] === 0);
  const digest = createDigest();
  for (const verdict of verdicts) digest.words(verdict.digest);
  const seconds = (Date.now() - started) / 1000;
  console.log(coverageTable(verdicts.map(({ coverage }) => coverage)));
  for (const name of missed) console.log(`never reached: ${name}`);
  const healed = verdicts.map(({ healedAfter }) => healedAfter ?? 0).sort((a, b) => a - b);
  console.log(`healed within ${healed[Math.floor(healed.length / 2)]} ms, at most ${healed[healed.length - 1]} ms`);
  console.log(
    `${verdicts.length - failed.length} worlds kept their promises, ${failed.length} did not; ` +
      `${(verdicts.length / seconds).toFixed(1)} a second, digest ${digest.hex()}`,
  );
  return failed.length + missed.length === 0;
}

if (options.worker) {
  process.on("message", (seed: number) => process.send!(runOne(seed)));
} else if (options.seed === undefined) {
  process.exitCode = (await runMany()) ? 0 : 1;
} else if (options.shrink) {
  process.exitCode = shrink(drawPlan(Number(options.seed)), platform, console.log) ? 0 : 1;
} else {
  process.exitCode = showOne(Number(options.seed)) ? 0 : 1;
}
