import type { Standing, SteerDefinition } from "../../firmware/core/definitions/saga-definition";
import { standingAfter } from "../../firmware/core/definitions/saga-definition";
import { VertebraError } from "../../firmware/core/errors";
import { type Cell, countOfAll, standingOfAll } from "../../firmware/core/saga/health";
import type { Gateway } from "../gateway";
import { allRollouts, rolloutOf, type WholeRollout } from "../world/rollout";
import { blocksOf } from "./history";
import { heard, type RolloutState, stateOf } from "./rollouts";

/** What `vertebra rollout history --json` prints of each, the oldest first. */
export interface HistoryJson {
  readonly rollout: number;
  readonly saga: string;
  readonly version: number;
  /** `undeployed` where its saga was, before it was done or taken back. */
  readonly state: RolloutState | "undeployed";
  readonly why: string;
  readonly steps: readonly {
    /** The sequence of the definition, the time of its block, and who made it. */
    readonly definition: number;
    readonly time: number;
    readonly by: string;
    readonly what: "began" | "opened" | "paused" | "resumed" | "stopped" | "took back";
    /** How many rings are open since. */
    readonly open: number;
  }[];
  readonly failed: readonly { readonly name: string; readonly reason: string }[];
}

/** Of the saga that people call so, or of all; what was undeployed among them. Throws `rollout-none`. */
export async function historyJson(gateway: Gateway, saga: string | null): Promise<HistoryJson[]> {
  const rollouts = allRollouts(gateway.world.catalog).filter((each) => saga === null || each.saga === saga);
  if (saga !== null && rollouts.length === 0) {
    const message = `Saga '${saga}' has had no rollout in this world`;
    throw new VertebraError("rollout-none", message, "`vertebra rollout history` shows all that there were.");
  }
  const steps = await stepsOf(gateway, rollouts);
  return Promise.all(rollouts.map((rollout) => ofRollout(gateway, rollout, steps.get(rollout.cells[0]!.sequence)!)));
}

type Steps = HistoryJson["steps"][number][];

async function ofRollout(gateway: Gateway, rollout: WholeRollout, steps: Steps): Promise<HistoryJson> {
  const { catalog } = gateway.world;
  const { saga, definition } = rollout;
  const { sequence } = rollout.cells[0]!;
  const cells = await heard(gateway, rollout);
  const failed = cells.flatMap(({ definition: { rings }, told }) =>
    rings.flat().flatMap((avatar) => {
      const health = told(avatar);
      return health?.state === "failed" ? [{ name: catalog.memberName(avatar), reason: health.reason }] : [];
    }),
  );
  const state = stateOf(rollout, cells);
  const ended = state === "done" || state === "stopped" || state === "taken back";
  const last = rolloutOf(catalog, saga);
  const over = ended || last?.cells.some((cell) => cell.sequence === sequence) === true;
  return {
    ...{ rollout: sequence, saga, version: definition.version },
    state: over ? state : "undeployed",
    why: over ? whyOf(rollout, state, cells, failed.length, steps) : "its saga was undeployed",
    ...{ steps, failed },
  };
}

function whyOf(
  { definition, open, stopped }: WholeRollout,
  state: RolloutState,
  cells: readonly Cell[],
  failed: number,
  steps: Steps,
): string {
  const { rings, maxFailures } = definition;
  if (state === "taken back") {
    return failed > maxFailures && !stopped
      ? `${failed} failed, and ${maxFailures} may`
      : `${steps.at(-1)!.by} was asked to`;
  }
  const counts = rings.map((_, ring) => countOfAll(cells, ring));
  const sum = (of: "good" | "size") => counts.reduce((total, each) => total + each[of], 0);
  return `${open} of ${rings.length} rings are open, ${sum("good")} of ${sum("size")} members are good`;
}

/** All that changed how each of them stands, by the sequence of its first cell: what all cells come to is told where the first one did. */
async function stepsOf(gateway: Gateway, rollouts: readonly WholeRollout[]): Promise<Map<number, Steps>> {
  const { catalog } = gateway.world;
  const wholeOf = new Map(rollouts.flatMap(({ cells }) => cells.map(({ sequence }) => [sequence, cells] as const)));
  const steps = new Map(rollouts.map(({ cells }) => [cells[0]!.sequence, [] as Steps]));
  const standing = new Map<number, Standing>();
  for await (const { definition, entry, block } of definitionsOf(gateway)) {
    const read = catalog.read(entry);
    const isSteered = read?.kind === "step" || read?.kind === "pause" || read?.kind === "stop";
    const its = isSteered ? read.rollout : definition;
    const cells = wholeOf.get(its);
    const before = standing.get(its);
    if (cells === undefined) continue;
    if (read?.kind === "rollout") standing.set(its, { definition: read, open: 1, paused: false, stopped: false });
    else if (isSteered && before !== undefined) standing.set(its, standingAfter(before, read));
    if (standing.get(its) === before) continue;
    const { open } = standingOfAll(cells.flatMap(({ sequence }) => standing.get(sequence) ?? []));
    const what = isSteered ? whatOf(read) : "began";
    const told = steps.get(cells[0]!.sequence)!;
    const last = told.at(-1);
    if (last?.what === what && last.open === open) continue;
    told.push({ definition, time: block.time, by: catalog.memberName(block.issuer), what, open });
  }
  return steps;
}

/** Each that counts, by its number, with the block that it is in. */
async function* definitionsOf({ store, world: { catalog, tag } }: Gateway) {
  for (const [at, { id, first }] of catalog.defining.entries()) {
    const end = catalog.defining[at + 1]?.first ?? Number.POSITIVE_INFINITY;
    for await (const block of blocksOf(store, tag, id)) {
      for (const [index, entry] of (block.entries ?? []).entries()) {
        const definition = first + block.firstEntry + index;
        if (definition < end) yield { definition, entry, block };
      }
    }
  }
}

function whatOf(definition: SteerDefinition): Steps[number]["what"] {
  if (definition.kind === "stop") return "stopped";
  if (definition.kind === "pause") return definition.paused ? "paused" : "resumed";
  return definition.open === 0 ? "took back" : "opened";
}
