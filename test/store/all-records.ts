import { type Journal, readRecord, recordKeys } from "../../firmware/store/journal";
import { recordKeys as keysOfPacked, type Records, readRecord as readPacked } from "../../firmware/store/records";

/** Every record of a journal, or of what is kept in one, in the order of the keys. */
export function allRecords(of: Journal | Records): Map<string, Uint8Array> {
  if ("journal" in of) return new Map([...keysOfPacked(of)].sort().map((key) => [key, readPacked(of, key)!]));
  return new Map([...recordKeys(of)].sort().map((key) => [key, readRecord(of, key)!]));
}

/** For a flash that does not wear. */
export function noWear(error: Error): never {
  throw error;
}
