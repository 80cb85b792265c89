import { actionsOf, type Direction, recordBoard } from "../bench/pair";

export interface Write {
  readonly puts: ReadonlyMap<string, Uint8Array>;
  readonly deletes: ReadonlySet<string>;
}

/** What a board writes of so many batches, of which it keeps few final ones. */
export function boardWrites(direction: Direction, batches: number, tail: number): Write[] {
  return [...actionsOf(recordBoard(direction, batches), tail)].flatMap((action) =>
    action.kind === "write" ? [action] : [],
  );
}

/** What a Map would have after a write. */
export function applied(model: ReadonlyMap<string, Uint8Array>, { puts, deletes }: Write): Map<string, Uint8Array> {
  const after = new Map(model);
  for (const key of deletes) after.delete(key);
  for (const [key, value] of puts) after.set(key, value);
  return after;
}
