import { type FSWatcher, watch } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { VertebraError } from "../../firmware/core/errors";
import { maxOwners } from "../../firmware/core/wire/limits";
import { type ControlClient, controlClient } from "../channels/control-client";
import type { RolloutAsked, SagaAsked, UndeployAsked } from "../channels/deploying";
import type { RolloutJson } from "../channels/rollouts";
import type { SagasJson } from "../channels/sagas";
import type { VersionsJson } from "../channels/versions";
import { loadSaga } from "../saga/load";
import { buildSandbox, type Sandbox } from "../saga/sandbox";
import type { Told } from "../saga/timeline";
import { writeJson } from "../system/json";
import { paint, type Text } from "../system/text";
import { askedToEnd } from "./ending";
import { collect, type WorldOptions, worldCommand, worldOf } from "./options";
import { print, printJsonLine, printNotice, say } from "./output";

interface DevOptions extends WorldOptions {
  readonly board: string;
  readonly owner: readonly string[];
}

/** What `--json` prints, a line each. */
type DevLine =
  | { readonly event: "deployed"; readonly saga: string; readonly version: number; readonly ms: number }
  | {
      readonly event: "runs";
      readonly saga: string;
      readonly version: number;
      readonly on: string;
      readonly ms: number;
    }
  | { readonly event: "begins-anew"; readonly saga: string; readonly versions: number }
  | { readonly event: "state"; readonly invocation: string; readonly version: number; readonly text: string };

/** An editor writes a file in several steps. */
const settlesMs = 40;
const looksEveryMs = 50;
/** The gateway reads all that sagas did to tell of the last. */
const looksPerStory = 20;
/** How long a board may take to say that it runs a version, before one goes on without its word. */
const patienceMs = 30_000;
/** A member holds so many versions of sagas at most (`core/definitions/content`): before that it begins anew. */
const mostVersions = 48;

export function sagaDevCommand(): Command {
  return worldCommand(
    "dev",
    "while you edit: give a board each version that is sound, as you save it, and show what it does",
    ["vertebra saga dev watch/watch.ts --board board-1"],
  )
    .argument("<file>", "the file of the saga; its folder is watched")
    .requiredOption("--board <member>", "whose word is waited for that it runs")
    .option("--owner <member>", "who runs it besides, given once for each; otherwise the gateway", collect, [])
    .addHelpText(
      "after",
      "\nEach version gets the next number, whatever the file says. What was begun ends on the version that it began with. For the\ndesk, not for a fleet: every version is final in the world. `vertebra saga undeploy` lets go of them all.",
    )
    .action(dev);
}

async function dev(file: string, options: DevOptions): Promise<void> {
  const ending = new AbortController();
  askedToEnd(options.json).then(() => ending.abort());
  const sandbox = await buildSandbox((text) => say(text));
  const desk: Desk = {
    ...{ file, options, sandbox, control: controlClient(options.dir), seen: new Map() },
    ...{ text: "", name: "", changed: true, changedAt: Date.now() },
  };
  const watcher = watchFolder(desk);
  try {
    for (let looks = 0; !ending.signal.aborted; looks++) {
      if (desk.changed && Date.now() - desk.changedAt >= settlesMs) await takeChange(desk, ending.signal);
      if (looks % looksPerStory === 0) await showStates(desk);
      await sleep(looksEveryMs, undefined, { signal: ending.signal }).catch(() => {});
    }
  } finally {
    watcher.close();
  }
}

interface Desk {
  readonly file: string;
  readonly options: DevOptions;
  readonly sandbox: Sandbox;
  readonly control: ControlClient;
  /** How many states of each invocation were shown, by its id. */
  readonly seen: Map<string, number>;
  /** Of the last version, and the saga's name. */
  text: string;
  name: string;
  changed: boolean;
  changedAt: number;
}

function watchFolder(desk: Desk): FSWatcher {
  return watch(dirname(desk.file), () => {
    desk.changed = true;
    desk.changedAt = Date.now();
  });
}

/** What is wrong with it is told, and the next change waited for. */
async function takeChange(desk: Desk, signal: AbortSignal): Promise<void> {
  desk.changed = false;
  const since = desk.changedAt;
  try {
    const { source, described } = await loadSaga(desk.sandbox, desk.file);
    if (source.text === desk.text) return;
    desk.text = source.text;
    await give(desk, source.text, described as Described, since, signal);
  } catch (error) {
    if (!(error instanceof VertebraError) || error.code === "not-running") throw error;
    printNotice(error, desk.options.json === true);
  }
}

/** As the engine says it: a saga, since it loaded. */
interface Described {
  readonly options: { readonly name: string; readonly version: number };
}

async function give(
  desk: Desk,
  source: string,
  described: Described,
  since: number,
  signal: AbortSignal,
): Promise<void> {
  const { control, file, options } = desk;
  const { name } = described.options;
  desk.name = name;
  const live = await begunAnew(desk, name);
  const version = Math.max(described.options.version, 1 + (live.at(-1)?.version ?? 0));
  const numbered = { ...described, options: { ...described.options, version } };
  const owners =
    live.length > 0
      ? []
      : [...new Set([options.board, ...(options.owner.length > 0 ? options.owner : [worldOf(options).own])])];
  const asked: SagaAsked = { file, source, described: numbered, owners, groups: [], cells: 0, dry: false };
  if (live.length === 0) {
    await control.post("/deployed", asked);
    tell(desk, { event: "deployed", saga: name, version, ms: Date.now() - since });
    return;
  }
  // One ring, so that its members say that they run it; nothing is taken back at a desk.
  const rollout: RolloutAsked = { ...asked, rings: [{ all: true }], soakMs: 0, maxFailures: maxOwners, minSuccess: 1 };
  await control.post("/rollouts", rollout);
  tell(desk, { event: "deployed", saga: name, version, ms: Date.now() - since });
  if (await runs(desk, name, version, signal)) {
    tell(desk, { event: "runs", saga: name, version, on: options.board, ms: Date.now() - since });
  }
}

/** The versions that are deployed; none where there were too many for a board, and the saga begins anew. */
async function begunAnew({ control, options }: Desk, name: string): Promise<VersionsJson["versions"]> {
  const its = await control.get<VersionsJson[]>("/versions", { saga: name }).catch(without("saga-not-deployed", []));
  const live = its.find(({ undeployed }) => undeployed === null)?.versions ?? [];
  if (live.length < mostVersions) return live;
  const asked: UndeployAsked = { saga: name, dry: false };
  await control.post("/undeployed", asked);
  tell({ options }, { event: "begins-anew", saga: name, versions: live.length });
  return [];
}

async function runs({ control, options }: Desk, name: string, version: number, signal: AbortSignal): Promise<boolean> {
  const until = Date.now() + patienceMs;
  while (!signal.aborted && Date.now() < until) {
    const rollouts = await control.get<RolloutJson[]>("/rollouts");
    const members = rollouts.filter((each) => each.saga === name && each.version === version).at(-1)?.members ?? [];
    const state = members.find((member) => member.name === options.board)?.state;
    if (state === "running" || state === "good" || state === "failed") return true;
    await sleep(looksEveryMs);
  }
  if (!signal.aborted) printNotice(silent(options.board), options.json === true);
  return false;
}

function silent(board: string): VertebraError {
  return new VertebraError(
    "board-silent",
    `${board} has not said that it runs this version`,
    "It will when its cable is there: `vertebra status` shows the links, `vertebra rollout status` what its members said.",
  );
}

/** The states of the saga's invocations that were not shown yet. */
async function showStates(desk: Desk): Promise<void> {
  if (desk.name === "") return;
  // They are listed once the gateway has put its own part together.
  const told: Pick<SagasJson, "invocations"> = await desk.control
    .get<SagasJson>("/sagas")
    .catch(without("sagas-none", { invocations: [] }));
  for (const invocation of told.invocations) {
    if (invocation.saga !== desk.name) continue;
    const { id, states } = invocation;
    for (const state of states.slice(desk.seen.get(id) ?? 0)) tell(desk, stateLine(invocation, state));
    desk.seen.set(id, states.length);
  }
}

/** Of what there is none yet, as the gateway says with this code. */
function without<T>(code: string, nothing: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof VertebraError && error.code === code) return nothing;
    throw error;
  };
}

function stateLine({ id, version }: Told, { behavior, status, by, said, state }: Told["states"][number]): DevLine {
  const why = said === "" ? "" : ` (${said})`;
  return { event: "state", invocation: id, version, text: `${behavior} ${status} on ${by}${why} ${writeJson(state)}` };
}

function tell({ options }: Pick<Desk, "options">, line: DevLine): void {
  if (options.json) printJsonLine(writeJson(line));
  else print(...inWords(line));
}

function inWords(line: DevLine): Text[] {
  switch (line.event) {
    case "deployed":
      return [paint("bold", `${line.saga} v${line.version}`), ` is final after ${line.ms} ms`];
    case "runs":
      return [
        paint("bold", `${line.saga} v${line.version}`),
        paint("green", ` runs on ${line.on}`),
        ` after ${line.ms} ms`,
      ];
    case "begins-anew":
      return [`${line.saga} begins anew: a member holds few versions, and there are ${line.versions}`];
    case "state":
      return [`  ${line.invocation.slice(0, 8)} v${line.version} ${line.text}`];
  }
}
