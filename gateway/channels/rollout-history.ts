import type { Standing, SteerDefinition } from "../../firmware/core/definitions/saga-definition";
import { standingAfter } from "../../firmware/core/definitions/saga-definition";
import { VertebraError } from "../../firmware/core/errors";
import type { Gateway } from "../gateway";
import type { KnownRollout } from "../world/catalog";
import { blocksOf } from "./history";
import { type LastWords, lastWords, type RolloutState, stateOf } from "./rollouts";

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

/** Of the saga of this name, or of all; what was undeployed among them. Throws `rollout-none`. */
export async function historyJson(gateway: Gateway, saga: string | null): Promise<HistoryJson[]> {
  const rollouts = gateway.world.catalog.rollouts.filter(({ definition }) => saga === null || definition.name === saga);
  if (saga !== null && rollouts.length === 0) {
    const message = `Saga '${saga}' has had no rollout in this world`;
    throw new VertebraError("rollout-none", message, "`vertebra rollout history` shows all that there were.");
  }
  const steps = await stepsOf(gateway, rollouts);
  return Promise.all(rollouts.map((rollout) => ofRollout(gateway, rollout, steps.get(rollout.sequence)!)));
}

type Steps = HistoryJson["steps"][number][];

async function ofRollout(gateway: Gateway, rollout: KnownRollout, steps: Steps): Promise<HistoryJson> {
  const { catalog } = gateway.world;
  const { sequence, definition } = rollout;
  const told = await lastWords(gateway, rollout);
  const failed = definition.rings.flat().flatMap((avatar) => {
    const health = told(avatar);
    return health?.state === "failed" ? [{ name: catalog.memberName(avatar), reason: health.reason }] : [];
  });
  const state = stateOf(rollout, told);
  const ended = state === "done" || state === "stopped" || state === "taken back";
  const over = ended || catalog.rolloutOf(definition.name)?.sequence === sequence;
  return {
    ...{ rollout: sequence, saga: definition.name, version: definition.version },
    state: over ? state : "undeployed",
    why: over ? whyOf(rollout, state, told, failed.length, steps) : "its saga was undeployed",
    ...{ steps, failed },
  };
}

function whyOf(
  { definition, open, stopped }: KnownRollout,
  state: RolloutState,
  told: LastWords,
  failed: number,
  steps: Steps,
): string {
  const { rings, maxFailures } = definition;
  if (state === "taken back") {
    return failed > maxFailures && !stopped
      ? `${failed} failed, and ${maxFailures} may`
      : `${steps.at(-1)!.by} was asked to`;
  }
  const good = rings.flat().filter((avatar) => told(avatar)?.state === "good").length;
  return `${open} of ${rings.length} rings are open, ${good} of ${rings.flat().length} members are good`;
}

/** All that changed how each of them stands, by their sequences. */
async function stepsOf(gateway: Gateway, rollouts: readonly KnownRollout[]): Promise<Map<number, Steps>> {
  const { catalog } = gateway.world;
  const steps = new Map(rollouts.map(({ sequence }) => [sequence, [] as Steps]));
  const standing = new Map<number, Standing>();
  for await (const { definition, entry, block } of definitionsOf(gateway)) {
    const read = catalog.read(entry);
    const about = { definition, time: block.time, by: catalog.memberName(block.issuer) };
    if (read?.kind === "rollout" && steps.has(definition)) {
      standing.set(definition, { definition: read, open: 1, paused: false, stopped: false });
      steps.get(definition)!.push({ ...about, what: "began", open: 1 });
    }
    if (read?.kind !== "step" && read?.kind !== "pause" && read?.kind !== "stop") continue;
    const before = standing.get(read.rollout);
    if (before === undefined) continue;
    const after = standingAfter(before, read);
    standing.set(read.rollout, after);
    if (after !== before) steps.get(read.rollout)!.push({ ...about, what: whatOf(read), open: after.open });
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
