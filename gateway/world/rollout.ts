import type { Standing } from "../../firmware/core/definitions/saga-definition";
import { standingOfAll } from "../../firmware/core/saga/health";
import type { Catalog, KnownRollout } from "./catalog";
import { calledBy, cellsOf } from "./cells";

/** What people know as one rollout: that of a version in all cells of its saga. */
export interface WholeRollout extends Standing {
  /** As people call its saga. */
  readonly saga: string;
  readonly cells: readonly KnownRollout[];
  /** Of how many cells the saga has; fewer rollouts than that are there, where whoever began it came to an end in between. */
  readonly count: number;
}

/** The last one of the saga that people call so, where it is deployed. */
export function rolloutOf(catalog: Catalog, saga: string): WholeRollout | undefined {
  const names = cellsOf(catalog, saga);
  const last = names.flatMap((name) => catalog.rolloutOf(name) ?? []);
  const newest = Math.max(...last.map(({ definition }) => definition.version));
  return last.length === 0
    ? undefined
    : whole(
        saga,
        names.length,
        last.filter((each) => each.definition.version === newest),
      );
}

/** Of each saga that is deployed the last one. */
export function lastRollouts(catalog: Catalog): readonly WholeRollout[] {
  const names = new Set(catalog.sagas.map(({ name }) => calledBy(name)));
  return [...names].flatMap((name) => rolloutOf(catalog, name) ?? []);
}

/** All that there were, the oldest first. */
export function allRollouts({ rollouts }: Pick<Catalog, "rollouts">): readonly WholeRollout[] {
  const all: KnownRollout[][] = [];
  for (const rollout of rollouts) {
    const { name, version } = rollout.definition;
    const cells = all.find((each) => {
      const { definition } = each[0]!;
      const isItsOwn = calledBy(definition.name) === calledBy(name) && definition.version === version;
      return isItsOwn && each.every((other) => other.definition.name !== name);
    });
    if (cells === undefined) all.push([rollout]);
    else cells.push(rollout);
  }
  return all.map((cells) => whole(calledBy(cells[0]!.definition.name), cells.length, cells));
}

function whole(saga: string, count: number, cells: readonly KnownRollout[]): WholeRollout {
  return { saga, count, cells, definition: cells[0]!.definition, ...standingOfAll(cells) };
}
