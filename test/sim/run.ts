import { bundle } from "./bundle";
import { coverageTable, reachable, sum } from "./coverage";
import { createDigest } from "./digest";
import { healingOf, record, showSpread, slower } from "./healing-record";
import { huntAll } from "./hunt";
import { help, type Options, readOptions, UsageError } from "./options";
import { platform } from "./platform";
import { showRadio } from "./radio";
import { shrink } from "./shrink";
import { simulate, type Verdict } from "./simulate";
import { traceLegend } from "./trace";
import { runAll } from "./workers";
import { type Drawn, draw, optionOf } from "./worlds";

/** A batch this large must have reached all that is to be reached. */
const coveringBatch = 600;
const usualBatch = 100;

async function run(options: Options): Promise<boolean> {
  const { kind, seed, signatures } = options;
  if (options.help) {
    process.stdout.write(help);
    return true;
  }
  if (options.world !== null) return showRadio();
  if (options.mutants !== null) return await huntAll(options.mutants, options.first, options.seeds ?? 300);
  if (seed === null) return await runMany(options);
  if (options.shrink) return shrink(draw({ kind, seed, signatures }), platform, console.log) !== undefined;
  return showOne({ kind, seed, signatures }, options.trace);
}

function tell(kind: Drawn["kind"], { seed, failures }: Verdict): void {
  if (failures.length === 0) return;
  console.log(`seed ${seed} failed; see it again with: npm run sim -- ${optionOf[kind]}--seed ${seed} --trace`);
  for (const failure of failures) console.log(`  ${failure}`);
}

function showOne(drawn: Drawn, trace: boolean): boolean {
  if (trace) console.log(traceLegend);
  const verdict = simulate(draw(drawn), platform, { print: trace ? console.log : undefined });
  tell(drawn.kind, verdict);
  console.log(coverageTable([verdict.coverage]));
  const { healing } = verdict;
  const healed = healing === null ? "nothing to heal" : `healed after ${healing.took} ms`;
  const still = drawn.kind === "loaded" && healing !== null ? `, stood still for ${healing.stoodStill} ms` : "";
  console.log(
    `${verdict.finalBlocks} final blocks, ${verdict.events} events, ${healed}${still}, digest ${verdict.digest}`,
  );
  return verdict.failures.length === 0;
}

function* requests({ kind, first, seeds, minutes, signatures }: Options, started: number): Generator<Drawn, undefined> {
  const end = minutes === null ? first + (seeds ?? usualBatch) : Infinity;
  const endsAt = minutes === null ? Infinity : started + minutes * 60_000;
  for (let seed = first; seed < end && Date.now() < endsAt; seed++) yield { kind, seed, signatures };
  return undefined;
}

async function runMany(options: Options): Promise<boolean> {
  const { kind, first } = options;
  const started = Date.now();
  const worker = await bundle("worker.ts", "worker.mjs");
  const verdicts = await runAll(worker, requests(options, started), (verdict) => tell(kind, verdict));
  const seconds = (Date.now() - started) / 1000;
  const failed = verdicts.filter(({ failures }) => failures.length > 0);
  const total = sum(verdicts.map(({ coverage }) => coverage));
  const missed =
    kind !== "hostile" || verdicts.length < coveringBatch ? [] : reachable.filter((name) => total[name] === 0);
  console.log(coverageTable(verdicts.map(({ coverage }) => coverage)));
  for (const name of missed) console.log(`never reached: ${name}`);
  const real = verdicts.filter(({ seed }) => draw({ ...options, seed }).signatures === "real");
  console.log(`${real.length} worlds with real signatures`);
  const healing = healingOf(verdicts);
  console.log(`healed: ${showSpread(healing.healing)}`);
  if (kind === "loaded") console.log(`stood still under load: ${showSpread(healing.standstill)}`);
  const longer = options.record ? [] : slower(kind, first, verdicts);
  for (const each of longer) console.log(`twice as long as it was: ${each}`);
  const digest = createDigest();
  for (const verdict of verdicts) digest.words(verdict.digest);
  console.log(
    `${verdicts.length - failed.length} worlds kept their promises, ${failed.length} did not; ` +
      `${(verdicts.length / seconds).toFixed(1)} a second, digest ${digest.hex()}`,
  );
  if (options.record && failed.length === 0) record(kind, healing);
  return failed.length + missed.length + longer.length === 0;
}

try {
  process.exitCode = (await run(readOptions(process.argv.slice(2)))) ? 0 : 1;
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
