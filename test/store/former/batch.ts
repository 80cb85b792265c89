import { assert } from "../../../firmware/core/errors";
import { decodeText, encodeText } from "../../../firmware/core/wire/text";

/**
 * What one record does: each delete, then each put, as kind (1 byte), length of the key (2), key in UTF-8, and for a put the
 * length of the value (4) and the value. Little-endian.
 */
const put = 1;
const remove = 2;

/** Bytes that a put takes in a record. */
export function putSize(key: string, value: Uint8Array): number {
  return 3 + encodeKey(key).length + 4 + value.length;
}

/** How many bytes more all records take in puts when a batch is done to them. */
export function growth(
  records: ReadonlyMap<string, Uint8Array>,
  puts: ReadonlyMap<string, Uint8Array>,
  deletes: ReadonlySet<string>,
): number {
  let bytes = 0;
  for (const key of deletes) {
    const value = records.get(key);
    if (value && !puts.has(key)) bytes -= putSize(key, value);
  }
  for (const [key, value] of puts) {
    const before = records.get(key);
    bytes += before ? value.length - before.length : putSize(key, value);
  }
  return bytes;
}

export function encodeBatch(puts: Iterable<readonly [string, Uint8Array]>, deletes: Iterable<string>): Uint8Array {
  const keysOut = Array.from(deletes, encodeKey);
  const pairs = Array.from(puts, ([key, value]) => [encodeKey(key), value] as const);
  let size = 0;
  for (const key of keysOut) size += 3 + key.length;
  for (const [key, value] of pairs) size += 3 + key.length + 4 + value.length;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  const begin = (kind: number, key: Uint8Array) => {
    view.setUint8(at, kind);
    view.setUint16(at + 1, key.length, true);
    bytes.set(key, at + 3);
    at += 3 + key.length;
  };
  for (const key of keysOut) begin(remove, key);
  for (const [key, value] of pairs) {
    begin(put, key);
    view.setUint32(at, value.length, true);
    bytes.set(value, at + 4);
    at += 4 + value.length;
  }
  return bytes;
}

/** Applies a batch to `records`, and returns them. Values become copies of their own, so that the batch need not stay in memory. */
export function applyBatch(bytes: Uint8Array, records: Map<string, Uint8Array>): Map<string, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at < bytes.length) {
    const kind = view.getUint8(at);
    const end = at + 3 + view.getUint16(at + 1, true);
    const key = decodeText(bytes.subarray(at + 3, end));
    at = end;
    if (kind === remove) records.delete(key);
    else {
      const length = view.getUint32(at, true);
      records.set(key, bytes.slice(at + 4, at + 4 + length));
      at += 4 + length;
    }
  }
  return records;
}

function encodeKey(key: string): Uint8Array {
  const bytes = encodeText(key);
  assert(bytes.length < 0x10000, `the key of a record is shorter than 64 KB: ${key.slice(0, 40)}…`);
  return bytes;
}
