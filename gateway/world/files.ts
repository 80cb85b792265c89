import { chmodSync, closeSync, fsyncSync, mkdtempSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Writes a file in one piece: whoever reads it sees all of the old content or all of the new, whatever happens in between.
 * Secrets get mode 0600.
 */
export function writeWhole(path: string, content: string | Uint8Array, mode: 0o600 | 0o644): void {
  const draft = `${path}.${process.pid}.draft`;
  try {
    const file = openSync(draft, "w", mode);
    try {
      writeFileSync(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
  syncDirectory(dirname(path));
}

/** Makes a directory, which its user alone can read, of what `write` puts into a draft of it beside: all of it or nothing. */
export function putDirectory(target: string, write: (draft: string) => void): void {
  const draft = mkdtempSync(`${target}.`);
  try {
    chmodSync(draft, 0o700);
    write(draft);
    renameSync(draft, target);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    throw error;
  }
  syncDirectory(dirname(target));
}

/** Makes a new name in `directory` outlive a power cut. */
export function syncDirectory(directory: string): void {
  const handle = openSync(directory, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
