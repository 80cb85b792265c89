import { crc32c } from "../../firmware/core/wire/crc32c";
import { encodeText } from "../../firmware/core/wire/text";
import type { Flash } from "../../firmware/ports";
import { sectorsOfBank } from "../../firmware/store/former/bank";
import { applyBatch } from "../../firmware/store/former/batch";
import { recordSize } from "../../firmware/store/former/record";

/** Writes a flash as the version before did, in two banks; what it wrote is read by `firmware/store/former`. */
export interface FormerJournal {
  readonly flash: Flash;
  readonly owner: Uint8Array;
  readonly records: Map<string, Uint8Array>;
  /** Of two, the one that counts; and how often the records moved to the other. */
  bank: 0 | 1;
  compactions: number;
  sequence: number;
  /** Where its last record ends. */
  end: number;
}

const magic = 0x61747256;
const committed = 0x56744a31;
const firstRecord = recordSize(40);
/** Bytes that a compaction put into one record. */
const compactedBatch = 4096;

/** `flash` is erased. */
export function createFormer(flash: Flash, owner: Uint8Array): FormerJournal {
  const former: FormerJournal = {
    flash,
    owner,
    records: new Map(),
    bank: 0,
    compactions: 0,
    sequence: 0,
    end: firstRecord,
  };
  writeBank(former, 0);
  former.sequence++;
  return former;
}

/** The deletes, then the puts, in one record; or all that is left in the other bank, where this one is full. */
export function writeFormer(
  former: FormerJournal,
  puts: ReadonlyMap<string, Uint8Array>,
  deletes: ReadonlySet<string>,
): void {
  const data = encodeBatch(puts, deletes);
  applyBatch(data, former.records);
  if (former.end + recordSize(data.length) > bankSize(former.flash)) moveToOther(former);
  else append(former, data);
}

function moveToOther(former: FormerJournal): void {
  const { flash, records, bank, sequence } = former;
  const first = (bank * bankSize(flash)) / flash.sectorSize;
  const other = bank === 0 ? 1 : 0;
  for (let sector = 0; sector < sectorsOfBank(flash); sector++) flash.erase(other * sectorsOfBank(flash) + sector);
  Object.assign(former, { bank: other, end: firstRecord, sequence: sequence + 1, compactions: former.compactions + 1 });
  for (const batch of batchesOf(records)) append(former, encodeBatch(batch, []));
  writeBank(former, sequence);
  flash.erase(first);
}

function* batchesOf(records: ReadonlyMap<string, Uint8Array>): Generator<(readonly [string, Uint8Array])[]> {
  let batch: (readonly [string, Uint8Array])[] = [];
  for (const each of records) {
    if (batch.length > 0 && encodeBatch([...batch, each], []).length > compactedBatch) {
      yield batch;
      batch = [];
    }
    batch.push(each);
  }
  if (batch.length > 0) yield batch;
}

function append(former: FormerJournal, data: Uint8Array): void {
  writeRecord(former, former.end, former.sequence++, data);
  former.end += recordSize(data.length);
}

/** Its record comes last, and makes the bank count. */
function writeBank(former: FormerJournal, sequence: number): void {
  const data = new Uint8Array(40);
  const view = new DataView(data.buffer);
  view.setUint32(0, magic, true);
  view.setUint32(4, former.compactions, true);
  data.set(former.owner, 8);
  writeRecord(former, 0, sequence, data);
}

function writeRecord({ flash, bank }: FormerJournal, at: number, sequence: number, data: Uint8Array): void {
  const bytes = new Uint8Array(recordSize(data.length)).fill(0xff);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length, true);
  view.setUint32(4, sequence, true);
  const check = crc32c(bytes.subarray(0, 8));
  view.setUint32(8, check, true);
  view.setUint32(12, crc32c(data, check), true);
  bytes.set(data, 16);
  view.setUint32(bytes.length - 4, committed, true);
  flash.program(bank * bankSize(flash) + at, bytes);
}

function bankSize(flash: Flash): number {
  return sectorsOfBank(flash) * flash.sectorSize;
}

function encodeBatch(puts: Iterable<readonly [string, Uint8Array]>, deletes: Iterable<string>): Uint8Array {
  const parts: number[] = [];
  const begin = (kind: number, key: string) => {
    const bytes = encodeText(key);
    parts.push(kind, bytes.length & 0xff, bytes.length >> 8, ...bytes);
  };
  for (const key of deletes) begin(2, key);
  for (const [key, value] of puts) {
    begin(1, key);
    parts.push(value.length & 0xff, (value.length >> 8) & 0xff, value.length >> 16, 0, ...value);
  }
  return Uint8Array.from(parts);
}
