import { type Disk, type DiskFile, type Level, nodeDisk } from "../../gateway/participant/disk";

/** A disk that fails as the test says, in files as in LevelDB. */
export interface FailingDisk extends Disk {
  /** The system's code and its words, for each write from now on; works again where undefined. */
  fails: readonly [code: string, words: string] | undefined;
  /** The operation of this number fails, once. */
  failOnceAt: number;
  /** LevelDB comes upon a damaged table in its next write, and takes nothing more until it is mended. */
  corrupted: boolean;
  /** How often LevelDB can't be opened from now on. */
  failsToOpen: number;
  /** Writes, syncs and batches that were asked for. */
  operations: number;
  /** The power is cut in the operation of this number: nothing is done any more. */
  cutAt: number;
}

export class PowerCut extends Error {}

export function failingDisk(): FailingDisk {
  const disk: FailingDisk = {
    fails: undefined,
    failOnceAt: -1,
    failsToOpen: 0,
    corrupted: false,
    operations: 0,
    cutAt: Number.POSITIVE_INFINITY,
    async open(path, flags) {
      if (flags === "w+") check();
      return fileOver(await nodeDisk.open(path, flags), check);
    },
    async openLevel(directory) {
      if (disk.failsToOpen-- > 0) {
        const cause = new Error(`IO error: ${directory}/MANIFEST-000007: No space left on device`);
        throw Object.assign(new Error("Database failed to open", { cause }), { code: "LEVEL_DATABASE_NOT_OPEN" });
      }
      const level = await nodeDisk.openLevel(directory);
      return levelOver(level, directory);
    },
  };

  function check(): void {
    const once = disk.operations === disk.failOnceAt;
    if (disk.operations++ >= disk.cutAt) throw new PowerCut("the power is cut");
    if (disk.fails === undefined && !once) return;
    const [code, words] = disk.fails ?? ["EIO", "Input/output error"];
    throw Object.assign(new Error(`${code}: ${words.toLowerCase()}, write`), { code });
  }

  function levelOver(level: Level, directory: string): Level {
    return {
      get: (key: string) => level.get(key),
      getMany: (keys: string[]) => level.getMany(keys),
      keys: level.keys.bind(level),
      iterator: level.iterator.bind(level),
      close: () => level.close(),
      async batch(...parameters: Parameters<Level["batch"]>) {
        if (disk.operations++ >= disk.cutAt) throw new PowerCut("the power is cut");
        if (disk.corrupted) {
          disk.corrupted = false;
          throw Object.assign(new Error("Corruption: block checksum mismatch"), { code: "LEVEL_CORRUPTION" });
        }
        if (disk.fails === undefined) return level.batch(...parameters);
        // LevelDB gives the system's words, and a code of its own.
        const error = new Error(`IO error: ${directory}/000003.log: ${disk.fails[1]}`);
        throw Object.assign(error, { code: "LEVEL_IO_ERROR" });
      },
    } as unknown as Level;
  }

  return disk;
}

function fileOver(file: DiskFile, check: () => void): DiskFile {
  return {
    fd: file.fd,
    stat: () => file.stat(),
    read: (...parameters) => file.read(...parameters),
    async write(...parameters) {
      check();
      return file.write(...parameters);
    },
    async datasync() {
      check();
      return file.datasync();
    },
    close: () => file.close(),
  };
}
