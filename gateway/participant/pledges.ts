/** Records that stay though they are to be deleted: they were written for what is defined only after them. */
export interface Pledges {
  /** Until what it returns is called. */
  keep(keys: Iterable<string>): () => void;
  /** Of what is to be deleted, what may be now. */
  deletable(keys: ReadonlySet<string>): Set<string>;
}

export function createPledges(): Pledges {
  const kept = new Set<ReadonlySet<string>>();
  return {
    keep(keys) {
      const pledge = new Set(keys);
      kept.add(pledge);
      return () => void kept.delete(pledge);
    },
    deletable: (keys) => new Set([...keys].filter((key) => ![...kept].some((pledge) => pledge.has(key)))),
  };
}
