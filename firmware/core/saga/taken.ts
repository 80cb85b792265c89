/** Entries that were consumed, to know a repeat: their sequences, by the hex of their group. */
export type Taken = Map<string, Set<number>>;

export function isTaken(taken: Taken, groupKey: string, sequence: number): boolean {
  return taken.get(groupKey)?.has(sequence) ?? false;
}

/** Of more than `most` in all, the oldest of the group that has most is forgotten. */
export function addTaken(taken: Taken, groupKey: string, sequence: number, most: number): void {
  const ofGroup = taken.get(groupKey);
  if (ofGroup === undefined) taken.set(groupKey, new Set([sequence]));
  else ofGroup.add(sequence);
  let all = 0;
  let largest: Set<number> | undefined;
  for (const sequences of taken.values()) {
    all += sequences.size;
    if (largest === undefined || sequences.size > largest.size) largest = sequences;
  }
  if (all <= most) return;
  for (const oldest of largest!) {
    largest!.delete(oldest);
    return;
  }
}
