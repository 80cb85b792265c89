import type { Flash } from "../ports";
import type { Pass } from "./pass";

/**
 * Notes in the table what the writes say that lie in these bytes of the flash one after the other, as long as each is whole and counts
 * beyond doubt; returns how many bytes they take. What they say of records in parts is left in the pass, to be noted then. Of whatever
 * else lies there nothing is said: who reads the log (`mount`) takes it record by record. So it takes all of it here, and only C takes
 * any (`firmware/native/plain-writes`): a start consists of this.
 */
export function notePlainWrites(_pass: Pass, _flash: Flash, _address: number, _length: number): number {
  return 0;
}
