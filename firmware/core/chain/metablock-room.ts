import { toHex } from "../wire/bytes";
import type { MetablockHeader } from "../wire/types";
import type { Metablock } from "./metablock";
import { compareViews } from "./view";
import type { World } from "./world";

/**
 * Room for metablocks. Each issuer has some of its own; and where all of it is short, what whoever holds most of it issued makes way, so that
 * a flood, a runaway or who equivocates takes none from others. One that is needed after all is asked for again.
 */

/** Metablocks of one issuer, in one generation and in all. */
const metablocksPerGeneration = 8;
const metablocksPerIssuer = 32;
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
 * attempts; in all those nearest to the present. So a flood, whoever signs it, costs others little time. One that
 * is asked for has room, since something held is its child.
 */
export function roomForIssuer(world: World, { issuer, sequence, attempt }: MetablockHeader, asked: boolean): boolean {
  const pool = poolOf(world, toHex(issuer));
  const inRoom = [...world.metablocks.values()].filter(
    (other) => !isParentToCome(world, other) && poolOf(world, other.issuerKey) === pool,
  );
  inRoom.sort((a, b) => compareViews(a.view, b.view));
  const known = pool !== strangers;
  const ofGeneration = inRoom.filter((other) => other.view.sequence === sequence);
  if (ofGeneration.length >= (known ? metablocksPerGeneration : strangersPerGeneration)) {
    const parents = new Set([...world.metablocks.values()].flatMap(({ parentKeys }) => parentKeys));
    const least = ofGeneration.find(({ standing, key }) => !standing && !parents.has(key));
    if (least === undefined || (!asked && least.view.attempt >= attempt)) return false;
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
 * Drops the least of whoever's metablocks weigh most; ones that another built upon count for nobody, and go only where nothing else is left.
 * Undefined where there is nothing but the parents to come and the latest.
 */
function dropOfMost(
  world: World,
  latest: Metablock,
  weightOf: (metablock: Metablock) => number,
): Metablock | undefined {
  const least =
    leastOfMost(world, latest, weightOf, upheldByOthers(world, latest)) ?? leastOfMost(world, latest, weightOf);
  if (least !== undefined) world.metablocks.delete(least.key);
  return least;
}

/** Of all metablocks of an issuer that may go. */
interface Pool {
  weight: number;
  least: Metablock;
}

function leastOfMost(
  world: World,
  latest: Metablock,
  weightOf: (metablock: Metablock) => number,
  spared?: ReadonlySet<Metablock>,
): Metablock | undefined {
  const pools = new Map<string, Pool>();
  for (const metablock of world.metablocks.values()) {
    if (isParentToCome(world, metablock) || metablock === latest || spared?.has(metablock)) continue;
    const name = poolOf(world, metablock.issuerKey);
    const pool = pools.get(name);
    if (pool === undefined) {
      pools.set(name, { weight: weightOf(metablock), least: metablock });
      continue;
    }
    pool.weight += weightOf(metablock);
    if (compareWorth(metablock, pool.least) < 0) pool.least = metablock;
  }
  let most: Pool | undefined;
  for (const pool of pools.values()) {
    const order = most === undefined ? 1 : pool.weight - most.weight || compareWorth(most.least, pool.least);
    if (order > 0) most = pool;
  }
  return most?.least;
}

/** What is held and is the parent of one that another issued: without it that can't be judged. */
function upheldByOthers(world: World, latest: Metablock): Set<Metablock> {
  const upheld = new Set<Metablock>();
  const upholds = ({ issuerKey, parentKeys }: Metablock) => {
    for (let at = 0; at < parentKeys.length; at++) {
      const parent = world.metablocks.get(parentKeys[at]!);
      if (parent !== undefined && parent.issuerKey !== issuerKey) upheld.add(parent);
    }
  };
  for (const metablock of world.metablocks.values()) upholds(metablock);
  upholds(latest);
  return upheld;
}

/** One that stands before one that does not; and of these the later: of the views of one issuer the last is under way. */
function compareWorth(a: Metablock, b: Metablock): number {
  if (a.standing !== b.standing) return a.standing ? 1 : -1;
  return compareViews(a.view, b.view);
}
