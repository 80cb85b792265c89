import { decodeBlock } from "../../firmware/core/block/block";
import { blockKeys } from "../../firmware/core/block/records";
import { VertebraError } from "../../firmware/core/errors";
import { storedBlocks } from "../../firmware/core/saga/limits";
import { toHex } from "../../firmware/core/wire/bytes";
import type { Block, Hash } from "../../firmware/core/wire/types";
import type { Crypto } from "../../firmware/ports";
import { followsOn, type HistoricBlock } from "../participant/final-block";
import type { BlockReader } from "../participant/store";
import type { PastBlock } from "../saga/past";

/** Blocks, one after the other, that the store can't give: in their place, where others of the group are read. */
export interface LostBlocks {
  readonly lost: { readonly from: number; readonly to: number };
  /** The sequence of their first entry, and the one after their last. */
  readonly firstEntry: number;
  readonly end: number;
}

/** A group's final blocks in the store of a participant in world `tag`. */
export interface History {
  /** From this position on, in order and without a gap, as far as they are final now. */
  from(position: number): AsyncIterable<HistoricBlock | LostBlocks>;
  /** The block at this position, or undefined where none is final there, or it can't be read. */
  at(position: number): Promise<HistoricBlock | undefined>;
  /** The block that holds the entry of this sequence, or undefined where it isn't final here. Throws `history-damaged`. */
  holding(sequence: number): Promise<HistoricBlock | undefined>;
  /** Where to begin to read so as to come to this sequence: at the block that holds it, where that can be read. */
  positionOf(sequence: number): Promise<number>;
}

/** Blocks read at once: at most some 1.5 MB are in memory for a reader, however slow it is. */
const readTogether = 16;

export function historyOf(store: BlockReader, tag: string, group: Hash): History {
  const key = toHex(group);

  async function at(position: number): Promise<HistoricBlock | undefined> {
    return (await store.blocks(tag, key, position, 1))[0];
  }

  /** As `at`; a block that is lost is waited for a little, where others are asked for it. */
  async function patientlyAt(position: number): Promise<HistoricBlock | undefined> {
    return (await at(position)) ?? ((await store.mended(tag, key, position)) ? at(position) : undefined);
  }

  async function readableFrom(position: number, end: number): Promise<HistoricBlock | undefined> {
    // Nearly always the first.
    let count = 1;
    for (let next = position; next < end; ) {
      const found = (await store.blocks(tag, key, next, Math.min(count, end - next))).find(Boolean);
      if (found !== undefined) return found;
      next += count;
      count = readTogether;
    }
    return undefined;
  }

  /** The last block that can be read and begins at or before the sequence; 0 where there is none. */
  async function positionOf(sequence: number): Promise<number> {
    const { blocks, entries } = store.final(tag, key);
    if (sequence >= entries) return blocks;
    let low = 0;
    let high = blocks;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      const block = await readableFrom(middle, high);
      if (block !== undefined && block.firstEntry <= sequence) low = block.position;
      else high = middle;
    }
    return low;
  }

  async function endOfLost(from: number): Promise<LostBlocks> {
    const { blocks, entries } = store.final(tag, key);
    const before = from === 0 ? undefined : await at(from - 1);
    const after = await readableFrom(from + 1, blocks);
    return {
      lost: { from, to: (after?.position ?? blocks) - 1 },
      firstEntry: before === undefined ? 0 : before.firstEntry + before.header.count,
      end: after?.firstEntry ?? entries,
    };
  }

  return {
    at,
    positionOf,
    async *from(position) {
      let before: HistoricBlock | undefined;
      for (let next = position; next < store.final(tag, key).blocks; ) {
        for (const found of await store.blocks(tag, key, next, readTogether)) {
          const block = found ?? (await patientlyAt(next));
          if (block === undefined || (before !== undefined && !followsOn(before, block))) {
            const lost = await endOfLost(next);
            yield lost;
            before = undefined;
            next = lost.lost.to + 1;
            break;
          }
          yield block;
          before = block;
          next++;
        }
      }
    },
    async holding(sequence) {
      if (sequence >= store.final(tag, key).entries) return undefined;
      const position = await positionOf(sequence);
      const block = await patientlyAt(position);
      if (block !== undefined && sequence >= block.firstEntry && sequence < block.firstEntry + block.header.count)
        return block;
      throw unreadable(key, sequence);
    },
  };
}

function unreadable(group: string, sequence: number): VertebraError {
  return new VertebraError(
    "history-damaged",
    `Entry ${sequence} of group ${group.slice(0, 16)} is final, and can't be read: the history in the store is damaged there`,
    "The other owners, where there are some, are asked for it: try again in a while.",
  );
}

/**
 * A group's final blocks as sagas look at them: those with entries from the sequence `from` on, and some before these. What is lost is
 * told as a block without entries: what follows from it nobody can know here.
 */
export async function* blocksOf(store: BlockReader, tag: string, group: Hash, from = 0): AsyncGenerator<PastBlock> {
  const history = historyOf(store, tag, group);
  const last = from === 0 ? 0 : await history.positionOf(from - 1);
  for await (const block of history.from(Math.max(0, last - storedBlocks))) {
    if ("lost" in block) {
      const last = block.end - 1;
      yield { group, issuer: new Uint8Array(32), firstEntry: last, entries: null, repeats: [], time: 0 };
      continue;
    }
    const { header, firstEntry, entries, repeats } = block;
    yield { group, issuer: header.issuer, firstEntry, entries, repeats, time: header.time };
  }
}

/** All of a group's final blocks. Throws `history-damaged` where one is lost: a story with a hole in it would be another story. */
export async function* wholeBlocksOf(store: BlockReader, tag: string, group: Hash): AsyncGenerator<PastBlock> {
  for await (const block of historyOf(store, tag, group).from(0)) {
    if ("lost" in block) throw unreadable(toHex(group), block.firstEntry);
    const { header, firstEntry, entries, repeats } = block;
    yield { group, issuer: header.issuer, firstEntry, entries, repeats, time: header.time };
  }
}

/** The group's blocks that are sealed, and not final here yet. */
export function sealedBlocks(
  crypto: Pick<Crypto, "sha256">,
  store: Pick<BlockReader, "startingWith">,
  tag: string,
  group: Hash,
): Block[] {
  return store.startingWith(blockKeys(tag, toHex(group))).map(([, stored]) => decodeBlock(crypto, stored));
}
