import type { Group } from "./group";
import type { World } from "./world";

/**
 * The groups in which the stewards define what the world has: the one of the provision, then one for each time that they changed, each of
 * which succeeds the one before (PROTOCOL 10). What is defined has numbers of one row.
 */
export interface Defining {
  readonly group: Group;
  /** The number of the first definition in it: one more than that of the definition by which it succeeds. */
  readonly first: number;
}

/** Those of before too: who slept hears there of the one that goes on. */
export function isOfDefinitions({ definitions }: Pick<World, "definitions">, group: Group): boolean {
  return definitions.some((each) => each.group === group);
}

/** The number of an entry among definitions; undefined where it came after that by which another group succeeds, and counts for nobody. */
export function numberOfDefinition(
  { definitions }: Pick<World, "definitions">,
  group: Group,
  entry: number,
): number | undefined {
  const at = definitions.findIndex((each) => each.group === group);
  const number = definitions[at]!.first + entry;
  const next = definitions[at + 1];
  return next === undefined || number < next.first ? number : undefined;
}
