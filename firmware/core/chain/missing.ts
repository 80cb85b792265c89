import type { PeerId } from "../events";
import type { Hash } from "../wire/types";
import { hasRoom, roomFor } from "./store-room";
import type { World } from "./world";

/** Room for what is looked for, in the same parts as room for metablocks: whoever names without end what nobody has takes none from others. */

/** What is looked for: asked of the peer first that spoke of it. */
export interface Missing {
  readonly hash: Hash;
  /** The issuer in hex in whose room it is (`poolOf`); null where a quorum signed that it is there. */
  readonly of: string | null;
  /** Who spoke of it; null where it is not known, or nobody did. */
  source: PeerId | null;
  /** Monotonic ms at which it is asked for again; null before the first time. */
  againAt: number | null;
  asked: number;
}

/** Looks for what is named `key`, `hash` in hex, for the sake of what is `of` an issuer's, as far as there is room. */
export function reportMissing(
  world: World,
  key: string,
  hash: Hash,
  of: Missing["of"],
  source: PeerId | null = null,
): void {
  if (world.missing.has(key)) return;
  if (world.missing.size >= world.bounds.metablocks && !makeRoom(world, of)) return;
  world.missing.set(key, { hash, of, source, againAt: null, asked: 0 });
}

/** Looks for a block, unless there would be no room for it. */
export function reportMissingBlock(world: World, key: string, hash: Hash, of: Missing["of"]): void {
  if (hasRoom(world.room, roomFor.blockAskedFor, 1)) reportMissing(world, key, hash, of);
}

/** Gives up what was asked for most often of the issuer of which most is looked for, unless that is this one. */
function makeRoom({ missing }: World, of: Missing["of"]): boolean {
  const counts = new Map<string, number>();
  for (const each of missing.values()) if (each.of !== null) counts.set(each.of, (counts.get(each.of) ?? 0) + 1);
  const own = of === null ? 0 : 1 + (counts.get(of) ?? 0);
  let most: string | undefined;
  for (const [name, count] of counts) if (count > (most === undefined ? own : counts.get(most)!)) most = name;
  if (most === undefined) return false;
  let vainest: readonly [string, number] = ["", -1];
  for (const [key, each] of missing) if (each.of === most && each.asked > vainest[1]) vainest = [key, each.asked];
  return missing.delete(vainest[0]);
}
