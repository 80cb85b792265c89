import type { Action, FinalBlock } from "../events";
import { toHex } from "../wire/bytes";

/**
 * Which final entry is which of the pushes since this start. What was sealed before it may be the same to the byte, on a board without
 * a wall clock, and was perhaps acted on.
 */
export interface Sealing {
  /** Tokens of the last entries of a block that is not final yet, by its BlockId in hex. */
  readonly blocks: Map<string, readonly number[]>;
}

/** More of one's own blocks are never under way at once, in all groups of a saga together. */
const mostBlocks = 256;

export function createSealing(): Sealing {
  return { blocks: new Map() };
}

export function noteSealed({ blocks }: Sealing, { block, tokens }: Extract<Action, { kind: "sealed" }>): void {
  blocks.set(toHex(block), tokens);
  for (const oldest of blocks.keys()) if (blocks.size > mostBlocks) blocks.delete(oldest);
}

/** The token of an entry by its place in the block; null for all that was not pushed since this start. */
export function takeSealed(
  { blocks }: Sealing,
  { block, entries }: Partial<Pick<FinalBlock, "block">> & Pick<FinalBlock, "entries">,
): (index: number) => number | null {
  const key = block === undefined ? "" : toHex(block);
  const tokens = blocks.get(key);
  if (tokens === undefined || entries === null) return () => null;
  blocks.delete(key);
  // A gap entry comes before those that were pushed.
  const first = entries.length - tokens.length;
  return (index) => tokens[index - first] ?? null;
}
