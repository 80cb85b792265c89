import { parseArgs } from "node:util";
import { bundle } from "./bundle";
import { coverageTable, reachable, sum } from "./coverage";
import { createDigest } from "./digest";
import { huntAll } from "./hunt";
import { drawPlan, type Plan } from "./plan";
import { platform } from "./platform";
import { shrink } from "./shrink";
import { simulate, type Verdict } from "./simulate";
import { traceLegend } from "./trace";
import type { Request } from "./worker";
import { runAll } from "./workers";

/**
 * npm run sim -- --seeds 1000              so many worlds, from --first on (1)
 *                --minutes 10              as many as fit
 *                --signatures real         none with the cheap ones that most are drawn with
 *                --seed 42 [--trace]       one, told in full
 *                --seed 42 --shrink        the shortest plan that still fails
 *                --mutants [part of name]  looks for the seed that catches each deliberate fault
 */

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: "string" },
    first: { type: "string", default: "1" },
    minutes: { type: "string" },
    seed: { type: "string" },
    signatures: { type: "string" },
    trace: { type: "boolean", default: false },
    shrink: { type: "boolean", default: false },
    mutants: { type: "boolean", default: false },
  },
});

/** A batch this large must have reached all that is to be reached. */
const coveringBatch = 1_000;
const first = Number(options.first);
const signatures = options.signatures as Plan["signatures"] | undefined;

function tell({ seed, failures }: Verdict): void {
  if (failures.length === 0) return;
  console.log(`seed ${seed} failed; see it again with: npm run sim -- --seed ${seed} --trace`);
  for (const failure of failures) console.log(`  ${failure}`);
}

function showOne(seed: number): boolean {
  if (options.trace) console.log(traceLegend);
  const verdict = simulate(drawPlan(seed, signatures), platform, options.trace ? console.log : undefined);
  tell(verdict);
  console.log(coverageTable([verdict.coverage]));
  const healed = verdict.healedAfter === null ? "nothing to heal" : `healed after ${verdict.healedAfter} ms`;
  console.log(`${verdict.finalBlocks} final blocks, ${verdict.events} events, ${healed}, digest ${verdict.digest}`);
  return verdict.failures.length === 0;
}

function* requests(started: number): Generator<Request, undefined> {
  const { minutes } = options;
  const count = minutes === undefined ? Number(options.seeds ?? 100) : Infinity;
  const endsAt = minutes === undefined ? Infinity : started + Number(minutes) * 60_000;
  for (let seed = first; seed < first + count && Date.now() < endsAt; seed++) yield { seed, signatures };
  return undefined;
}

async function runMany(): Promise<boolean> {
  const started = Date.now();
  const verdicts = await runAll(await bundle("worker.ts", "worker.mjs"), requests(started), tell);
  const seconds = (Date.now() - started) / 1000;
  const failed = verdicts.filter(({ failures }) => failures.length > 0);
  const total = sum(verdicts.map(({ coverage }) => coverage));
  const missed = verdicts.length < coveringBatch ? [] : reachable.filter((name) => total[name] === 0);
  const digest = createDigest();
  for (const verdict of verdicts) digest.words(verdict.digest);
  console.log(coverageTable(verdicts.map(({ coverage }) => coverage)));
  for (const name of missed) console.log(`never reached: ${name}`);
  const real = verdicts.filter(({ seed }) => drawPlan(seed, signatures).signatures === "real");
  console.log(`${real.length} worlds with real signatures`);
  const healed = verdicts.map(({ healedAfter }) => healedAfter ?? 0).sort((a, b) => a - b);
  console.log(`healed within ${healed[Math.floor(healed.length / 2)]} ms, at most ${healed[healed.length - 1]} ms`);
  console.log(
    `${verdicts.length - failed.length} worlds kept their promises, ${failed.length} did not; ` +
      `${(verdicts.length / seconds).toFixed(1)} a second, digest ${digest.hex()}`,
  );
  return failed.length + missed.length === 0;
}

async function done(): Promise<boolean> {
  if (options.mutants) return await huntAll(positionals.join(" "), first, Number(options.seeds ?? 300));
  if (options.seed === undefined) return await runMany();
  const seed = Number(options.seed);
  if (!options.shrink) return showOne(seed);
  return shrink(drawPlan(seed, signatures), platform, console.log) !== undefined;
}

process.exitCode = (await done()) ? 0 : 1;
