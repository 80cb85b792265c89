import { describe, expect, it } from "vitest";
import { VertebraError } from "../../firmware/core/errors";
import { encode } from "../../firmware/core/wire/cbor";
import { crc32c } from "../../firmware/core/wire/crc32c";
import { formatVersion } from "../../firmware/store/front";
import { type Journal, journalStats, openJournal, readRecord, writeRecords } from "../../firmware/store/journal";
import { noStrings, stringsOf } from "../../firmware/store/packed";
import { cheapCrypto } from "../core/cheap-crypto";
import { allRecords, noWear } from "./all-records";
import { createNor, type Nor } from "./nor";

const owner = new Uint8Array(32).fill(7);

function text(words: string): Uint8Array {
  return Uint8Array.from(words, (letter) => letter.charCodeAt(0));
}

function put(journal: Journal, pairs: Record<string, string>, deletes: string[] = []): void {
  writeRecords(journal, new Map(Object.entries(pairs).map(([key, value]) => [key, text(value)])), new Set(deletes));
}

function open(nor: Nor): Journal {
  return openJournal(nor.flash, owner, noWear);
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
  const nor = createNor(10, 512);
  const journal = open(nor);
  put(journal, { claim: "one", "w/t/lock/3": "a" });
  put(journal, { claim: "two" }, ["w/t/lock/3"]);
  put(journal, { "final/é/000000000012": "" });
  return { nor, journal };
}

describe("a journal", () => {
  it("of an erased flash is empty", () => {
    expect(allRecords(open(createNor(8, 4096))).size).toBe(0);
  });

  it("has what was written, and has it again when it is opened anew", () => {
    const { nor, journal } = small();
    const expected = new Map([
      ["claim", text("two")],
      ["final/é/000000000012", text("")],
    ]);
    expect(allRecords(journal)).toEqual(expected);
    expect(allRecords(open(nor))).toEqual(expected);
  });

  it("gives back every key as it was, those that look like numbers too", () => {
    const nor = createNor(8, 4096);
    const keys = [
      "a/0",
      "a/00",
      "a/7",
      "a/007",
      "a/4294967295",
      "a/4294967296",
      "a/000000000007",
      "a/1e3",
      "7",
      "a/",
      "a/b",
    ];
    put(open(nor), Object.fromEntries(keys.map((key) => [key, key])));
    expect(allRecords(open(nor))).toEqual(new Map([...keys].sort().map((key) => [key, text(key)])));
  });

  it("does the deletes of a write before its puts", () => {
    const { nor, journal } = small();
    put(journal, { claim: "three" }, ["claim"]);
    expect(readRecord(journal, "claim")).toEqual(text("three"));
    expect(readRecord(open(nor), "claim")).toEqual(text("three"));
  });

  it("keeps a value of its own when the writer uses the array again", () => {
    const { journal } = small();
    const value = text("mine");
    writeRecords(journal, new Map([["k", value]]), new Set());
    value.fill(0);
    expect(readRecord(journal, "k")).toEqual(text("mine"));
  });

  it("programs nothing for a write that says nothing", () => {
    const { nor, journal } = small();
    const before = nor.operations();
    put(journal, {}, ["never there"]);
    expect(nor.operations()).toBe(before);
  });

  it("frees sectors of what is dead, over and over, and loses nothing", () => {
    const { nor, journal } = small();
    for (let round = 0; round < 500; round++) put(journal, { claim: `round ${round}`, [`k/${round % 7}`]: `${round}` });
    expect(journalStats(journal).compactions).toBeGreaterThan(10);
    expect(journalStats(journal).records).toBeGreaterThan(9);
    expect(allRecords(journal).size).toBe(9);
    expect(allRecords(open(nor))).toEqual(allRecords(journal));
  });

  it("takes values that are larger than a sector, and writes that are", () => {
    const nor = createNor(24, 1024);
    const journal = open(nor);
    for (let round = 0; round < 30; round++) {
      put(journal, {
        large: `${round % 10}`.repeat(3000 + 17 * round),
        [`other/${round % 3}`]: "y".repeat(40 * round),
      });
      expect(readRecord(journal, "large")).toEqual(text(`${round % 10}`.repeat(3000 + 17 * round)));
    }
    put(journal, { large: "" }, ["other/1"]);
    expect([...allRecords(open(nor)).keys()]).toEqual(["large", "other/0", "other/2"]);
  });
});

describe("a full journal", () => {
  it("refuses a write before anything of it is programmed, with the remedy", () => {
    const { nor, journal } = small();
    const before = allRecords(journal);
    const operations = nor.operations();
    expect(codeOf(() => put(journal, { claim: "new", large: "x".repeat(4000) }))).toBe("store-full");
    expect(nor.operations()).toBe(operations);
    expect(allRecords(journal)).toEqual(before);
  });

  it("goes on with what fits, and takes what frees room always", () => {
    const { nor, journal } = small();
    let key = 0;
    while (codeOf(() => put(journal, { [`k/${key}`]: "x".repeat(30) })) === "nothing thrown") key++;
    expect(key).toBeGreaterThan(10);
    for (let round = 0; round < 200; round++) {
      put(journal, { [`k/${round % key}`]: "y".repeat(30) });
      put(journal, { [`k/${(round + 1) % key}`]: "z" }, [`k/${(round + 2) % key}`]);
      put(journal, { [`k/${(round + 1) % key}`]: "w".repeat(30), [`k/${(round + 2) % key}`]: "" });
    }
    const deletes = Array.from({ length: key }, (_, each) => `k/${each}`);
    put(journal, {}, deletes);
    expect(allRecords(open(nor)).size).toBe(2);
  });
});

/** In the fronts of all sectors that have one. */
function setVersion({ bytes, flash }: Nor, version: number): void {
  for (let at = 0; at < bytes.length; at += flash.sectorSize) {
    const front = bytes.subarray(at, at + 56);
    const view = new DataView(bytes.buffer, at);
    if (view.getUint32(0, true) === 0xffffffff) continue;
    view.setUint16(4, version, true);
    view.setUint32(52, crc32c(front.subarray(0, 52)), true);
  }
}

describe("a journal of a version that packed nothing", () => {
  it("is read, and goes on with values that are packed", () => {
    const nor = createNor(8, 512);
    const [issuer, group] = [new Uint8Array(32).fill(3), new Uint8Array(32).fill(4)];
    const former = encode([issuer, group, 1]);
    writeRecords(open(nor), new Map([["w/t/slot/g/1", former]]), new Set());
    setVersion(nor, 1);
    const packing = {
      crypto: cheapCrypto(),
      groups: new Map([["g", stringsOf([issuer, group])]]),
      always: noStrings(),
    };
    const again = () => openJournal(nor.flash, owner, noWear, packing);
    let journal = again();
    for (let round = 0; round < 200; round++)
      writeRecords(journal, new Map([["w/t/slot/g/2", encode([group, issuer, round])]]), new Set());
    journal = again();
    expect(readRecord(journal, "w/t/slot/g/1")).toEqual(former);
    expect(readRecord(journal, "w/t/slot/g/2")).toEqual(encode([group, issuer, 199]));
    expect(journalStats(journal).live).toBeLessThan(4 * former.length);
  });
});

describe("a journal that is not to be opened here", () => {
  const refusals = [
    [
      "of another participant",
      "store-foreign",
      (nor: Nor) => openJournal(nor.flash, new Uint8Array(32).fill(8), noWear),
    ],
    [
      "in a flash of another size",
      "store-size",
      (nor: Nor) => openJournal({ ...nor.flash, size: 9 * 512 }, owner, noWear),
    ],
    ["in a flash too small", "store-small", (nor: Nor) => openJournal({ ...nor.flash, size: 7 * 512 }, owner, noWear)],
  ] as const;
  for (const [which, code, act] of refusals) {
    it(`${which} is refused by name with a remedy, and left as it is`, () => {
      const { nor } = small();
      const before = Uint8Array.from(nor.bytes);
      expect(codeOf(() => act(nor))).toBe(code);
      expect(nor.bytes).toEqual(before);
    });
  }

  it("of a newer version is refused, and left as it is", () => {
    const { nor } = small();
    setVersion(nor, formatVersion + 1);
    const before = Uint8Array.from(nor.bytes);
    expect(codeOf(() => open(nor))).toBe("store-newer");
    expect(nor.bytes).toEqual(before);
  });

  it("since something else lies there, is told, and that is left as it is", () => {
    const nor = createNor(8, 1024);
    nor.bytes.set(text("a file system of someone"), 2048);
    const before = Uint8Array.from(nor.bytes);
    expect(codeOf(() => open(nor))).toBe("store-unknown");
    expect(nor.bytes).toEqual(before);
  });
});

describe("damage", () => {
  it("of any single bit that was programmed is told, or changes nothing: never a silent loss", () => {
    const { nor, journal } = small();
    for (let round = 0; round < 60; round++) put(journal, { claim: `round ${round}`, [`k/${round % 5}`]: `${round}` });
    const expected = allRecords(journal);
    let told = 0;
    let looked = 0;
    const copy = createNor(10, 512);
    for (let at = 0; at < nor.bytes.length; at++) {
      if (nor.bytes[at] === 0xff) continue;
      looked++;
      copy.bytes.set(nor.bytes);
      copy.restore();
      copy.bytes[at]! ^= 1 << (at % 8);
      const code = codeOf(() => expect(allRecords(open(copy))).toEqual(expected));
      if (code === "store-damaged") told++;
      else expect(`byte ${at}: ${code}`).toBe(`byte ${at}: nothing thrown`);
    }
    // All but commit words, which whoever follows vouches for, and sectors that are erased and not used yet.
    expect(told).toBeGreaterThan(looked * 0.6);
  });
});
