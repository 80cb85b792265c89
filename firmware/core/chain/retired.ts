import { toHex } from "../wire/bytes";
import { mayWrite } from "./access";
import type { Group } from "./group";
import { timing } from "./timing";
import type { World } from "./world";

/** A group that was retired: "owners who know it seal nothing more there and vote on what is under way" (PROTOCOL 10, "Succession"). */

export function retire(world: World, group: Group, successor: string | null): void {
  group.retired = { successor, finishes: world.now.monotonic + timing.finishes };
  world.unsettled = true;
}

/**
 * Whether blocks there are to be put forward. In a retired group those alone that nobody moves, and for some time: who issued them may be
 * gone, and nothing would ever come of it.
 */
export function hasOpenBlocks(world: World, group: Group): boolean {
  if (group.retired === null || group.blocks.size === 0) return group.blocks.size > 0;
  if (world.now.monotonic >= group.retired.finishes) return false;
  const last = successorsOf(world, group).at(-1);
  for (const { header } of group.blocks.values()) {
    if (last === undefined || !mayWrite(world, last, toHex(header.value.issuer))) return true;
  }
  return false;
}

/** Those that succeed it, one the other, up to the one that is not retired; none where this participant does not know that one. */
export function successorsOf({ groups }: Pick<World, "groups">, group: Group): Group[] {
  const successors: Group[] = [];
  for (let key = group.retired?.successor; key != null && successors.length < groups.size; ) {
    const next = groups.get(key);
    if (next === undefined) return [];
    successors.push(next);
    key = next.retired?.successor;
  }
  return successors.at(-1)?.retired === null ? successors : [];
}
