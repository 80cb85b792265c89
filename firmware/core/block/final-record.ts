import { decode, encode } from "../wire/cbor";
import { maxEntries } from "../wire/limits";
import { bytes, integer, list, nullable, tuple } from "../wire/shape";

/** A final block as it is stored: with its proof, so that whoever reads it can pass the proof on. */
export interface FinalRecord {
  /** Sequence of its first entry in the group. */
  readonly firstEntry: number;
  readonly count: number;
  /** An encoded FinalityProof. */
  readonly proof: Uint8Array;
  readonly entries: readonly Uint8Array[] | null;
  /** Indexes of entries whose ids were final before: nobody is told of them. */
  readonly repeats: readonly number[];
}

/** Keys sort by position, so a scan of them is the group's history. `world` and `group` are hex. */
export function finalKey(world: string, group: string, position: number): string {
  return `${finalKeys(world, group)}/${String(position).padStart(12, "0")}`;
}

/** What these keys of a group begin with, up to the position. */
export function finalKeys(world: string, group: string): string {
  return `final/${world}/${group}`;
}

export function encodeFinalRecord(record: FinalRecord): Uint8Array {
  return encode([record.firstEntry, record.count, record.proof, record.entries, record.repeats]);
}

/** Throws `structure-…` where the bytes are not a final record. */
export function decodeFinalRecord(stored: Uint8Array): FinalRecord {
  const limits = { depth: 4, items: 2 * maxEntries, length: 1 << 20 };
  const [firstEntry, count, proof, entries, repeats] = tuple("final record", decode(stored, limits), 5);
  return {
    firstEntry: integer("final record: first entry", firstEntry),
    count: integer("final record: count", count, 1),
    proof: bytes("final record: proof", proof),
    entries: nullable("final record: entries", entries, (where, value) =>
      list(where, value ?? null, maxEntries, bytes),
    ),
    repeats: list("final record: repeat", repeats, maxEntries, integer),
  };
}
