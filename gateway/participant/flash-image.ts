import { readFileSync } from "node:fs";
import type { Flash } from "../../firmware/ports";
import { asVertebraError } from "../system/errors";
import { sectorSize as frontSize, isFlashFile } from "./flash-file";
import { type Inspected, inspect } from "./inspect";

/** A flash that is only read: the image of a board's, or a gateway's journal. */
const magic = [0x76, 0x6c, 0x6f, 0x67];

/** Throws `store-…` for an image that can't be read as a store, and what the system refuses. */
export function inspectImage(path: string): Inspected {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw asVertebraError(error, `${path} can't be read`);
  }
  if (isFlashFile(bytes)) bytes = bytes.subarray(frontSize);
  return inspect(imageOf(bytes, geometryOf(bytes)));
}

interface Geometry {
  readonly sectorSize: number;
  readonly writeSize: number;
}

/** As the first front that is found says it; where there is none, any will do. */
function geometryOf(bytes: Uint8Array): Geometry {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + 64 <= bytes.length; at += 512) {
    if (!magic.every((byte, index) => bytes[at + index] === byte)) continue;
    const sectorSize = view.getUint32(at + 8, true);
    const writeSize = view.getUint16(at + 6, true);
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
