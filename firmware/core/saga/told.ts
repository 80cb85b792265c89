import { blocksPerSnapshot, storedBlocks } from "./limits";

/** Which final blocks a conductor was told of, as far as its snapshots depend on it. By the hex of their groups. */
export interface Told {
  /** Sequences of the first entries of the latest blocks. */
  readonly latest: Map<string, number[]>;
  /** Blocks that no snapshot knows. */
  readonly since: Map<string, number>;
}

export function createTold(): Told {
  return { latest: new Map(), since: new Map() };
}

export function noteStored({ latest }: Told, group: string, firstEntry: number): void {
  const firsts = latest.get(group) ?? [];
  firsts.push(firstEntry);
  if (firsts.length > storedBlocks) firsts.shift();
  latest.set(group, firsts);
}

export function noteTold({ since }: Told, group: string): void {
  since.set(group, (since.get(group) ?? 0) + 1);
}

/** The sequence from which on a group's blocks are in the store for sure: it erases the oldest first. */
export function storedFrom({ latest }: Told, group: string): number {
  return latest.get(group)?.[0] ?? Number.POSITIVE_INFINITY;
}

export function isSnapshotDue({ since }: Told): boolean {
  for (const blocks of since.values()) if (blocks >= blocksPerSnapshot) return true;
  return false;
}
