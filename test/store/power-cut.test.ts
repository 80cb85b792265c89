import { describe, expect, it } from "vitest";
import { type Journal, openJournal } from "../../firmware/store/journal";
import { deepEqual } from "../xs/expect";
import { createNor, type Nor, type Part, PowerCut, parts } from "./nor";

const owner = new Uint8Array(32).fill(7);
type State = ReadonlyMap<string, Uint8Array>;

interface Step {
  readonly puts: ReadonlyMap<string, Uint8Array>;
  readonly deletes: ReadonlySet<string>;
}

/** Steps that fill banks of two small sectors and compact them, with values that grow, shrink and go. */
const steps: readonly Step[] = Array.from({ length: 30 }, (_, step) => ({
  puts: new Map([
    ["claim", new Uint8Array(20 + step).fill(step)],
    [`block ${step % 3}`, new Uint8Array((step * 13) % 40).fill(0xff)],
  ]),
  deletes: new Set(step % 4 === 3 ? [`block ${(step + 1) % 3}`] : []),
}));

function flash(): Nor {
  return createNor(4, 256);
}

/** Opens and does all steps; returns the states before and after each, the first one that of the opened journal. */
function work(nor: Nor, todo: readonly Step[], states: State[]): Journal {
  const journal = openJournal(nor.flash, owner);
  states.push(new Map(journal.records));
  for (const { puts, deletes } of todo) {
    journal.write(puts, deletes);
    states.push(new Map(journal.records));
  }
  return journal;
}

/** What `act` did until the power was cut, or undefined where it was not. */
function untilCut(act: () => void): boolean {
  try {
    act();
    return false;
  } catch (error) {
    if (error instanceof PowerCut) return true;
    throw error;
  }
}

/** Cuts the power in one operation of the work, and checks what is found after it: the state before the step, or after it. */
function cutOnce(operation: number, part: Part, after: (nor: Nor, allowed: readonly State[]) => void): boolean {
  const nor = flash();
  const states: State[] = [];
  nor.cutAt(operation, part);
  const cut = untilCut(() => work(nor, steps, states));
  nor.restore();
  if (!cut) return false;
  const before = states.at(-1) ?? new Map();
  const step = steps[states.length - 1];
  const whole = new Map(before);
  if (step && states.length > 0) {
    for (const key of step.deletes) whole.delete(key);
    for (const [key, value] of step.puts) whole.set(key, value);
  }
  after(nor, [before, whole]);
  return true;
}

function isOneOf(records: State, allowed: readonly State[]): boolean {
  return allowed.some((state) => deepEqual(records, state));
}

describe("after a power cut in any program or erase, at any of its parts", () => {
  for (const part of parts) {
    it(`(${part} of it done) the journal is as before the batch or as after it, and goes on`, () => {
      let operation = 0;
      while (
        cutOnce(operation, part, (nor, allowed) => {
          const found = openJournal(nor.flash, owner);
          expect(`operation ${operation}: ${isOneOf(found.records, allowed)}`).toBe(`operation ${operation}: true`);
          for (const { puts, deletes } of steps) found.write(puts, deletes);
          expect(deepEqual(openJournal(nor.flash, owner).records, found.records)).toBe(true);
        })
      ) {
        operation++;
      }
      // The work compacts several times: a plan of cuts that never met one has tested nothing.
      expect(operation).toBeGreaterThan(50);
    });
  }

  it("what is found once is found again, also when the power is cut again in any operation of the recovery", () => {
    let recoveries = 0;
    for (const first of parts) {
      for (let operation = 0; ; operation++) {
        const more = cutOnce(operation, first, (nor, allowed) => {
          for (const second of parts) recoveries += cutInRecovery(nor, second, allowed);
        });
        if (!more) break;
      }
    }
    expect(recoveries).toBeGreaterThan(200);
  });
});

describe("a write that finds its bank full, and so begins a move to the other", () => {
  it("is there when the journal is opened again after it, as after any other", () => {
    const nor = flash();
    const journal = openJournal(nor.flash, owner);
    let moves = 0;
    for (const [index, { puts, deletes }] of [...steps, ...steps].entries()) {
      const before = journal.stats().compactions;
      // Something that no later write says again.
      journal.write(new Map([...puts, [`only ${index % 7}`, Uint8Array.of(index)]]), deletes);
      moves += journal.stats().compactions - before;
      expect(deepEqual(openJournal(copyOf(nor).flash, owner).records, journal.records)).toBe(true);
      expect(journal.records.get(`only ${index % 7}`)).toEqual(Uint8Array.of(index));
    }
    expect(moves).toBeGreaterThan(10);
  });

  it("is there or not, and all before it is, where the power is cut in any operation of the move, and again in any of what follows", () => {
    // The write that moves: the first whose compaction count rises.
    const nor = flash();
    const states: State[] = [];
    const journal = openJournal(nor.flash, owner);
    let at = 0;
    for (; journal.stats().compactions === 0; at++) {
      states.push(new Map(journal.records));
      journal.write(steps[at]!.puts, steps[at]!.deletes);
    }
    const allowed = [states.at(-1)!, new Map(journal.records)];
    let found = 0;
    let whole = 0;
    for (const part of parts) {
      for (let operation = 0; ; operation++) {
        const again = flash();
        const before = openJournal(again.flash, owner);
        for (const { puts, deletes } of steps.slice(0, at - 1)) before.write(puts, deletes);
        again.cutAt(again.operations() + operation, part);
        const { puts, deletes } = steps[at - 1]!;
        if (!untilCut(() => before.write(puts, deletes))) break;
        again.restore();
        for (const second of parts) found += cutInRecovery(again, second, allowed);
        const { records } = openJournal(again.flash, owner);
        expect(isOneOf(records, allowed)).toBe(true);
        if (deepEqual(records, allowed[1])) whole++;
      }
    }
    expect(found).toBeGreaterThan(100);
    // Cut late enough, it is there.
    expect(whole).toBeGreaterThan(3);
  });
});

describe("a power cut in the last word of a record", () => {
  it("leaves a record that counts, and opening it completes the word, so that it counts for ever", () => {
    const whole = flash();
    work(whole, steps.slice(0, 1), []);
    const end = openJournal(whole.flash, owner).stats().written;
    const nor = flash();
    nor.cutAt(whole.operations() - 2, "half");
    expect(untilCut(() => work(nor, steps.slice(0, 1), []))).toBe(true);
    nor.restore();
    expect(deepEqual(nor.bytes.slice(0, end), whole.bytes.slice(0, end))).toBe(false);
    expect(openJournal(nor.flash, owner).records.size).toBe(2);
    expect(deepEqual(nor.bytes.slice(0, end), whole.bytes.slice(0, end))).toBe(true);
  });
});

describe("a power cut before the older bank was retired", () => {
  it("does not let the journal go back to it later, when the newer is damaged", () => {
    let met = 0;
    for (let operation = 0; cutOnce(operation, "nothing", damageNewer); operation++);
    function damageNewer(nor: Nor): void {
      const bank = openJournal(nor.flash, owner).stats().compactions % 2;
      if (openJournal(nor.flash, owner).stats().compactions === 0) return;
      met++;
      nor.bytes[bank * 512 + 20] = 0;
      expect(() => openJournal(nor.flash, owner)).toThrow("damaged");
    }
    expect(met).toBeGreaterThan(20);
  });
});

function copyOf(left: Nor): Nor {
  const nor = flash();
  nor.bytes.set(left.bytes);
  nor.restore();
  return nor;
}

/** Cuts the power in each operation of an opening in turn; returns how many there were. */
function cutInRecovery(left: Nor, part: Part, allowed: readonly State[]): number {
  for (let operation = 0; ; operation++) {
    const nor = copyOf(left);
    nor.cutAt(operation, part);
    if (!untilCut(() => openJournal(nor.flash, owner))) return operation;
    nor.restore();
    const found = openJournal(nor.flash, owner).records;
    expect(isOneOf(found, allowed)).toBe(true);
    expect(deepEqual(openJournal(nor.flash, owner).records, found)).toBe(true);
  }
}

describe("a journal whose flash failed in a write", () => {
  it("is not used again, since nobody knows what the flash holds", () => {
    const nor = flash();
    const journal = openJournal(nor.flash, owner);
    nor.cutAt(nor.operations(), "half");
    const batch = steps[0]!;
    expect(() => journal.write(batch.puts, batch.deletes)).toThrow(PowerCut);
    nor.restore();
    expect(() => journal.write(batch.puts, batch.deletes)).toThrow("opened anew");
    expect(journal.records.size).toBe(0);
  });
});
