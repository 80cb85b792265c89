import { writeNumbers } from "../bench/numbers";
import { boards } from "./compute";
import type { Plan, Step } from "./plan";
import { platform } from "./platform";
import { seeded } from "./random";
import { simulate, type Verdict } from "./simulate";
import { numberOf, type Watcher } from "./world";

/**
 * The world of a field log that others published: seven ESP32 that agree over a lossy radio, any two of which may fail. One pair hears
 * each other one way only, and who is busy keeps 16 frames and loses what comes then.
 */

const requests = 60;
const everyMs = 15_000;
const lengthMs = requests * everyMs + 60_000;
/** What the log does not tell and is assumed: frames lost, the way of one, and bytes in a ms. */
const loss = 0.1;
const delayMs = 15;
const rate = 30;

export const esp32Radio: Plan = planOf();

function planOf(): Plan {
  const draw = seeded(32);
  const members = ["a", "b", "c", "d", "e", "f", "g"];
  const links = members.flatMap((one, at) => members.slice(at + 1).map((other) => [one, other] as const));
  const pushes = Array.from({ length: requests }, (_, value): Step => {
    return { at: 10_000 + value * everyMs, kind: "push", member: draw.one(members), group: "log", value };
  });
  return {
    ...{ seed: 32, members, shape: "mesh", wire: "bytes", store: "records", signatures: "cheap" },
    groups: [{ name: "log", owners: members, policy: { quorum: "two-thirds", ordered: true, private: false } }],
    links: links.map((ends) => ({
      ...{ ends, delays: [delayMs, delayMs] as const, jitter: delayMs, reorders: false },
      ...{ loss, duplication: 0, rate },
    })),
    ...{ followers: [], liars: [], forgetful: null, reconnects: true, length: lengthMs },
    clocks: new Map(members.map((name) => [name, { rate: 1, wall: 0 }])),
    compute: new Map(members.map((name) => [name, boards.esp32c3])),
    queue: 16,
    steps: [{ at: 0, kind: "cut", link: 0, how: "there", length: lengthMs }, ...pushes],
  };
}

export interface Answers {
  /** Final at who asked, before the radio became silent. */
  readonly answered: number;
  readonly refused: number;
  readonly medianMs: number;
  readonly slowestMs: number;
  readonly verdict: Verdict;
}

/** How many requests had an answer, and after how long. */
export function askOverRadio(): Answers {
  const asked = new Map<number, { readonly member: string; readonly at: number }>();
  const times: number[] = [];
  let refused = 0;
  for (const step of esp32Radio.steps) if (step.kind === "push") asked.set(step.value, step);
  const watcher: Watcher = {
    ...{ sent() {}, answered() {}, wrote() {}, power() {}, ordered() {}, noted() {} },
    delivered(member, action, now) {
      if (action.kind === "refused") refused++;
      if (action.kind !== "final") return;
      for (const entry of action.block.entries ?? []) {
        const request = asked.get(numberOf(entry));
        if (request?.member === member.name && now <= lengthMs) times.push(now - request.at);
      }
    },
  };
  const verdict = simulate(esp32Radio, platform, { watcher });
  times.sort((a, b) => a - b);
  const [medianMs, slowestMs] = [times[Math.floor(times.length / 2)] ?? 0, times[times.length - 1] ?? 0];
  return { answered: times.length, refused, medianMs, slowestMs, verdict };
}

/** Runs it, and puts what came of it into docs/numbers.md; returns whether all promises were kept. */
export function showRadio(): boolean {
  const { answered, refused, medianMs, slowestMs, verdict } = askOverRadio();
  for (const failure of verdict.failures) console.log(failure);
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
  const section = [
    row(["seven ESP32 on a lossy radio", "requests", "with an answer", "median", "slowest"]),
    "|---|--:|--:|--:|--:|",
    row(["PBFT in C, as published", "–", "60 %", "4.7 s", "–"]),
    row([
      "this firmware, simulated",
      String(requests),
      `${((100 * answered) / requests).toFixed(0)} %`,
      seconds(medianMs),
      seconds(slowestMs),
    ]),
  ].join("\n");
  console.log(section);
  console.log(`${refused} refused; ${verdict.finalBlocks} final blocks, digest ${verdict.digest}`);
  if (verdict.failures.length === 0) writeNumbers("esp32-radio", section);
  return verdict.failures.length === 0;
}
