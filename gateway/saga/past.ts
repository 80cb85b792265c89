import type { ToldFinal } from "../../firmware/core/saga/conductor";
import type { Definitions } from "../../firmware/core/saga/definitions";
import { consumedIn } from "../../firmware/core/saga/past";
import { toHex } from "../../firmware/core/wire/bytes";
import type { Hash } from "../../firmware/core/wire/types";

/** A final block as a store tells it. */
export type PastBlock = ToldFinal["block"] & {
  /** ms since 1970 by its issuer's clock, 0 if it has none. */
  readonly time: number;
};

/** A group's final blocks in their order. */
export type BlocksOf = (group: Hash) => AsyncIterable<PastBlock>;

interface Reader {
  readonly blocks: AsyncIterator<PastBlock>;
  next: PastBlock | undefined;
  busy: boolean;
}

/**
 * All final blocks of these groups, each group's in order, and before a saga state what it consumed: so no more waits in a ledger
 * that reads them than waited when they became final. Group after group, a long past would be more than a ledger holds.
 */
export async function* pastOf(
  { groups, sagas }: Definitions,
  wanted: readonly string[],
  blocksOf: BlocksOf,
): AsyncGenerator<PastBlock> {
  const states = new Set([...sagas.values()].map(({ stateGroup }) => stateGroup.key));
  const readers = new Map<string, Reader>();

  async function readerOf(key: string, { id }: { readonly id: Hash }): Promise<Reader> {
    const blocks = blocksOf(id)[Symbol.asyncIterator]();
    const reader = { blocks, next: await nextOf(blocks), busy: false };
    readers.set(key, reader);
    return reader;
  }

  async function* through(key: string, sequence: number): AsyncGenerator<PastBlock> {
    const group = groups.get(key);
    if (group === undefined) return;
    const reader = readers.get(key) ?? (await readerOf(key, group));
    // A state may say that it consumed what comes after it: then it waits in the ledger, as it did.
    if (reader.busy) return;
    reader.busy = true;
    for (let block = reader.next; block !== undefined && block.firstEntry <= sequence; block = reader.next) {
      reader.next = await nextOf(reader.blocks);
      if (states.has(key)) {
        for (const [consumed, at] of consumedIn(block)) yield* through(toHex(consumed), at);
      }
      yield block;
    }
    reader.busy = false;
  }

  const first = wanted.filter((key) => states.has(key));
  for (const key of [...first, ...wanted]) yield* through(key, Number.POSITIVE_INFINITY);
}

async function nextOf(blocks: AsyncIterator<PastBlock>): Promise<PastBlock | undefined> {
  const { done, value } = await blocks.next();
  return done ? undefined : value;
}
