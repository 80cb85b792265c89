import { type Journal, readRecord, recordKeys } from "../../firmware/store/journal";

/** Every record of a journal, in the order of the keys. */
export function allRecords(journal: Journal): Map<string, Uint8Array> {
  return new Map([...recordKeys(journal)].sort().map((key) => [key, readRecord(journal, key)!]));
}

/** For a flash that does not wear. */
export function noWear(error: Error): never {
  throw error;
}
