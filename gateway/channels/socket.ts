import { chmodSync, lstatSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { VertebraError } from "../../firmware/core/errors";
import { asVertebraError, errnoOf } from "../system/errors";
import { writeWhole } from "../world/files";

/** Bytes of a Unix socket's path, without its end. */
const longestSocketPath = 107;

/** In a world's directory: the socket of its gateway, or, where there can be none, a file that says where the socket is. */
const name = "control";
/** How the folder of a socket elsewhere begins, that only its user may enter. */
const elsewhere = "vertebra-control-";

/** The socket of the gateway that runs for a world; undefined where none does. Throws what the system refuses. */
export function socketOf(directory: string): string | undefined {
  const path = join(directory, name);
  const there = lstatSync(path, { throwIfNoEntry: false });
  return there?.isFile() ? readFileSync(path, "utf8").trim() : there && path;
}

/**
 * Has a server listen for the commands of this user in a world's directory, or, where its path is too long for a socket or its file system
 * bears none, in a folder for temporary files. The caller holds the world's store: what is there was left by one that was killed. Returns
 * what takes the socket away. Rejects with `control-refused`.
 */
export async function listenIn(directory: string, server: Server): Promise<() => void> {
  const path = join(directory, name);
  try {
    removeSocket(path);
    if (Buffer.byteLength(path) <= longestSocketPath && (await listened(server, path))) return () => removeSocket(path);
    const folder = mkdtempSync(join(temporary(), elsewhere));
    try {
      await listenAt(server, join(folder, name));
      writeWhole(path, `${join(folder, name)}\n`, 0o600);
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
    return () => removeSocket(path);
  } catch (error) {
    const { message, remedy } = asVertebraError(error, `No socket for commands can be made for ${directory}`);
    throw new VertebraError("control-refused", message, remedy);
  }
}

/** False where the file system bears no sockets, or none with this path. */
async function listened(server: Server, path: string): Promise<boolean> {
  try {
    await listenAt(server, path);
    return true;
  } catch (error) {
    const errno = errnoOf(error) ?? "";
    if (["EPERM", "EACCES", "ENOTSUP", "EOPNOTSUPP", "EINVAL", "ENAMETOOLONG", "ENOSYS"].includes(errno)) return false;
    throw error;
  }
}

function listenAt(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      try {
        chmodSync(path, 0o600);
        resolve();
      } catch (error) {
        reject(error);
      }
    });
  });
}

/** A folder whose path leaves room for a socket. */
function temporary(): string {
  const room = longestSocketPath - join(`${elsewhere}123456`, name).length - 1;
  return Buffer.byteLength(tmpdir()) <= room ? tmpdir() : "/tmp";
}

function removeSocket(path: string): void {
  const socket = lstatSync(path, { throwIfNoEntry: false })?.isFile() ? readFileSync(path, "utf8").trim() : path;
  const folder = dirname(socket);
  if (socket !== path && basename(folder).startsWith(elsewhere)) rmSync(folder, { recursive: true, force: true });
  rmSync(path, { force: true });
}
