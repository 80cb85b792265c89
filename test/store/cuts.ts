import { type Journal, openJournal, writeRecords } from "../../firmware/store/journal";
import type { Packing } from "../../firmware/store/values";
import { allRecords, noWear } from "./all-records";
import { createNor, type Nor, type Part, PowerCut, parts } from "./nor";

/**
 * Every cut of a history: in each program and each erase of each write, in each of its torn variants, and in each of those a second cut in
 * every program and erase of the recovery. A case has an id, by which it alone is run again: history, write, operation, part and, of a
 * second cut, operation and part of the opening.
 */

const owner = new Uint8Array(32).fill(7);
export type State = ReadonlyMap<string, Uint8Array>;

export interface Write {
  readonly puts: ReadonlyMap<string, Uint8Array>;
  readonly deletes: ReadonlySet<string>;
}

export interface History {
  readonly sectors: number;
  readonly sectorSize: number;
  readonly writeSize: number;
  readonly writes: readonly Write[];
  /** The first write that is cut: those before it fill the flash, so that sectors are freed. */
  readonly cutFrom: number;
  /** Where its values are packed. */
  readonly packing?: Packing;
}

/** Values that grow, shrink and go, some in parts and some over more than a sector, in a flash that is freed again and again. */
export function scripted(writeSize: number): History {
  const writes = Array.from({ length: 44 }, (_, step) => ({
    puts: new Map([
      ["w/t/slot/g/1", new Uint8Array(20 + step).fill(step)],
      [`w/t/block/g/${step % 5}`, new Uint8Array((step * 29) % 90).fill(0xff)],
      ...(step % 11 === 5 ? ([["tip", new Uint8Array(step * 12).fill(step)]] as const) : []),
    ]),
    deletes: new Set(step % 4 === 3 ? [`w/t/block/g/${(step + 1) % 5}`, "tip"] : []),
  }));
  return { sectors: 10, sectorSize: 512, writeSize, writes, cutFrom: 30 };
}

/** A history that this number stands for. */
export function random(seed: number): History {
  const below = numbers(seed);
  const writes = Array.from({ length: 60 }, () => {
    const key = () => (below(3) === 0 ? `single ${below(3)}` : `w/${below(2)}/${below(12)}`);
    const value = () => new Uint8Array(below(6) === 0 ? below(300) : below(50)).fill(below(256));
    return {
      puts: new Map(Array.from({ length: below(4) }, () => [key(), value()] as const)),
      deletes: new Set(Array.from({ length: below(3) }, key)),
    };
  });
  const writeSize = [1, 4, 16][below(3)]!;
  return { sectors: 9 + below(4), sectorSize: 512, writeSize, writes, cutFrom: 54 };
}

function numbers(seed: number): (below: number) => number {
  let state = (seed * 7919) >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

export interface Cut {
  readonly operation: number;
  readonly part: Part;
}

/** Runs all cases of a history, or the one of an id. Returns how many there were; throws with the id of the first that fails. */
export function runCuts(name: string, history: History, second: readonly Part[], only?: string): number {
  let count = 0;
  forEachWrite(history, (bytes, index, before, after) => {
    for (const part of parts) {
      for (let operation = 0; ; operation++) {
        const id = `${name}/${index}/${operation}/${part}`;
        const left = cutWrite(history, bytes, index, { operation, part });
        if (left === undefined) break;
        if (only === undefined || only.startsWith(id)) {
          check(id, () => goesOn(history, left, [before, after]));
          count++;
          count += cutRecovery(id, history, left, [before, after], second, only);
        }
      }
    }
  });
  return count;
}

/** Does the writes of a history one after the other, and gives what the flash held and the records before and after each. */
function forEachWrite(
  history: History,
  act: (bytes: Uint8Array, index: number, before: State, after: State) => void,
): void {
  const nor = createNor(history.sectors, history.sectorSize, history.writeSize);
  const journal = journalOf(nor, history);
  let before: State = allRecords(journal);
  for (const [index, write] of history.writes.entries()) {
    const bytes = nor.bytes.slice();
    try {
      writeRecords(journal, write.puts, write.deletes);
    } catch (error) {
      if ((error as { code?: string }).code !== "store-full") throw error;
      continue;
    }
    const after = allRecords(journal);
    if (index >= history.cutFrom) act(bytes, index, before, after);
    before = after;
  }
}

function journalOf(nor: Nor, { packing }: Pick<History, "packing">): Journal {
  return openJournal(nor.flash, owner, noWear, packing ?? null);
}

function norOf({ sectors, sectorSize, writeSize }: History, bytes: Uint8Array): Nor {
  const nor = createNor(sectors, sectorSize, writeSize);
  nor.bytes.set(bytes);
  nor.restore();
  return nor;
}

/** What the flash holds when the power is cut in this operation of a write; undefined where it has fewer. */
function cutWrite(history: History, bytes: Uint8Array, index: number, cut: Cut): Uint8Array | undefined {
  const nor = norOf(history, bytes);
  const journal = journalOf(nor, history);
  nor.cutAt(nor.operations() + cut.operation, cut.part);
  const { puts, deletes } = history.writes[index]!;
  if (!untilCut(() => writeRecords(journal, puts, deletes))) return undefined;
  return nor.bytes.slice();
}

function cutRecovery(
  first: string,
  history: History,
  left: Uint8Array,
  allowed: readonly State[],
  second: readonly Part[],
  only: string | undefined,
): number {
  let count = 0;
  for (const part of second) {
    for (let operation = 0; ; operation++) {
      const nor = norOf(history, left);
      nor.cutAt(operation, part);
      if (!untilCut(() => journalOf(nor, history))) break;
      const id = `${first}/${operation}/${part}`;
      if (only !== undefined && only.split("/").length > 4 && only !== id) continue;
      check(id, () => goesOn(history, nor.bytes, allowed));
      count++;
    }
  }
  return count;
}

/** Opens what a cut left: it is one of what is allowed, the same when it is opened once more, and can be written to. */
function goesOn(history: History, left: Uint8Array, allowed: readonly State[]): void {
  const nor = norOf(history, left);
  const journal = journalOf(nor, history);
  const found = allRecords(journal);
  if (!allowed.some((state) => same(found, state)))
    throw new Error("what is found is neither before the write nor after it");
  writeRecords(journal, new Map([["one more", Uint8Array.of(1)]]), new Set(found.keys()));
  if (!same(allRecords(journalOf(nor, history)), new Map([["one more", Uint8Array.of(1)]])))
    throw new Error("it does not go on");
}

function check(id: string, act: () => void): void {
  try {
    act();
  } catch (error) {
    throw new Error(`${(error as Error).message} (npm run cuts -- "${id}")`);
  }
}

export function untilCut(act: () => void): boolean {
  try {
    act();
    return false;
  } catch (error) {
    if (error instanceof PowerCut) return true;
    throw error;
  }
}

export function same(one: State, other: State): boolean {
  if (one.size !== other.size) return false;
  for (const [name, value] of one) {
    const others = other.get(name);
    if (others === undefined || others.length !== value.length || others.some((byte, at) => byte !== value[at]))
      return false;
  }
  return true;
}
