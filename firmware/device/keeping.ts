import { decodeFinalRecord } from "../core/block/final-record";
import { isReadAlone } from "../core/block/records";
import { indexPacts, pactChain } from "../core/chain/group";
import type { WorldProvision } from "../core/identity/provision";
import { syncGroupId } from "../core/pact/pact";
import type { ToldFinal } from "../core/saga/conductor";
import { maxSnapshotBytes } from "../core/saga/limits";
import { toHex } from "../core/wire/bytes";
import type { Sha256 } from "../core/wire/hash";
import { merkleRoot } from "../core/wire/merkle";
import { decodeFinalityProof } from "../core/wire/proofs";
import { decodeBlockHeader, decodeSyncGroup } from "../core/wire/structures";
import { type Journal, journalStats, readRecord, recordKeys, recordLength } from "../store/journal";
import { type Strings, stringsOf } from "../store/packed";
import type { Packing } from "../store/values";

/** How a board divides the room of its journal: what its participant keeps, and what else a board does. */
export interface Shares {
  /** Bytes for the records of the participant. */
  readonly participant: number;
  /** Bytes for what is known of sagas, a snapshot and their waits, for a start after this one. */
  readonly sagas: number;
}

/** Of what is quarantined, whether the actuators are stopped, and which behavior runs, at most. */
const boardBytes = 16 * 1024;

/** Of a small flash the board has a quarter at most. */
export function sharesOf(journal: Journal): Shares {
  const { room } = journalStats(journal);
  const ofBoard = Math.min(boardBytes + 2 * maxSnapshotBytes, Math.floor(room / 4));
  return { participant: room - ofBoard, sagas: Math.max(0, ofBoard - boardBytes) };
}

/** The keys of the records that are read alone, with the lengths of their values, in the order of the keys. */
export function readAloneIn(journal: Journal): [string, number][] {
  const keys = [...recordKeys(journal)].filter(isReadAlone).sort();
  return keys.map((key): [string, number] => [key, recordLength(journal, key)!]);
}

/** All others, one after the other: what a participant begins with. */
export function* promisesOf(journal: Journal): Generator<[string, Uint8Array]> {
  const keys = [...recordKeys(journal)].filter((key) => !isReadAlone(key)).sort(byNumber);
  for (const key of keys) yield [key, readRecord(journal, key)!];
}

/** A final record as sagas look at it. */
export function finalBlock(record: Uint8Array): ToldFinal["block"] {
  const { firstEntry, entries, repeats, proof } = decodeFinalRecord(record);
  const { group, issuer } = decodeBlockHeader(decodeFinalityProof(proof).blockHeader);
  return { group, issuer, firstEntry, entries, repeats };
}

/** What differs in its last number alone goes by that. */
function byNumber(one: string, other: string): number {
  if (one.length !== other.length) return one.length - other.length;
  return one < other ? -1 : 1;
}

/** What need not be written into the flash, since it is known of each group by its id: its definition, its pacts and its owners. */
export function packingFor(crypto: Sha256, { groups, pacts }: Pick<WorldProvision, "groups" | "pacts">): Packing {
  const packing = { crypto, groups: new Map<string, Strings>(), always: stringsOf([merkleRoot(crypto, [])]) };
  for (const group of groups) packWith(packing, group, pacts);
  return packing;
}

/** From now on: what is written of this group leaves out what is known of it. */
export function packWith({ crypto, groups }: Packing, group: Uint8Array, pacts: readonly Uint8Array[]): void {
  const id = syncGroupId(crypto, group);
  const { pact, owners } = decodeSyncGroup(group);
  const known = pactChain(pact, indexPacts(crypto, pacts));
  groups.set(toHex(id), stringsOf([merkleRoot(crypto, []), id, group, ...known, ...owners]));
}
