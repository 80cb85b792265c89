import { VertebraError } from "../../firmware/core/errors";
import { maxNameBytes, maxOwners } from "../../firmware/core/wire/limits";
import type { AvatarId } from "../../firmware/core/wire/types";
import type { Catalog } from "./catalog";

/**
 * A saga that more members run than one group may have owners is deployed in cells: a saga for the world's participants each, with its own
 * groups, and one for people, by whose name all of them are asked for.
 */

/** Members of a cell where nobody says how many: what is final in it takes a proof of a quarter of what 64 owners cost. */
const usualCell = 32;

const ofCell = /^(.+)\.cell-([1-9]\d*)$/;

/** What people call the saga of which one of this name is a cell; a saga that is in no cells is called by its own. */
export function calledBy(saga: string): string {
  return ofCell.exec(saga)?.[1] ?? saga;
}

/** From 1 on; 0 for one that is no cell. */
export function cellNumber(saga: string): number {
  return Number(ofCell.exec(saga)?.[2] ?? 0);
}

/** Names of the sagas that are deployed and that people call by this name, in the order of their cells. */
export function cellsOf({ sagas }: Pick<Catalog, "sagas">, name: string): readonly string[] {
  const names = new Set(sagas.map((saga) => saga.name));
  const its = [...names].filter((each) => each === name || (calledBy(each) === name && cellNumber(each) > 0));
  return its.sort((one, other) => cellNumber(one) - cellNumber(other));
}

/** Throws `saga-name` where there is no room for the number of a cell behind it. */
export function cellName(saga: string, cell: number): string {
  const name = `${saga}.cell-${cell}`;
  if (name.length <= maxNameBytes - "-states".length) return name;
  throw new VertebraError(
    "saga-name",
    `Saga '${saga}' has no room in its name for that of its cells, as '${name}'`,
    "Call it by a shorter name.",
  );
}

/**
 * Those who are to run a saga, as even cells of at most so many members, each with all that go into every cell; null where it is to be in
 * none. Throws `saga-cells`.
 */
export function intoCells(
  members: readonly AvatarId[],
  inEach: readonly AvatarId[],
  most: number,
): readonly (readonly AvatarId[])[] | null {
  const together = members.length + inEach.length;
  if (most === 0 && together <= maxOwners) return null;
  const room = (most || usualCell) - inEach.length;
  if (room < 1 || members.length === 0) {
    throw new VertebraError(
      "saga-cells",
      `Cells of ${most || usualCell} members have no room for boards beside ${inEach.length} gateways`,
      `Give --cells more, at most ${maxOwners}, or name fewer gateways with --owner.`,
    );
  }
  const count = Math.ceil(members.length / room);
  const start = (cell: number) => Math.floor((cell * members.length) / count);
  return Array.from({ length: count }, (_, cell) => [...members.slice(start(cell), start(cell + 1)), ...inEach]);
}
