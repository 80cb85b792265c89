import { blocksPerSnapshot, bytesPerSnapshot, storedBlocks, storedBytes } from "./limits";

/** Which final blocks a conductor was told of, as far as its snapshots depend on it. By the hex of their groups. */
export interface Told {
  /** The latest blocks: the sequences of their first entries, and the bytes of all. */
  readonly latest: Map<string, { readonly firstEntry: number; readonly bytes: number }[]>;
  /** Blocks that no snapshot knows, and the bytes of all. */
  readonly since: Map<string, number>;
  sinceBytes: number;
}

export function createTold(): Told {
  return { latest: new Map(), since: new Map(), sinceBytes: 0 };
}

export function noteStored({ latest }: Told, group: string, firstEntry: number, bytes: number): void {
  const blocks = latest.get(group) ?? [];
  blocks.push({ firstEntry, bytes });
  while (blocks.length > storedBlocks || blocks.reduce((sum, each) => sum + each.bytes, 0) > storedBytes)
    blocks.shift();
  latest.set(group, blocks);
}

export function noteTold(told: Told, group: string, bytes: number): void {
  told.since.set(group, (told.since.get(group) ?? 0) + 1);
  told.sinceBytes += bytes;
}

/** A snapshot is made: from here on it is counted anew. */
export function noteSnapshot(told: Told): void {
  told.since.clear();
  told.sinceBytes = 0;
}

/** The sequence from which on a group's blocks are in the store for sure: it erases the oldest first. */
export function storedFrom({ latest }: Told, group: string): number {
  return latest.get(group)?.[0]?.firstEntry ?? Number.POSITIVE_INFINITY;
}

export function isSnapshotDue({ since, sinceBytes }: Told): boolean {
  if (sinceBytes >= bytesPerSnapshot) return true;
  for (const blocks of since.values()) if (blocks >= blocksPerSnapshot) return true;
  return false;
}
