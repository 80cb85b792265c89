import { Command, InvalidArgumentError } from "commander";
import { controlClient } from "../channels/control-client";
import type { RolloutAsked } from "../channels/deploying";
import type { RolloutJson, SteerAsked } from "../channels/rollouts";
import { fit, paint } from "../system/text";
import type { AskedRing } from "../world/rolling";
import { isSelector, selectors } from "../world/selecting";
import { askToDefine } from "./defined";
import { collect, dryRun, timeOf, type WorldOptions, wholeNumber, worldCommand } from "./options";
import { print, printJson, printTable } from "./output";
import { rolloutDiffCommand } from "./rollout-diff";
import { rolloutHistoryCommand } from "./rollout-history";
import { type SagaOptions, sagaAsked } from "./saga-deploy";

export function rolloutCommand(): Command {
  return new Command("rollout")
    .description("new versions of sagas, ring by ring, with a way back")
    .addCommand(startCommand())
    .addCommand(statusCommand())
    .addCommand(rolloutHistoryCommand())
    .addCommand(rolloutDiffCommand())
    .addCommand(
      steerCommand(
        "pause",
        "/rollouts/pause",
        "have a rollout wait: no ring opens, and past its failures it is taken back",
      ),
    )
    .addCommand(steerCommand("resume", "/rollouts/resume", "have a rollout that was paused go on"))
    .addCommand(
      steerCommand(
        "stop",
        "/rollouts/stop",
        "end a rollout where it stands: open rings keep the version, no other opens, and failures take nothing back",
      ),
    )
    .addCommand(
      steerCommand(
        "rollback",
        "/rollouts/back",
        "take the last rollout of a saga back: nothing more begins by that version",
      ),
    );
}

interface StartOptions extends Omit<SagaOptions, "cells"> {
  readonly ring: readonly AskedRing[];
  readonly soak: number;
  readonly maxFailures: number;
  readonly minSuccess: number;
}

function startCommand(): Command {
  return worldCommand(
    "start",
    "roll a version of a saga out: the first ring at once, each next when the one before it is good",
    [
      "vertebra rollout start watch/watch.ts --ring 1 --ring 25% --ring all --soak 2min",
      "vertebra rollout start watch/watch.ts --ring porch,board-1 --ring all --max-failures 1 --min-success 95",
      "vertebra rollout start watch/watch.ts --ring label:roof --ring kind:linux,capability:relay --ring group:visits",
    ],
  )
    .argument("<file>", "the file of the saga")
    .requiredOption(
      "--ring <who>",
      "so many boards, a share of them, members by name or by what they are, or all; given once for each ring",
      ring,
      [],
    )
    .option("--soak <time>", "for how long a ring has to be good before the next opens", time, 0)
    .option(
      "--max-failures <count>",
      "members that may fail; with one more the version is taken back",
      wholeNumber(0, 64),
      0,
    )
    .option("--min-success <percent>", "share of a ring that has to be good", wholeNumber(1, 100), 100)
    .option(
      "--owner <member>",
      "who is to run it, given once for each; otherwise those of the version before, or all that can",
      collect,
      [],
    )
    .option("--group <group>", "the group that entries of its pact are in, where several could be", collect, [])
    .option(...dryRun)
    .addHelpText(
      "after",
      "\nA member is good once it ran the version as `healthy` in the saga says (once, without a run that threw, within 10 minutes, where it says nothing), and has failed otherwise.",
    )
    .action(async (file: string, options: StartOptions) => {
      const { ring: rings, soak: soakMs, maxFailures, minSuccess } = options;
      const asked: RolloutAsked = {
        ...(await sagaAsked(file, { ...options, cells: 0 })),
        rings,
        soakMs,
        maxFailures,
        minSuccess,
      };
      await askToDefine(options, "/rollouts", asked);
    });
}

function ring(text: string, before: readonly AskedRing[]): readonly AskedRing[] {
  const [, count, percent] = /^(\d{1,3})(%?)$/.exec(text) ?? [];
  if (text === "all") return [...before, { all: true }];
  if (count === undefined) return [...before, { members: members(text) }];
  if (Number(count) < 1 || (percent === "%" && Number(count) > 100))
    throw new InvalidArgumentError("Give it like 1, 25%, board-1,board-2 or all.");
  return [...before, percent === "%" ? { percent: Number(count) } : { count: Number(count) }];
}

function members(text: string): readonly string[] {
  const all = text.split(",");
  const wrong = all.find((each) => isSelector(each) && !selectors.some((by) => each.startsWith(`${by}:`)));
  if (wrong === undefined) return all;
  throw new InvalidArgumentError(`Members are chosen by ${selectors.map((by) => `${by}:NAME`).join(", ")}.`);
}

function time(text: string): number {
  const ms = timeOf(text);
  if (ms !== undefined) return ms;
  throw new InvalidArgumentError("Give it like 500ms, 30s, 2min or 1h.");
}

function statusCommand(): Command {
  return worldCommand("status", "show how the last rollout of each saga goes: each ring, and each member of it", [
    "vertebra rollout status",
    "vertebra rollout status --json",
  ]).action(async (options: WorldOptions) => {
    const rollouts = await controlClient(options.dir).get<RolloutJson[]>("/rollouts");
    if (options.json) return printJson(rollouts);
    if (rollouts.length === 0)
      print("Nothing was rolled out in this world: vertebra rollout start FILE --ring 1 --ring all");
    for (const rollout of rollouts) showRollout(rollout);
  });
}

const barWidth = 24;
const widestReason = 34;

export function showRollout({ saga, cells, version, state, open, rings, members }: RolloutJson): void {
  const colour = state === "done" ? "green" : state === "taken back" ? "red" : "yellow";
  print(paint("bold", `${saga} v${version}`), " ", paint(colour, state), cells > 1 ? `, in ${cells} cells` : "");
  for (const [index, { size, good, failed, minSuccess }] of rings.entries()) {
    const done = Math.floor((good * barWidth) / size);
    const broken = Math.ceil((failed * barWidth) / size);
    const bar = ["█".repeat(done), paint("red", "▒".repeat(Math.min(broken, barWidth - done)))] as const;
    const rest = "·".repeat(Math.max(0, barWidth - done - broken));
    const told =
      index < open
        ? `${good} of ${size} good, ${minSuccess} % needed`
        : open === 0 || state === "stopped"
          ? "closed"
          : "waits";
    print(`  ring ${index + 1}  `, ...bar, rest, `  ${told}${failed > 0 ? `, ${failed} failed` : ""}`);
  }
  printTable([
    ["  MEMBER", "RING", "STATE", "RUNS", "FAILED", "WHY"],
    ...members.map((each) => [
      each.cell > 0 ? `  ${each.name}, cell ${each.cell}` : `  ${each.name}`,
      `${each.ring}`,
      each.state,
      `${each.runs}`,
      `${each.failures}`,
      // The history tells all of it.
      fit(each.reason, widestReason - (each.cell > 0 ? 9 : 0)),
    ]),
  ]);
}

/** A command about the last rollout of a saga, which the gateway is asked for at this path. */
function steerCommand(name: string, path: string, summary: string): Command {
  return worldCommand(name, summary, [`vertebra rollout ${name} watch`, `vertebra rollout ${name} watch --dry-run`])
    .argument("<saga>", "its name")
    .option(...dryRun)
    .action(async (saga: string, options: WorldOptions & { dryRun?: boolean }) => {
      const asked: SteerAsked = { saga, dry: options.dryRun === true };
      await askToDefine(options, path, asked);
    });
}
