import { find } from "../core/wire/bulk";
import type { Log } from "./log";
import { lowOf, type Names, nameIn, numberOf, textOf } from "./names";
import { lenderOf } from "./packed";
import { blocksBeside, finalBeside, isFinal, isTip, tipBeside } from "./participant-keys";
import { beginningOf, readValue } from "./places";
import { addressOf, createTable, keysIn, setAddress, type Table } from "./table";
import { fromStore, type Lender, type Packing } from "./values";

/**
 * Who lends to whom (docs/flash-format.md, “Packed values”). What is final names the strings of its block's record, which for that long stays in
 * the flash though it was deleted; the tip those of a final record that was written with it, and it is written whole when that one goes.
 */

/**
 * Records that survive a power cut at any moment (PROTOCOL 11), by names like `w/…/slot/…/7`. In the flash and in RAM a key is two small
 * numbers (`names`). Values are read from the flash when they are wanted.
 */
export interface Journal {
  readonly log: Log;
  readonly names: Names;
  /** How values lie in the flash; null where they lie as they were given. */
  readonly packing: Packing | null;
  /** Records that were deleted and lend: of each the number at the end of the key of what borrows, a final record of its group. */
  readonly lent: Table;
}

type Puts = ReadonlyMap<string, Uint8Array>;
type Fresh = ReadonlyMap<string, number>;

/** The value of a record by its key as a number, as it was given; undefined where there is none. */
export function givenValue(journal: Journal, number: number): Uint8Array | undefined {
  const stored = readValue(journal.log, number);
  if (stored === undefined) return undefined;
  return fromStore(journal.packing, textOf(journal.names, number) ?? "", stored, (lender) =>
    givenValue(journal, lender),
  );
}

/** What a log says of itself: read once, when it is opened. */
export function lentIn(log: Log, names: Names): Table {
  const lent = createTable();
  for (const number of keysIn(log.table)) {
    if (!isFinal(nameIn(names, number) ?? "")) continue;
    const lender = lenderOf(beginningOf(log, number)!);
    if (lender !== undefined) setAddress(lent, lender, lowOf(number));
  }
  return lent;
}

/**
 * The record from which a value that is put borrows: of those that the same write deletes or puts, one that it has the header of, and that lends
 * to none yet of those `taken`.
 */
export function lenderFor(
  journal: Journal,
  key: string,
  value: Uint8Array,
  puts: Puts,
  deletes: ReadonlySet<string>,
  fresh: Fresh,
  taken: ReadonlyMap<number, number>,
): Lender | undefined {
  if (journal.packing === null) return undefined;
  if (isFinal(key)) return blockOf(journal, key, value, puts, deletes, taken);
  if (!isTip(key)) return undefined;
  for (const [other, final] of puts)
    if (isFinal(other) && tipBeside(other) === key && holdsHeader(final, value))
      return { key: numberOf(journal.names, other, fresh)!, value: final };
  return undefined;
}

/** The record of the block that is final now. */
function blockOf(
  journal: Journal,
  key: string,
  final: Uint8Array,
  puts: Puts,
  deletes: ReadonlySet<string>,
  taken: ReadonlyMap<number, number>,
): Lender | undefined {
  const keys = blocksBeside(key);
  for (const each of deletes) {
    if (!each.startsWith(keys) || puts.has(each)) continue;
    const number = numberOf(journal.names, each);
    const isFree = number !== undefined && !isLent(journal, number) && !taken.has(number);
    const block = isFree ? givenValue(journal, number) : undefined;
    if (block !== undefined && holdsHeader(final, block)) return { key: number!, value: block };
  }
  return undefined;
}

/** So much of a header that no other begins so: it has its issuer in it, and a counter or what it follows on. */
const told = 96;

/** Whether the header that a record begins with stands in another. */
function holdsHeader(other: Uint8Array, record: Uint8Array): boolean {
  return record.length > told && find(other, record.subarray(1, 1 + told), 0) >= 0;
}

export function isLent({ lent }: Journal, number: number): boolean {
  return addressOf(lent, number) !== undefined;
}

/**
 * What is to be written whole together with these, since what it borrows from goes or changes: its key and its value as it was given. A tip
 * whose final record goes; a final record in the place of whose block, deleted long ago, another is put, as numbers of blocks begin anew with a start.
 */
export function borrowersLeft(journal: Journal, puts: Puts, deletes: ReadonlySet<string>): Map<string, Uint8Array> {
  const left = new Map<string, Uint8Array>();
  if (journal.packing === null) return left;
  // What is deleted and lends already stays where it is.
  for (const key of deletes) if (isFinal(key)) leave(journal, borrowerOf(journal, key), puts, deletes, left);
  for (const key of puts.keys()) leave(journal, borrowerOf(journal, key), puts, deletes, left);
  return left;
}

function leave(
  journal: Journal,
  borrower: string | undefined,
  puts: Puts,
  deletes: ReadonlySet<string>,
  left: Map<string, Uint8Array>,
): void {
  if (borrower === undefined || puts.has(borrower) || deletes.has(borrower)) return;
  left.set(borrower, givenValue(journal, numberOf(journal.names, borrower)!)!);
}

/** The key of the record that borrows from this one and would be left behind; undefined where there is none. */
function borrowerOf(journal: Journal, key: string): string | undefined {
  if (isFinal(key)) {
    const tip = tipBeside(key);
    const number = numberOf(journal.names, tip);
    const stored = number === undefined ? undefined : beginningOf(journal.log, number);
    const lender = stored === undefined ? undefined : lenderOf(stored);
    return lender !== undefined && lender === numberOf(journal.names, key) ? tip : undefined;
  }
  const number = numberOf(journal.names, key);
  const position = number === undefined ? undefined : addressOf(journal.lent, number);
  return position === undefined ? undefined : finalBeside(key, position);
}
