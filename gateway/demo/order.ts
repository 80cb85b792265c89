import { createHash } from "node:crypto";

/** A final block as one side tells it. */
export interface TellingOfBlock {
  readonly position: number;
  readonly firstEntry: number;
  readonly count: number;
  /** Hex of the BlockId. */
  readonly block: string;
}

/** What one side saw become final in one group, in constant memory: two sides with the same digest saw the same order. */
export interface Order {
  blocks: number;
  entries: number;
  digest: string;
  /** What was not in order: a gap or a double in the positions or the sequences. */
  readonly faults: string[];
}

export function createOrder(): Order {
  return { blocks: 0, entries: 0, digest: "", faults: [] };
}

export function addBlock(order: Order, { position, firstEntry, count, block }: TellingOfBlock): void {
  if (position !== order.blocks) order.faults.push(`block ${position} came where block ${order.blocks} was due`);
  if (firstEntry !== order.entries) order.faults.push(`entry ${firstEntry} came where entry ${order.entries} was due`);
  order.blocks = position + 1;
  order.entries = firstEntry + count;
  order.digest = createHash("sha256")
    .update(`${order.digest} ${position} ${firstEntry} ${count} ${block}`)
    .digest("hex");
}

/** How two sides differ about a group, in words; nothing where they agree. */
export function difference(one: Order, other: Order): string | undefined {
  if (one.blocks !== other.blocks) return `${one.blocks} blocks are final on one side, ${other.blocks} on the other`;
  if (one.digest !== other.digest) return `the same ${one.blocks} blocks are final in another order`;
  return undefined;
}
