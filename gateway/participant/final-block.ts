import { decodeFinalRecord } from "../../firmware/core/block/final-record";
import { verifiedReference, verifyFinalityProof } from "../../firmware/core/chain/proof";
import { readable, VertebraError } from "../../firmware/core/errors";
import { syncGroupId } from "../../firmware/core/pact/pact";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import { decodeFinalityProof } from "../../firmware/core/wire/proofs";
import { entriesHash, signedBlockHeader, signedMetablockHeader } from "../../firmware/core/wire/structures";
import type { BlockHeader, Hash } from "../../firmware/core/wire/types";
import type { Crypto } from "../../firmware/ports";
import type { HistoryRecord } from "./final-history";

/** A final block as the store keeps it. */
export interface HistoricBlock {
  readonly position: number;
  /** Sequence of its first entry in the group. */
  readonly firstEntry: number;
  readonly block: Hash;
  readonly header: BlockHeader;
  /** Encoded; null where only the header is known. */
  readonly entries: readonly Uint8Array[] | null;
  /** Indexes of entries that nobody is told of. */
  readonly repeats: readonly number[];
  /** An encoded FinalityProof. */
  readonly proof: Uint8Array;
}

type Verifier = Pick<Crypto, "sha256" | "verify">;

/**
 * Reads a final record of `group` (in hex) and holds it against itself: the entries against the header's hash, the header against its
 * reference in the certified metablock, and all against the place where it was found. Undefined where one of them does not hold. Of a
 * record without a check of its own (`checked`) the signatures are verified, too: those no hash covers.
 */
export function readFinalBlock(
  crypto: Verifier,
  group: string,
  position: number,
  { value, checked }: HistoryRecord,
): HistoricBlock | undefined {
  return readable(() => {
    const block = readBlock(crypto, group, position, value);
    if (!checked) verifyFinalityProof(crypto, decodeFinalityProof(block.proof));
    return block;
  });
}

/** Whether `block` is the one that comes after `before`: the chain of a group has no gap. */
export function followsOn(before: HistoricBlock, block: HistoricBlock): boolean {
  const { previous } = block.header;
  if (block.position !== before.position + 1 || block.firstEntry !== before.firstEntry + before.header.count)
    return false;
  return previous === null || equal(previous, before.block);
}

function readBlock(crypto: Verifier, group: string, position: number, value: Uint8Array): HistoricBlock {
  const { firstEntry, count, proof, entries, repeats } = decodeFinalRecord(value);
  const { group: definition, blockHeader, blockSignature, chain } = decodeFinalityProof(proof);
  const { id, value: header } = signedBlockHeader(crypto, blockHeader, blockSignature);
  must(toHex(syncGroupId(crypto, definition)) === group && toHex(header.group) === group);
  must(header.count === count && repeats.every((index) => index < count));
  if (entries !== null) must(entries.length === count && equal(entriesHash(crypto, entries), header.entriesHash));
  if (chain === null) must(header.counter === position + 1);
  else {
    const certified = signedMetablockHeader(crypto, chain.certified.bytes, chain.certified.signature);
    const reference = verifiedReference(crypto, certified.value, chain.reference);
    must(equal(reference.block, id) && equal(reference.group, header.group));
    must(reference.position === position && reference.firstEntry === firstEntry && reference.count === count);
  }
  return { position, firstEntry, block: id, header, entries, repeats, proof };
}

function must(holds: boolean): void {
  if (!holds)
    throw new VertebraError("record-altered", "A final record is not as it was written", "Ask another owner.");
}
