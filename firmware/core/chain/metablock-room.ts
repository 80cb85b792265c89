import { toHex } from "../wire/bytes";
import type { MetablockHeader } from "../wire/types";
import type { Metablock } from "./metablock";
import type { Missing } from "./missing";
import { compareViews } from "./view";
import type { World } from "./world";

/**
 * Room for metablocks. Each issuer has some of its own; and where all of it is short, what whoever holds most of it issued makes way, so that
 * a flood, a runaway or who equivocates takes none from others. One that is needed after all is asked for again.
 */

/** Metablocks of one issuer, in one generation and in all. */
const metablocksPerGeneration = 8;
export const metablocksPerIssuer = 32;
/**
 * The same for all together who own no group that is known here: whoever holds the world id can make keys without end. Honest ones
 * are other boards of a gateway, whose batches were under way with this one's.
 */
const strangersPerGeneration = 32;
const strangersInAll = 64;
/** References held of all metablocks together. */
const referencesHeld = 16_384;

/**
 * Few metablocks of one issuer are held at once: of a generation those that stand or have children, and those of its latest
 * attempts; in all those nearest to the present. So a flood, whoever signs it, costs others little time. A parent that is
 * looked for has room of whoever built upon it too, who is `neededBy`, and one that a quorum signed (null) has room at all events.
 */
export function roomForMetablock(
  world: World,
  { issuer, sequence, attempt }: MetablockHeader,
  neededBy: Missing["of"] | undefined,
): boolean {
  if (neededBy === null || world.metablocks.size < metablocksPerGeneration) return true;
  const shares = shareRoom(world);
  const pool = lightest(shares, poolOf(world, toHex(issuer)), neededBy === undefined ? [] : [neededBy]);
  const inRoom = shares.get(pool) ?? [];
  inRoom.sort((a, b) => compareViews(a.view, b.view));
  const known = pool !== strangers;
  const ofGeneration = inRoom.filter((other) => other.view.sequence === sequence);
  if (ofGeneration.length >= (known ? metablocksPerGeneration : strangersPerGeneration)) {
    const parents = new Set([...world.metablocks.values()].flatMap(({ parentKeys }) => parentKeys));
    const least = ofGeneration.find(({ standing, key }) => !standing && !parents.has(key));
    if (least === undefined || (neededBy === undefined && least.view.attempt >= attempt)) return false;
    world.metablocks.delete(least.key);
  } else if (inRoom.length >= (known ? metablocksPerIssuer : strangersInAll)) {
    const furthest = inRoom[inRoom.length - 1]!;
    if (furthest.view.sequence <= sequence) return false;
    world.metablocks.delete(furthest.key);
  }
  return true;
}

const strangers = "";

/** Each owner of a group that is known here has room of its own, and all others have one together. */
export function poolOf(world: World, issuerKey: string): string {
  return world.owners.has(issuerKey) ? issuerKey : strangers;
}

/** Without these two this participant has nothing to propose upon. */
export function isParentToCome({ tip, footing }: World, metablock: Metablock): boolean {
  return metablock === tip || metablock === footing?.metablock;
}

/** Where as many are held as there may be, makes room for this one. */
export function makeRoom(world: World, latest: Metablock): void {
  if (world.metablocks.size >= world.bounds.metablocks) dropOfMost(world, latest, () => 1);
}

/** Keeps the references of all metablocks together within their bound; of what gave them, `latest` goes last. */
export function boundReferences(world: World, latest: Metablock): void {
  let held = 0;
  for (const { references } of world.metablocks.values()) held += references.size;
  while (held > referencesHeld) {
    const dropped = dropOfMost(world, latest, ({ references }) => references.size);
    if (dropped === undefined) return;
    held -= dropped.references.size;
  }
}

/**
 * Drops the least of whoever's metablocks weigh most, and what another built upon only where that one has nothing else. Undefined where there
 * is nothing but the parents to come and the latest.
 */
function dropOfMost(
  world: World,
  latest: Metablock,
  weightOf: (metablock: Metablock) => number,
): Metablock | undefined {
  const builtUpon = upholdersOf(world, latest);
  const worth = (a: Metablock, b: Metablock) =>
    Number(builtUpon.has(a.key)) - Number(builtUpon.has(b.key)) || compareWorth(a, b);
  let least: Metablock | undefined;
  let most = 0;
  for (const share of shareRoom(world, latest).values()) {
    const droppable = share.filter((metablock) => metablock !== latest).sort(worth);
    const weight = droppable.reduce((sum, metablock) => sum + weightOf(metablock), 0);
    const [first] = droppable;
    if (first === undefined || weight < most || (weight === most && least && worth(least, first) < 0)) continue;
    most = weight;
    least = first;
  }
  if (least !== undefined) world.metablocks.delete(least.key);
  return least;
}

/**
 * What is held by whose room it is in (`poolOf`), but the parents to come: its issuer's; where others built upon it, that of whoever of all these
 * has least. Without the parent their own can't be judged, and a liar could say so much after it that it would have no room any more.
 */
function shareRoom(world: World, latest?: Metablock): Map<string, Metablock[]> {
  const builtUpon = upholdersOf(world, latest);
  const shares = new Map<string, Metablock[]>();
  const take = (pool: string, metablock: Metablock) => {
    const share = shares.get(pool);
    if (share === undefined) shares.set(pool, [metablock]);
    else share.push(metablock);
  };
  const held = [...world.metablocks.values()].filter((metablock) => !isParentToCome(world, metablock));
  for (const metablock of held) if (!builtUpon.has(metablock.key)) take(poolOf(world, metablock.issuerKey), metablock);
  for (const metablock of held) {
    const upholders = builtUpon.get(metablock.key);
    if (upholders !== undefined) take(lightest(shares, poolOf(world, metablock.issuerKey), upholders), metablock);
  }
  return shares;
}

function lightest(shares: ReadonlyMap<string, readonly Metablock[]>, own: string, others: Iterable<string>): string {
  const weightOf = (pool: string) => shares.get(pool)?.length ?? 0;
  let least = own;
  for (const other of others) if (weightOf(other) < weightOf(least)) least = other;
  return least;
}

/** Who else built upon a metablock, of those upon whose metablocks others did. */
function upholdersOf(world: World, latest?: Metablock): Map<string, Set<string>> {
  const upholders = new Map<string, Set<string>>();
  const uphold = ({ issuerKey, parentKeys }: Metablock) => {
    for (let at = 0; at < parentKeys.length; at++) {
      const parent = world.metablocks.get(parentKeys[at]!);
      if (parent === undefined || parent.issuerKey === issuerKey) continue;
      const known = upholders.get(parent.key);
      if (known === undefined) upholders.set(parent.key, new Set([poolOf(world, issuerKey)]));
      else known.add(poolOf(world, issuerKey));
    }
  };
  for (const metablock of world.metablocks.values()) uphold(metablock);
  if (latest !== undefined) uphold(latest);
  return upholders;
}

/** One that stands before one that does not; and of these the later: of the views of one issuer the last is under way. */
function compareWorth(a: Metablock, b: Metablock): number {
  if (a.standing !== b.standing) return a.standing ? 1 : -1;
  return compareViews(a.view, b.view);
}
