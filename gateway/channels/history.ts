import { decodeBlock } from "../../firmware/core/block/block";
import { decodeFinalRecord, finalKey } from "../../firmware/core/block/final-record";
import { blockKey } from "../../firmware/core/block/records";
import { storedBlocks } from "../../firmware/core/saga/limits";
import { toHex } from "../../firmware/core/wire/bytes";
import { decodeFinalityProof } from "../../firmware/core/wire/proofs";
import { decodeBlockHeader } from "../../firmware/core/wire/structures";
import type { Block, BlockHeader, Hash } from "../../firmware/core/wire/types";
import type { Crypto } from "../../firmware/ports";
import type { Store } from "../participant/store";
import type { PastBlock } from "../saga/past";

/** A final block as the store keeps it. */
export interface HistoricBlock {
  readonly position: number;
  /** Sequence of its first entry in the group. */
  readonly firstEntry: number;
  readonly header: BlockHeader;
  /** Encoded; null where only the header is known. */
  readonly entries: readonly Uint8Array[] | null;
  /** Indexes of entries that nobody is told of. */
  readonly repeats: readonly number[];
  /** An encoded FinalityProof. */
  readonly proof: Uint8Array;
}

/** A group's final blocks in the store of a participant in world `tag`. */
export interface History {
  /** From this position on, in order, as far as the store has them now. */
  from(position: number): AsyncIterable<HistoricBlock>;
  /** The block at this position, or undefined where none is final there. */
  at(position: number): Promise<HistoricBlock | undefined>;
  /** The block that holds the entry of this sequence, or undefined where it isn't final here. */
  holding(sequence: number): Promise<HistoricBlock | undefined>;
}

/** More than a group will ever have: 12 digits, as keys have. */
const lastPosition = 999_999_999_999;

export function historyOf(store: Pick<Store, "read" | "range">, tag: string, group: Hash): History {
  const keyAt = (position: number) => finalKey(tag, toHex(group), position);

  async function at(position: number): Promise<HistoricBlock | undefined> {
    const stored = await store.read(keyAt(position));
    return stored && readBlock(position, stored);
  }

  /** Doubles the position until it is beyond the sequence: then what is looked for lies below. */
  async function beyond(sequence: number): Promise<number> {
    let position = 1;
    for (;;) {
      const block = await at(position);
      if (block === undefined || block.firstEntry > sequence) return position;
      position *= 2;
    }
  }

  return {
    at,
    async *from(position) {
      let next = position;
      for await (const [, stored] of store.range(keyAt(position), keyAt(lastPosition))) yield readBlock(next++, stored);
    },
    async holding(sequence) {
      let low = 0;
      let high = await beyond(sequence);
      while (high - low > 1) {
        const middle = Math.floor((low + high) / 2);
        const block = await at(middle);
        if (block === undefined || block.firstEntry > sequence) high = middle;
        else low = middle;
      }
      const block = await at(low);
      return block && sequence < block.firstEntry + block.header.count ? block : undefined;
    },
  };
}

/** A group's final blocks as sagas look at them: those with entries from the sequence `from` on, and some before these. */
export async function* blocksOf(
  store: Pick<Store, "read" | "range">,
  tag: string,
  group: Hash,
  from = 0,
): AsyncGenerator<PastBlock> {
  const history = historyOf(store, tag, group);
  const last = from === 0 ? undefined : await history.holding(from - 1);
  const position = Math.max(0, (last?.position ?? 0) - storedBlocks);
  for await (const { header, firstEntry, entries, repeats } of history.from(position)) {
    yield { group, issuer: header.issuer, firstEntry, entries, repeats, time: header.time };
  }
}

/** The group's blocks that are sealed, and not final here yet. */
export async function* sealedBlocks(
  crypto: Pick<Crypto, "sha256">,
  store: Pick<Store, "range">,
  tag: string,
  group: Hash,
): AsyncGenerator<Block> {
  const prefix = blockKey(tag, toHex(group), "");
  for await (const [, stored] of store.range(prefix, `${prefix}~`)) yield decodeBlock(crypto, stored);
}

function readBlock(position: number, stored: Uint8Array): HistoricBlock {
  const { firstEntry, proof, entries, repeats } = decodeFinalRecord(stored);
  const header = decodeBlockHeader(decodeFinalityProof(proof).blockHeader);
  return { position, firstEntry, header, entries, repeats, proof };
}
