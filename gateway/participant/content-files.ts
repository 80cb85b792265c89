import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "../world/files";
import type { Patience } from "./patience";

/** Pieces of content (`core/definitions/content`), a file each, which its hash names: who reads one looks whether it is its own. */
export interface ContentFiles {
  read(key: string): Uint8Array | undefined;
  write(pieces: ReadonlyMap<string, Uint8Array>): Promise<void>;
  remove(keys: readonly string[]): Promise<void>;
}

export function openContentFiles(patience: Patience, directory: string): ContentFiles {
  /** The last part of a key is the hex of a hash. */
  const pathOf = (key: string) => join(directory, key.slice(key.lastIndexOf("/") + 1));
  return {
    read(key) {
      const path = pathOf(key);
      return existsSync(path) ? new Uint8Array(readFileSync(path)) : undefined;
    },
    write: (pieces) =>
      patience.insist(async () => {
        mkdirSync(directory, { recursive: true, mode: 0o700 });
        for (const [key, bytes] of pieces) writeWhole(pathOf(key), bytes, 0o600);
      }),
    remove: (keys) =>
      patience.insist(async () => {
        for (const key of keys) rmSync(pathOf(key), { force: true });
      }),
  };
}
