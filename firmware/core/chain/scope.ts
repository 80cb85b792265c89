import { maxCertificateBytes } from "../wire/limits";
import type { ReceivedCertificate, Scope } from "../wire/types";
import type { Metablock } from "./metablock";
import { parentAt } from "./predicates";
import type { World } from "./world";

/** A certificate "counts for those blocks and no others" (PROTOCOL 4): what its scope may name, and how much one scope names. */

/** Bytes of a certificate without the items of its scope: three byte strings, and the heads of its arrays. */
const bytesBesideScope = 142;

/**
 * Why a scope names what its metablock does not have, or undefined where all of it is there, as far as the parents are held.
 * Evidence carries certificates whole: what they name in vain would be carried, kept and sent by everyone.
 */
export function beyondMetablock(world: World, metablock: Metablock, scope: Scope | null): string | undefined {
  if (scope === null) return undefined;
  const { referenceCount, parents } = metablock.header.value;
  const highest = scope.own[scope.own.length - 1];
  if (highest !== undefined && highest >= referenceCount) {
    return `names reference ${highest} of a metablock with ${referenceCount}`;
  }
  for (const [parent, index] of scope.parents) {
    if (parent >= parents.length) return `names parent ${parent} of a metablock with ${parents.length}`;
    const most = parentAt(world, metablock, parent)?.header.value.referenceCount;
    if (most !== undefined && index >= most) return `names reference ${index} of a parent with ${most}`;
  }
  return undefined;
}

/** Whether a certificate says more than those of its signer that are held: a signer's scope grows, and never repeats itself. */
export function saysMore(held: readonly ReceivedCertificate[], scope: Scope | null): boolean {
  if (held.some((each) => each.scope === null)) return false;
  if (scope === null) return true;
  const own = new Set(held.flatMap((each) => each.scope!.own));
  if (scope.own.some((index) => !own.has(index))) return true;
  const parents = new Set(held.flatMap((each) => each.scope!.parents.map(placeInParents)));
  return scope.parents.some((place) => !parents.has(placeInParents(place)));
}

function placeInParents([parent, index]: readonly [number, number]): string {
  return `${parent} ${index}`;
}

interface OpenScope {
  readonly own: number[];
  readonly parents: (readonly [number, number])[];
  /** Of its certificate so far. */
  bytes: number;
}

/**
 * Scopes that together name all of these, one of each group, each within `maxCertificateBytes`: a group's stays whole where it
 * fits, so that who owns one of many groups is sent, keeps and carries little about the others.
 */
export function packScopes(ofGroups: readonly Scope[]): Scope[] {
  const scopes: OpenScope[] = [];
  const open = (bytes: number): OpenScope => {
    const last = scopes[scopes.length - 1];
    if (last !== undefined && last.bytes + bytes <= maxCertificateBytes) return last;
    scopes.push({ own: [], parents: [], bytes: bytesBesideScope });
    return scopes[scopes.length - 1]!;
  };
  for (const part of ofGroups) {
    const items = [...part.own.map(bytesOf), ...part.parents.map(bytesOfPlace)];
    const whole = items.reduce((sum, bytes) => sum + bytes, 0);
    if (whole === 0) continue;
    // Begins a new one where all of it fits into one, and not beside what is there.
    open(Math.min(whole, maxCertificateBytes - bytesBesideScope));
    for (const index of part.own) {
      const scope = open(bytesOf(index));
      scope.own.push(index);
      scope.bytes += bytesOf(index);
    }
    for (const place of part.parents) {
      const scope = open(bytesOfPlace(place));
      scope.parents.push(place);
      scope.bytes += bytesOfPlace(place);
    }
  }
  return scopes.map(({ own, parents }) => ({
    own: own.sort((a, b) => a - b),
    parents: parents.sort((a, b) => a[0] - b[0] || a[1] - b[1]),
  }));
}

/** Of an index as CBOR. */
function bytesOf(index: number): number {
  if (index < 24) return 1;
  return index < 256 ? 2 : 3;
}

function bytesOfPlace([parent, index]: readonly [number, number]): number {
  return 1 + bytesOf(parent) + bytesOf(index);
}

/**
 * The groups, in hex, that a certificate speaks of, as far as they are known here; undefined where it may speak of one that was not
 * shown.
 */
export function groupsInScope(world: World, metablock: Metablock, scope: Scope | null): Set<string> | undefined {
  if (scope === null) return undefined;
  const keys = new Set<string>();
  const note = (holder: Metablock | undefined, index: number) => {
    const key = holder?.references.get(index)?.groupKey;
    if (key !== undefined) keys.add(key);
    // All of it was shown once: it is about a group that is not known here.
    return key !== undefined || holder?.whole === true;
  };
  const shown =
    scope.own.every((index) => note(metablock, index)) &&
    scope.parents.every(([parent, index]) => note(parentAt(world, metablock, parent), index));
  return shown ? keys : undefined;
}
