import type { Signer } from "../../ports";
import { decode, encode } from "../wire/cbor";
import { hash, type Sha256 } from "../wire/hash";
import { maxEntries, messageLimit } from "../wire/limits";
import { bytes, list, nullable, signature64, tuple } from "../wire/shape";
import { encodeBlockHeader, entriesHash, signedBlockHeader } from "../wire/structures";
import type { Block, Hash } from "../wire/types";

/** What a new block of `entries` says of itself. */
export interface BlockContents {
  readonly group: Hash;
  /** The issuer's last counter in the group plus 1: "never used twice, crash or not" (PROTOCOL 3). */
  readonly counter: number;
  readonly entries: readonly Uint8Array[];
  /** ms since 1970, 0 without a wall clock. */
  readonly time: number;
  readonly previous: Hash | null;
}

/** Moves entries into a new block, signed by its issuer. */
export function issueBlock(crypto: Sha256, signer: Signer, contents: BlockContents): Block {
  const { group, counter, entries, time, previous } = contents;
  const header = encodeBlockHeader({
    group,
    issuer: signer.publicKey,
    counter,
    count: entries.length,
    entriesHash: entriesHash(crypto, entries),
    time,
    previous,
  });
  const signature = signer.sign(hash(crypto, "block", header));
  return { header: signedBlockHeader(crypto, header, signature), entries };
}

/** A block as the store keeps it while it is not final: its exact bytes. */
export function encodeBlock(block: Block): Uint8Array {
  return encode([block.header.bytes, block.header.signature, block.entries]);
}

/** Throws `structure-…` where the bytes are not a stored block. */
export function decodeBlock(crypto: Sha256, stored: Uint8Array): Block {
  const limits = { depth: 3, items: 2 * maxEntries, length: 2 * messageLimit };
  const [header, signature, entries] = tuple("stored block", decode(stored, limits), 3);
  return {
    header: signedBlockHeader(
      crypto,
      bytes("stored block: header", header),
      signature64("stored block: signature", signature),
    ),
    entries: nullable("stored block: entries", entries, (where, value) =>
      list(where, value ?? null, maxEntries, bytes),
    ),
  };
}
