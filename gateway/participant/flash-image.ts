import { readFileSync } from "node:fs";
import type { Flash } from "../../firmware/ports";
import { openedAt, readPrepared } from "../../firmware/store/front";
import { journalIn } from "../fleet/rv32-flash";
import { asVertebraError } from "../system/errors";
import { sectorSize as frontSize, isFlashFile } from "./flash-file";
import { type Inspected, inspect } from "./inspect";

/** The image of a board's flash, an emulated one's too, or a gateway's journal, which is only read. Throws `store-…` for an image that can't be read as a store, and what the system refuses. */
export function inspectImage(path: string): Inspected {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw asVertebraError(error, `${path} can't be read`);
  }
  if (isFlashFile(bytes)) bytes = bytes.subarray(frontSize);
  bytes = journalIn(bytes) ?? bytes;
  return inspect(imageOf(bytes, geometryOf(bytes)));
}

interface Geometry {
  readonly sectorSize: number;
  readonly writeSize: number;
}

/** As the first front that is found says it; where there is none, any will do. */
function geometryOf(bytes: Uint8Array): Geometry {
  for (let at = 0; at + openedAt <= bytes.length; at += 512) {
    const prepared = readPrepared(bytes.subarray(at, at + openedAt));
    if (typeof prepared === "string") continue;
    const { sectorSize, unit: writeSize } = prepared;
    if (sectorSize >= 512 && sectorSize <= bytes.length && writeSize >= 4 && writeSize <= 32)
      return { sectorSize, writeSize };
  }
  return { sectorSize: 4096, writeSize: 4 };
}

function imageOf(bytes: Uint8Array, geometry: Geometry): Flash {
  const readOnly = () => {
    throw new Error("an image is only read");
  };
  return {
    ...{ size: bytes.length, ...geometry },
    read: (offset, length) => Uint8Array.from(bytes.subarray(offset, offset + length)),
    ...{ program: readOnly, erase: readOnly, sync: readOnly },
  };
}
