import { describe, expect, it } from "vitest";
import { crc32c } from "../../firmware/core/wire/crc32c";
import { formatVersion, readFront } from "../../firmware/store/front";
import { openJournal, writeRecords as writePlain } from "../../firmware/store/journal";
import { numberOf } from "../../firmware/store/names";
import { packedHead, unpack } from "../../firmware/store/packed";
import { pack } from "../../firmware/store/packing";
import { openRecords, readRecord, recordKeys } from "../../firmware/store/records";
import { fromTemplate, likeHead, likeTemplate } from "../../firmware/store/template";
import { writeRecords } from "../../firmware/store/writing";
import { cheapCrypto } from "../core/cheap-crypto";
import { allRecords, noWear } from "./all-records";
import { applied, boardWrites, type Write } from "./board-writes";
import { same, untilCut } from "./cuts";
import { createNor, type Nor, parts } from "./nor";

const owner = new Uint8Array(32).fill(7);
const crypto = cheapCrypto();
const open = (nor: Nor) => openRecords(nor.flash, owner, noWear, crypto);

function nor(bytes?: Uint8Array): Nor {
  const made = createNor(24, 1024);
  if (bytes !== undefined) {
    made.bytes.set(bytes);
    made.restore();
  }
  return made;
}

/** A flash as the version before left it, which wrote each record whole: byte for byte, since only the number of the version differs. */
function ofVersion1(writes: readonly Write[]): {
  readonly bytes: Uint8Array;
  readonly records: Map<string, Uint8Array>;
} {
  const made = nor();
  const journal = openJournal(made.flash, owner, noWear);
  let records = new Map<string, Uint8Array>();
  for (const write of writes) {
    writePlain(journal, write.puts, write.deletes);
    records = applied(records, write);
  }
  for (let sector = 0; sector < 24; sector++) {
    if (typeof readFront(made.flash, sector).prepared === "string") continue;
    const view = new DataView(made.bytes.buffer, 1024 * sector);
    view.setUint16(4, 1, true);
    view.setUint32(52, crc32c(made.bytes.subarray(1024 * sector, 1024 * sector + 52)), true);
  }
  return { bytes: made.bytes, records };
}

function versionsIn(made: Nor): number[] {
  const fronts = Array.from({ length: 24 }, (_, sector) => readFront(made.flash, sector).prepared);
  return fronts.flatMap((prepared) => (typeof prepared === "string" ? [] : prepared.version));
}

describe("a store of the version before, in which each record stands whole", () => {
  const writes = boardWrites("gateway", 12, 16);

  it("is read, goes on with what is written now, and says that it is of this version before anything else is written", () => {
    const { bytes, records } = ofVersion1(writes.slice(0, 20));
    const made = nor(bytes);
    expect(Math.max(...versionsIn(made))).toBe(1);
    let store = open(made);
    expect(Math.max(...versionsIn(made))).toBe(formatVersion);
    expect(same(allRecords(store), records)).toBe(true);
    let model: ReadonlyMap<string, Uint8Array> = records;
    for (const write of writes.slice(20)) {
      writeRecords(store, write.puts, write.deletes);
      model = applied(model, write);
      expect(same(allRecords(store), model)).toBe(true);
      store = open(made);
    }
    expect(same(allRecords(store), model)).toBe(true);
  });

  it("loses nothing where the power is cut while it is opened", () => {
    const { bytes, records } = ofVersion1(writes.slice(0, 20));
    let cuts = 0;
    for (const part of parts) {
      for (let operation = 0; ; operation++) {
        const made = nor(bytes);
        made.cutAt(operation, part);
        const wasCut = untilCut(() => open(made));
        made.restore();
        expect(same(allRecords(open(made)), records)).toBe(true);
        if (!wasCut) break;
        cuts++;
      }
    }
    expect(cuts).toBeGreaterThan(5);
  });
});

describe("a record that takes bytes from one that is gone", () => {
  it("is told by name, and so is the one that is gone", () => {
    const made = nor();
    const store = open(made);
    for (const { puts, deletes } of boardWrites("board", 6, 16)) writeRecords(store, puts, deletes);
    const final = [...recordKeys(store, "final/")].sort()[3]!;
    const [, world, group] = final.split("/");
    const block = `w/${world}/block/${group}/3`;
    expect(readRecord(store, block)).toBeUndefined();
    expect(numberOf(store.journal.names, block)).toBeDefined();
    writePlain(store.journal, new Map(), new Set([block]));
    expect(() => readRecord(store, final)).toThrow(`record "${block}", which record "${final}" takes bytes from`);
  });
});

describe("bytes that are no packed value", () => {
  const value = [...boardWrites("board", 4, 16)[6]!.puts.values()][0]!;
  const source = { key: 2 ** 33 + 5, value: value.subarray(0, 150) };
  const template = Uint8Array.from({ length: 200 }, (_, at) => at);
  const other = Uint8Array.from(template);
  other.set([9, 9, 9], 50);

  it("are refused as damage, or give some other value, and no more of it than they say", () => {
    const { bytes } = pack(crypto, value, [source]);
    const like = likeTemplate(other, template, 77);
    expect(bytes.length).toBeLessThan(value.length - 100);
    expect(like.length).toBeLessThan(30);
    let refused = 0;
    const attempt = (act: () => Uint8Array | undefined) => {
      try {
        expect((act() ?? value).length).toBeLessThan(1 << 22);
      } catch (error) {
        expect((error as { code?: string }).code).toBe("store-damaged");
        refused++;
      }
    };
    const unpacked = (stored: Uint8Array) => {
      const head = packedHead(stored);
      return head && unpack(crypto, stored, head, [source.value]);
    };
    const unlike = (stored: Uint8Array) => {
      const head = likeHead(stored);
      return head && fromTemplate(stored, head, template);
    };
    expect(unpacked(bytes)).toEqual(value);
    expect(unlike(like)).toEqual(other);
    for (const [stored, read] of [
      [bytes, unpacked],
      [like, unlike],
    ] as const) {
      for (let at = 0; at < stored.length; at++) {
        attempt(() => read(stored.subarray(0, at)));
        for (let bit = 0; bit < 8; bit++) {
          const changed = stored.slice();
          changed[at]! ^= 1 << bit;
          attempt(() => read(changed));
        }
      }
    }
    expect(refused).toBeGreaterThan(100);
  });
});
