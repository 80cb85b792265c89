import { describe, expect, it } from "vitest";
import { VertebraError } from "../../firmware/core/errors";
import { type Journal, openJournal } from "../../firmware/store/journal";
import { createNor, type Nor } from "./nor";

const owner = new Uint8Array(32).fill(7);
const none: ReadonlySet<string> = new Set();

function text(words: string): Uint8Array {
  return Uint8Array.from(words, (letter) => letter.charCodeAt(0));
}

function put(journal: Journal, pairs: Record<string, string>, deletes: string[] = []): void {
  journal.write(new Map(Object.entries(pairs).map(([key, value]) => [key, text(value)])), new Set(deletes));
}

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return error instanceof VertebraError ? error.code : String(error);
  }
  return "nothing thrown";
}

/** A journal in a flash of its own with three records of history. */
function small(): { nor: Nor; journal: Journal } {
  const nor = createNor(4, 1024);
  const journal = openJournal(nor.flash, owner);
  put(journal, { claim: "one", lock: "a" });
  put(journal, { claim: "two" }, ["lock"]);
  put(journal, { "final/é": "" });
  return { nor, journal };
}

describe("a journal", () => {
  it("of an erased flash is empty", () => {
    expect(openJournal(createNor(4, 1024).flash, owner).records.size).toBe(0);
  });

  it("has what was written, and has it again when it is opened anew", () => {
    const { nor, journal } = small();
    const expected = new Map([
      ["claim", text("two")],
      ["final/é", text("")],
    ]);
    expect(journal.records).toEqual(expected);
    expect(openJournal(nor.flash, owner).records).toEqual(expected);
  });

  it("does the deletes of a batch before its puts", () => {
    const { nor, journal } = small();
    put(journal, { claim: "three" }, ["claim"]);
    expect(journal.records.get("claim")).toEqual(text("three"));
    expect(openJournal(nor.flash, owner).records.get("claim")).toEqual(text("three"));
  });

  it("keeps a value of its own when the writer uses the array again", () => {
    const { journal } = small();
    const value = text("mine");
    journal.write(new Map([["k", value]]), none);
    value.fill(0);
    expect(journal.records.get("k")).toEqual(text("mine"));
  });

  it("writes nothing for an empty batch", () => {
    const { nor, journal } = small();
    const before = nor.operations();
    journal.write(new Map(), none);
    expect(nor.operations()).toBe(before);
  });

  it("moves what is live to the other bank when one is full, and loses nothing", () => {
    const { nor, journal } = small();
    for (let round = 0; round < 500; round++) put(journal, { claim: `round ${round}`, [`k${round % 7}`]: `${round}` });
    expect(journal.stats().compactions).toBeGreaterThan(10);
    expect(journal.records.size).toBe(9);
    expect(openJournal(nor.flash, owner).records).toEqual(journal.records);
  });

  it("takes a batch that is larger than what a compaction puts in one record", () => {
    const nor = createNor(16, 4096);
    const journal = openJournal(nor.flash, owner);
    put(journal, { large: "x".repeat(10_000), b: "b", c: "c" });
    for (let round = 0; round < 8; round++) put(journal, { other: `${round}`.repeat(5000) });
    expect(journal.stats().compactions).toBeGreaterThan(0);
    expect(openJournal(nor.flash, owner).records).toEqual(journal.records);
  });

  it("tells how much is written and live", () => {
    const { journal } = small();
    const { bankSize, written, live, compactions, writes } = journal.stats();
    expect([bankSize, compactions, writes]).toEqual([2048, 0, 3]);
    expect(written > 60 && written < 400 && live < written).toBe(true);
  });
});

describe("a full journal", () => {
  it("refuses a batch before anything of it is written, with the remedy", () => {
    const { nor, journal } = small();
    const before = new Map(journal.records);
    const operations = nor.operations();
    expect(codeOf(() => put(journal, { claim: "new", large: "x".repeat(2000) }))).toBe("store-full");
    expect(nor.operations()).toBe(operations);
    expect(journal.records).toEqual(before);
  });

  it("goes on with what fits, and takes deletes always", () => {
    const { nor, journal } = small();
    let key = 0;
    while (codeOf(() => put(journal, { [`k${key}`]: "x".repeat(100) })) === "nothing thrown") key++;
    expect(key).toBeGreaterThan(10);
    put(journal, {}, ["k0", "k1"]);
    put(journal, { k0: "y".repeat(100) });
    expect(journal.records.get("k0")).toEqual(text("y".repeat(100)));
    expect(openJournal(nor.flash, owner).records).toEqual(journal.records);
  });
});

describe("the journal of another participant", () => {
  it("is refused by name with a remedy, and left as it is", () => {
    const { nor } = small();
    const before = Uint8Array.from(nor.bytes);
    let error: unknown;
    try {
      openJournal(nor.flash, new Uint8Array(32).fill(8));
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ code: "store-foreign" });
    expect((error as VertebraError).message).toContain(
      `belongs to another participant: to ${"07".repeat(32)}, not to ${"08".repeat(32)}`,
    );
    expect(nor.bytes).toEqual(before);
  });
});

describe("damage", () => {
  it("of any single bit that was written is told, or changes nothing: never a silent loss", () => {
    const { nor, journal } = small();
    const expected = new Map(journal.records);
    const end = journal.stats().written;
    let told = 0;
    for (let at = 0; at < end; at++) {
      for (let bit = 1; bit < 256; bit <<= 1) {
        const copy = createNor(4, 1024);
        copy.bytes.set(nor.bytes);
        copy.bytes[at]! ^= bit;
        const code = codeOf(() => expect(openJournal(copy.flash, owner).records).toEqual(expected));
        if (code === "store-damaged") told++;
        else expect(`byte ${at}, bit ${bit}: ${code}`).toBe(`byte ${at}, bit ${bit}: nothing thrown`);
      }
    }
    // All but commit words and padding, of which the rest is as good without.
    expect(told).toBeGreaterThan(end * 8 * 0.7);
  });

  it("of a commit word in the middle is told", () => {
    const { nor, journal } = small();
    const first = 60;
    const size = 16 + new DataView(nor.bytes.buffer).getUint32(first, true) + 4;
    nor.bytes.fill(0xff, first + ((size + 3) & ~3) - 4, first + ((size + 3) & ~3));
    expect(codeOf(() => openJournal(nor.flash, owner))).toBe("store-damaged");
    expect(journal.records.size).toBe(2);
  });

  it("of the record of a bank is told: a journal never goes back to the bank that it left", () => {
    const { nor, journal } = small();
    for (let round = 0; journal.stats().compactions < 3; round++) put(journal, { claim: `round ${round}` });
    nor.bytes[2048 + 20] = 0;
    expect(codeOf(() => openJournal(nor.flash, owner))).toBe("store-damaged");
  });

  it("behind the last record is swept away by a move to the other bank", () => {
    const { nor, journal } = small();
    nor.bytes[journal.stats().written + 40] = 0;
    const again = openJournal(nor.flash, owner);
    expect(again.records).toEqual(journal.records);
    expect(again.stats().compactions).toBe(1);
    put(again, { more: "yes" });
    expect(openJournal(nor.flash, owner).records).toEqual(again.records);
  });

  it("of a flash that holds something else is told, and left as it is", () => {
    const nor = createNor(4, 1024);
    nor.bytes.set(text("a file system of someone"), 2048);
    const before = Uint8Array.from(nor.bytes);
    expect(codeOf(() => openJournal(nor.flash, owner))).toBe("store-damaged");
    expect(nor.bytes).toEqual(before);
  });
});
