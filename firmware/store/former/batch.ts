import { decodeText } from "../../core/wire/text";

/**
 * What one record did: each delete, then each put, as kind (1 byte), length of the key (2), key in UTF-8, and for a put (1; a delete is 2) the
 * length of the value (4) and the value. Little-endian.
 */
const remove = 2;

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
