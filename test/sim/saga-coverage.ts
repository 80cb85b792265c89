import type { Order } from "../../firmware/core/saga/conductor";
import { toHex } from "../../firmware/core/wire/bytes";
import { history } from "./saga-checks";
import { type Counted, judge, type Told } from "./saga-judge";
import { finalBlocks } from "./sagas";
import type { Member, Watcher, World } from "./world";

/** What the sagas of a batch of worlds really reached. */
export const reachableBySagas = [
  "invocations ended",
  "saga states",
  "void saga states",
  "entries contended",
  "two executors at once",
  "take-overs of an act",
  "acts unknown",
  "acts refused",
  "saga deadlines",
  "sagas cancelled",
  "compensations",
  "reversals",
  "states put back",
  "effects by others",
  "repeats passed over",
  "restarts in a saga",
  "snapshots resumed",
] as const;

export type SagaCoverage = Readonly<Record<(typeof reachableBySagas)[number], number>>;

/** Who ran what, told while it happens, and the rest from what became final. */
export function createSagaCounts(): { readonly ordered: Watcher["ordered"]; total(world: World): SagaCoverage } {
  const runners = new Map<string, Set<Member>>();
  return {
    ordered(member, order: Order) {
      if (order.kind !== "run") return;
      const { invocation, stage, undoes } = order.what;
      const key = `${toHex(invocation)} ${stage} ${undoes !== null}`;
      runners.set(key, (runners.get(key) ?? new Set()).add(member));
    },
    total(world) {
      const atOnce = [...runners.values()].filter(({ size }) => size > 1).length;
      return {
        ...ofHistory(world),
        "two executors at once": atOnce,
        "restarts in a saga": world.sagas?.restarts() ?? 0,
        "snapshots resumed": world.sagas?.resumed() ?? 0,
      };
    },
  };
}

function ofHistory(
  world: World,
): Omit<SagaCoverage, "two executors at once" | "restarts in a saga" | "snapshots resumed"> {
  const entries = world.sagas === undefined ? new Map<string, Told[]>() : history(world, () => {});
  const judged = world.sagas && judge(world, world.sagas, entries);
  const { invocations, counted, voided } = judged ?? { invocations: [], counted: [], voided: [] };
  const issuers = new Map(counted.flatMap(({ told, effects }) => effects.map(({ id }) => [id, told.issuer] as const)));
  const produced = [...entries.values()].flat().filter(({ id }) => id !== null);
  const count = (is: (each: Counted) => boolean) => counted.filter(is).length;
  return {
    "invocations ended": world.sagas?.allEnded() ? invocations.length : 0,
    "saga states": counted.length,
    "void saga states": voided.length,
    "entries contended": voided.filter(({ why }) => why.startsWith("it consumes")).length,
    "take-overs of an act": takeOvers(world, counted),
    "acts unknown": count(({ answers, state }) => answers.kind === "outcome" && state.status === "unknown"),
    "acts refused": count(({ state }) => state.status === "refused"),
    "saga deadlines": count(({ state }) => state.status === "expired"),
    "sagas cancelled": count(({ state }) => state.status === "cancelled"),
    compensations: count(({ state }) => state.status === "compensated"),
    reversals: entries.get("reversal")?.length ?? 0,
    "states put back": count((each) => each.state.status === "compensated" && each.state.produced.length === 0),
    "effects by others": produced.filter(({ id, issuer }) => issuers.get(id!) !== issuer).length,
    "repeats passed over": repeats(world),
  };
}

function takeOvers(world: World, counted: readonly Counted[]): number {
  const byKey = new Map(counted.map((each) => [each.told.key, each]));
  return counted.filter(({ answers, state, told }) => {
    if (answers.kind !== "outcome" || state.previous === null) return false;
    const [group, sequence] = state.previous;
    return world.sagas !== undefined && byKey.get(`${toHex(group)}/${sequence}`)!.told.issuer !== told.issuer;
  }).length;
}

/** In the longest history of each group. */
function repeats(world: World): number {
  let most = 0;
  for (const group of world.groups.values()) {
    if (group.holds !== "orders" && group.holds !== "reversals") continue;
    const each = [...world.members.values()].map((member) => finalBlocks(world, member, group));
    most += Math.max(...each.map((blocks) => blocks.reduce((sum, block) => sum + block.repeats.length, 0)));
  }
  return most;
}
