import { counterIsFinal, highestFinalCausalSequence, withFinalCounter } from "../block/counters";
import { compare, equal, toHex } from "../wire/bytes";
import { issuingHash, type Sha256 } from "../wire/hash";
import type { Block, MetablockHeader, Signed } from "../wire/types";
import { countersOf, type Group } from "./group";
import { type HeldReference, isCertified, isClosed, type Metablock, releases } from "./metablock";
import { referencesOf } from "./references";
import { timing } from "./timing";
import { compareViews } from "./view";
import { furthestAhead, furthestByWaiting, generationsOpen, type World } from "./world";

/** The metablocks that `metablock` names as parents, in that order; undefined where one is not held. */
export function parentsOf(world: World, metablock: Metablock): Metablock[] | undefined {
  const parents: Metablock[] = [];
  for (let at = 0; at < metablock.parentKeys.length; at++) {
    const parent = world.metablocks.get(metablock.parentKeys[at]!);
    if (parent === undefined) return undefined;
    parents.push(parent);
  }
  return parents;
}

/** The known groups of which the metablock, or a parent that it has, shows something: all that it can matter for here. */
export function groupsAbout(world: World, metablock: Metablock): Group[] {
  const groups: Group[] = [];
  addGroups(world, metablock, groups);
  for (let at = 0; at < metablock.parentKeys.length; at++) {
    const parent = world.metablocks.get(metablock.parentKeys[at]!);
    if (parent !== undefined) addGroups(world, parent, groups);
  }
  return groups;
}

function addGroups(world: World, { sorted }: Metablock, groups: Group[]): void {
  for (let at = 0; at < sorted.length; at++) {
    const { groupKey } = sorted[at]!;
    if (at > 0 && groupKey === sorted[at - 1]!.groupKey) continue;
    const group = world.groups.get(groupKey);
    if (group !== undefined && !groups.includes(group)) groups.push(group);
  }
}

/** The known groups of which it, or a parent of it, holds a block that is not final yet. */
export function openGroups(world: World, metablock: Metablock): Group[] {
  const groups: Group[] = [];
  addOpenGroups(world, metablock, groups);
  const parents = parentsOf(world, metablock);
  if (parents !== undefined) for (let at = 0; at < parents.length; at++) addOpenGroups(world, parents[at]!, groups);
  return groups;
}

function addOpenGroups(world: World, { sorted }: Metablock, groups: Group[]): void {
  for (let at = 0; at < sorted.length; at++) {
    const { groupKey, value } = sorted[at]!;
    const group = world.groups.get(groupKey);
    if (group !== undefined && value.position >= group.position && !groups.includes(group)) groups.push(group);
  }
}

/** Whether this participant issued or certified it, and so waits for the others' votes. */
export function hasMyVote({ avatarKey }: World, { issuerKey, certificates }: Metablock): boolean {
  return issuerKey === avatarKey || certificates.has(avatarKey);
}

/** The parent at this index, where it is held. */
export function parentAt(world: World, metablock: Metablock, index: number): Metablock | undefined {
  const key = metablock.parentKeys[index];
  return key === undefined ? undefined : world.metablocks.get(key);
}

/**
 * Why a metablock with these parents breaks an invariant of the SIC-DAG, or undefined where it breaks none
 * (the patent's "Was Certifiable", as far as the bytes tell). Parents that hold blocks of one group conflict where it is one of
 * the issuer's own and not released: a trimmed issuer is not shown the others, whose owners keep rule 4 for themselves.
 */
export function brokenInvariant(
  header: MetablockHeader,
  parents: readonly Metablock[],
  isIssuers: (groupKey: string) => boolean,
): string | undefined {
  for (const parent of parents) {
    if (parent.view.sequence !== header.sequence - 1) {
      return `a parent is of generation ${parent.view.sequence}, and ${header.sequence - 1} is due`;
    }
  }
  const released = new Set(header.releasedGroups.map(toHex));
  const judged = (groupKey: string) => isIssuers(groupKey) && !released.has(groupKey);
  for (const [index, a] of parents.entries()) {
    if (parents.slice(index + 1).some((b) => conflict(a, b, judged))) return "two of its parents conflict";
  }
  const window = header.referenceCount + parents.reduce((sum, { header }) => sum + header.value.referenceCount, 0);
  return window === 0 ? "its finality window is empty" : undefined;
}

/**
 * The patent's conflict of two metablocks of one generation, as PROTOCOL 5 reads it: same issuer and view; a block of the
 * same group in each; neither's parents a subset of the other's. ("A block newly referenced by one in the other's finality
 * window" is a block of the same group in each, or in a parent that both would have to share.)
 */
export function conflict(a: Metablock, b: Metablock, judged: (groupKey: string) => boolean = () => true): boolean {
  if (a.key === b.key) return false;
  if (a.issuerKey === b.issuerKey && compareViews(a.view, b.view) === 0) return true;
  for (const groupKey of a.byGroup.keys()) if (b.byGroup.has(groupKey) && judged(groupKey)) return true;
  return !parentsWithin(a.header.value, b.header.value) && !parentsWithin(b.header.value, a.header.value);
}

function parentsWithin(a: MetablockHeader, b: MetablockHeader): boolean {
  return a.parents.every((parent) => b.parents.some((other) => equal(parent, other)));
}

/** Whether a group, in hex, is one of this owner's, as far as it is known here. */
export function ownedBy(world: World, ownerKey: string): (groupKey: string) => boolean {
  return (groupKey) => world.groups.get(groupKey)?.ownerKeys.includes(ownerKey) === true;
}

/** PROTOCOL 5, conflict resolution: "the higher attempt; then the lower Issuing Hash". */
export function resolveConflict(crypto: Sha256, a: Metablock, b: Metablock): Metablock {
  if (a.view.attempt !== b.view.attempt) return a.view.attempt > b.view.attempt ? a : b;
  return compareIssuingHashes(crypto, a.header, b.header) <= 0 ? a : b;
}

export function compareIssuingHashes(crypto: Sha256, a: Signed<MetablockHeader>, b: Signed<MetablockHeader>): number {
  return compare(issuingHash(crypto, a.signature), issuingHash(crypto, b.signature));
}

/**
 * PROTOCOL 6, rule 1: "each parent is certified for at least one group, or closes one". A trimmed participant can tell that
 * a parent is neither only where it was shown everything of it: else the owners of the groups that it does not know judge it.
 */
export function mayBeParent(world: World, parent: Metablock): boolean {
  if (parent.valid === false) return false;
  return parent.standing || parent === world.footing?.metablock || !showsEverything(world, parent);
}

function showsEverything(world: World, metablock: Metablock): boolean {
  const parents = parentsOf(world, metablock);
  return parents?.every((parent) => allKnown(world, parent)) === true && allKnown(world, metablock);
}

function allKnown(world: World, { header, sorted }: Metablock): boolean {
  if (sorted.length < header.value.referenceCount) return false;
  for (let at = 0; at < sorted.length; at++) if (!world.groups.has(sorted[at]!.groupKey)) return false;
  return true;
}

/**
 * Whether the view is one to vote in now: rule 1, with "N is above its HFG" widened by `generationsOpen`, since else the
 * fastest group of a busy world would outdate every metablock of the slower ones (docs/protocol.md, departures).
 */
export function isTimely(world: World, { view }: Metablock): boolean {
  const next = world.highestFinalizableGeneration + 1;
  if (view.sequence === next) return view.attempt <= world.attempt;
  return view.sequence > next - 1 - generationsOpen;
}

/**
 * Whether the generation is one that nobody honest can have reached: PROTOCOL 6, "A generation can't be run away with". One may have, whom a
 * pair of its own took there while these groups rested: so twice as far is believed with each attempt's time for which a slot of theirs waits.
 */
export function isRunaway(world: World, { view }: Metablock, groups: readonly Group[]): boolean {
  let reached = world.highestFinalizableGeneration;
  let waited = 0;
  for (const group of groups) {
    reached = Math.max(reached, reportedByMoreThanAThird(world, group));
    waited = Math.max(waited, (world.now.monotonic - group.waitsSince) / timing.attempt);
  }
  const ahead = view.sequence - reached;
  if (ahead <= furthestAhead) return false;
  return view.sequence > furthestByWaiting || ahead > furthestAhead * 2 ** Math.min(32, Math.floor(waited));
}

function reportedByMoreThanAThird(world: World, group: Group): number {
  const others = group.ownerKeys.filter((owner) => owner !== world.avatarKey);
  const reported = others.map((owner) => world.reports.get(owner)?.highestFinalizableGeneration ?? -1);
  return reported.sort((a, b) => b - a)[Math.floor(others.length / 3)] ?? -1;
}

/**
 * The patent's "Is Causally Consistent" for a block put into a metablock: its counter was not final before nor is another's in
 * the finality window, and where the pact is ordered, the block before it is final or stands at a lower position in `window` (counters of the same issuer).
 */
export function isCausallyConsistent(group: Group, block: Block, window: readonly number[]): boolean {
  const { issuer, counter } = block.header.value;
  const final = countersOf(group, toHex(issuer));
  // As it will be when those before it are final: one that then stood below the window of counters could not be told from its twin.
  const then = window.reduce(withFinalCounter, final);
  if (counterIsFinal(then, counter)) return false;
  if (!group.pact.policy.ordered) return true;
  return counter === highestFinalCausalSequence(final) + 1 || window.includes(counter - 1);
}

/**
 * The patent's three lists, each judged per group: whether the metablock's references of the group have their quorum (1). What is
 * final here was certified: who knew that when it voted left it out of its scope.
 */
export function isFinalizableFor(metablock: Metablock, group: Group): boolean {
  const references = referencesOf(metablock, group.key);
  let open = 0;
  for (let at = 0; at < references.length; at++) {
    const reference = references[at]!;
    if (isFinalHere(group, reference)) continue;
    if (!isCertified(metablock, group, reference.index)) return false;
    open++;
  }
  return open > 0 || (references.length > 0 && areCertified(metablock, group, references));
}

function areCertified(metablock: Metablock, group: Group, references: readonly HeldReference[]): boolean {
  for (let at = 0; at < references.length; at++) {
    if (!isCertified(metablock, group, references[at]!.index)) return false;
  }
  return true;
}

/** Final, and known to be so on this block: where that is not known any more, it can't be voted for. */
export function isFinalHere(group: Group, { value }: HeldReference): boolean {
  const known = group.recentFinal.get(value.position);
  return known !== undefined && equal(known, value.block);
}

/**
 * Whether the metablock gives one of its parents' blocks of the group their quorum (2). What is final here was certified, also
 * where the certificates were never seen, as by who learned it from a proof.
 */
export function closes(world: World, metablock: Metablock, group: Group): boolean {
  if (releases(metablock, group.id)) return false;
  for (let index = 0; index < metablock.parentKeys.length; index++) {
    const parent = parentAt(world, metablock, index);
    if (parent !== undefined && closesAllOf(metablock, group, index, parent)) return true;
  }
  return false;
}

function closesAllOf(metablock: Metablock, group: Group, index: number, parent: Metablock): boolean {
  const references = referencesOf(parent, group.key);
  for (let at = 0; at < references.length; at++) {
    const reference = references[at]!;
    if (!isCertified(parent, group, reference.index) && !isFinalHere(group, reference)) return false;
    if (!isClosed(metablock, group, index, reference.index)) return false;
  }
  return references.length > 0;
}

/**
 * The patent's Finalizable, told for a metablock as a whole: (1) every group it shows is certified in it; (2) every group of its
 * parents that it does not release is closed by it; (3) the issuer of each parent certified it, where it owns a group that
 * either is about.
 */
export function isFinalizable(world: World, metablock: Metablock): boolean {
  const groups = groupsAbout(world, metablock);
  const parents = parentsOf(world, metablock) ?? [];
  const certified = groups.every(
    (group) => referencesOf(metablock, group.key).length === 0 || isFinalizableFor(metablock, group),
  );
  const closed = groups.every(
    (group) =>
      !parents.some((parent) => referencesOf(parent, group.key).length > 0) ||
      releases(metablock, group.id) ||
      closes(world, metablock, group),
  );
  const byIssuers = parents.every(
    ({ issuerKey }) =>
      issuerKey === metablock.issuerKey ||
      metablock.certificates.has(issuerKey) ||
      !groups.some((group) => group.ownerKeys.includes(issuerKey)),
  );
  return certified && closed && byIssuers;
}

/** The patent's "Should Certify": this participant is in one of the three lists, each judged per group. */
export function shouldCertify(world: World, metablock: Metablock): boolean {
  if (showsMine(world, metablock)) return true;
  for (let at = 0; at < metablock.parentKeys.length; at++) {
    const parent = parentAt(world, metablock, at);
    if (parent !== undefined && showsMine(world, parent)) return true;
  }
  return false;
}

function showsMine(world: World, { sorted }: Metablock): boolean {
  for (let at = 0; at < sorted.length; at++) if (world.groups.get(sorted[at]!.groupKey)?.mine) return true;
  return false;
}
