import { chmodSync, existsSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import { join } from "node:path";
import { VertebraError } from "../../firmware/core/errors";
import { asVertebraError } from "../system/errors";

/** Bytes of a Unix socket's path, without its end. */
const longestSocketPath = 107;

/** In a world's directory: the socket of its gateway. */
const name = "control";

/** The socket of the gateway that runs for a world; undefined where none does. */
export function socketOf(directory: string): string | undefined {
  const path = join(directory, name);
  return existsSync(path) ? path : undefined;
}

/** Throws `control-refused` where the path of a world's directory is too long for a socket in it: before anything is started. */
export function checkSocketPath(directory: string): void {
  const length = Buffer.byteLength(join(directory, name));
  if (length <= longestSocketPath) return;
  throw new VertebraError(
    "control-refused",
    `No socket for commands can be made in ${directory}: its path would have ${length} bytes, and the system takes ${longestSocketPath}`,
    "Name the world by a shorter path: move it, or make a link to it (ln -s) and give --dir the link.",
  );
}

/**
 * Has a server listen for the commands of this user in a world's directory. The caller holds the world's store: what is there was left by
 * one that was killed. Returns what takes the socket away. Rejects with `control-refused`.
 */
export async function listenIn(directory: string, server: Server): Promise<() => void> {
  checkSocketPath(directory);
  const path = join(directory, name);
  try {
    rmSync(path, { force: true });
    await listenAt(server, path);
    return () => rmSync(path, { force: true });
  } catch (error) {
    const { message, remedy } = asVertebraError(error, `No socket for commands can be made in ${directory}`);
    throw new VertebraError("control-refused", message, remedy);
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
