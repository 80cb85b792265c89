import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./bundle";
import type { Verdict } from "./simulate";
import { type Kind, optionOf } from "./worlds";

/** How long worlds took to heal, and to stand still under load, virtual ms: a record is kept, and who makes it twice as long is told. */
export type Spread = Readonly<Record<"median" | "99th" | "longest", number>>;

export interface HealingRecord {
  /** So many from this seed on. */
  readonly first: number;
  readonly worlds: number;
  readonly healing: Spread;
  readonly standstill: Spread;
}

const path = join(root, "test/sim/healing-record.json");
/** Shorter than this, twice as long is no matter, ms. */
const noMatter = 1_000;

export function spreadOf(times: readonly number[]): Spread {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  return { median: at(0.5), "99th": at(0.99), longest: at(1) };
}

export function healingOf(verdicts: readonly Verdict[]): HealingRecord {
  const healings = verdicts.flatMap(({ healing }) => (healing === null ? [] : [healing]));
  return {
    first: verdicts[0]?.seed ?? 1,
    worlds: verdicts.length,
    healing: spreadOf(healings.map(({ took }) => took)),
    standstill: spreadOf(healings.map(({ stoodStill }) => stoodStill)),
  };
}

/** What took the worlds of the record twice as long as it says, in words; nothing where not all of them were run. */
export function slower(kind: Kind, first: number, verdicts: readonly Verdict[]): string[] {
  const recorded = readRecords()[kind];
  if (recorded === undefined || first !== recorded.first || verdicts.length < recorded.worlds) return [];
  const now = healingOf(verdicts.slice(0, recorded.worlds));
  return (["healing", "standstill"] as const).flatMap((what) =>
    (["median", "99th", "longest"] as const)
      .filter((part) => now[what][part] > 2 * Math.max(noMatter / 2, recorded[what][part]))
      .map(
        (part) =>
          `${what}, ${part}: ${now[what][part]} ms, and the record says ${recorded[what][part]}. If that is the price of what was ` +
          `changed, say so and write the record anew: npm run sim -- ${optionOf[kind]}--first ${now.first} --seeds ${now.worlds} --record`,
      ),
  );
}

export function record(kind: Kind, now: HealingRecord): void {
  writeFileSync(path, `${JSON.stringify({ ...readRecords(), [kind]: now }, null, 2)}\n`);
}

function readRecords(): Partial<Record<Kind, HealingRecord>> {
  return JSON.parse(readFileSync(path, "utf8"));
}

export function showSpread({ median, "99th": most, longest }: Spread): string {
  return `median ${median} ms, 99th percentile ${most}, longest ${longest}`;
}
