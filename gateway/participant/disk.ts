import { open } from "node:fs/promises";
import { ClassicLevel } from "classic-level";

/** What the store asks of the machine's disk: tests give one that fails. */
export interface Disk {
  open(path: string, flags: "r+" | "w+"): Promise<DiskFile>;
  openLevel(directory: string): Promise<Level>;
}

/** Of `FileHandle` what the store uses. */
export interface DiskFile {
  readonly fd: number;
  stat(): Promise<{ readonly size: number }>;
  read(buffer: Uint8Array, offset: number, length: number, at: number): Promise<{ readonly bytesRead: number }>;
  write(buffer: Uint8Array, offset: number, length: number, at: number): Promise<{ readonly bytesWritten: number }>;
  datasync(): Promise<void>;
  close(): Promise<void>;
}

/** Of LevelDB what the store uses. */
export type Level = Pick<ClassicLevel<string, Uint8Array>, "get" | "getMany" | "batch" | "keys" | "iterator" | "close">;

export const nodeDisk: Disk = {
  open: (path, flags) => open(path, flags, 0o600),
  async openLevel(directory) {
    const level = new ClassicLevel<string, Uint8Array>(directory, { keyEncoding: "utf8", valueEncoding: "view" });
    await level.open();
    return level;
  },
};
