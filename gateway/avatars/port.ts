import { fstatSync, lstatSync, realpathSync, statSync } from "node:fs";
import { SerialPort } from "serialport";
import { VertebraError } from "../../firmware/core/errors";
import { asVertebraError, errnoOf } from "../system/errors";
import { settingsChanged, settingsOf } from "./settings";
import { isSocket, openSocket } from "./socket-port";

/** An open port: a serial one, a pseudo-terminal, a TCP connection, or the socket that carries the line of an emulated board. It has ended when `closed` was called, which happens once. */
export interface OpenPort {
  write(bytes: Uint8Array): void;
  /** Stops giving bytes until `resume`: the port's own buffers then slow down the sender. */
  pause(): void;
  resume(): void;
  /** What somebody did to it by which nothing may come through any more; opening it anew makes that good. */
  meddled?(): Promise<VertebraError | undefined>;
  close(): Promise<void>;
}

export interface PortEvents {
  received(bytes: Uint8Array): void;
  /** `reason` is missing where the port was closed by `close`. */
  closed(reason?: VertebraError): void;
}

/**
 * Opens the port at `path`, raw, 8N1, locked for this process. Rejects with `port-missing`, `port-busy`, `port-forbidden`
 * or `port-failed`.
 */
export async function openPort(path: string, baudRate: number, events: PortEvents): Promise<OpenPort> {
  if (isLeftOver(path)) throw portError(path, "No such file");
  if (isSocket(path)) return openSocket(path, events, (words) => socketError(path, words));
  const port = new SerialPort({ path, baudRate, autoOpen: false });
  port.on("data", (chunk: Buffer) => events.received(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length)));
  // A port that vanished reads as its end; the file descriptor is still ours to close.
  port.on("end", () => port.isOpen && port.close(undefined, new Error("the port has vanished")));
  // Whatever goes wrong with an open port ends it, and is told by its `close`.
  port.on("error", () => port.isOpen && port.close());
  return new Promise((resolve, reject) => {
    port.open((error) => {
      if (error) return reject(portError(path, error.message));
      if (!isNamed(path, port)) return port.close(() => reject(portError(path, "No such file")));
      let asked = false;
      const settings = settingsOf(path);
      port.once("close", () => {
        port.destroy();
        events.closed(asked ? undefined : vanished(path));
      });
      resolve({
        write: (bytes) => port.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)),
        pause: () => port.pause(),
        resume: () => port.resume(),
        async meddled() {
          const [before, now] = [await settings, await settingsOf(path)];
          return before === undefined || now === undefined || before === now ? undefined : settingsChanged(path);
        },
        close() {
          asked = true;
          return new Promise((closed) => (port.isOpen ? port.close(() => closed()) : closed()));
        },
      });
    });
  });
}

/**
 * A board that was killed leaves the name of its pseudo-terminal behind, and the kernel gives the number to whoever asks next: a
 * person's shell, or the board of another world. A terminal that is younger than its name is not the one that was named.
 */
function isLeftOver(path: string): boolean {
  const name = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  const terminal = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (!name?.isSymbolicLink() || !terminal || !realpathSync(path).startsWith("/dev/pts/")) return false;
  return terminal.ctimeNs > name.mtimeNs;
}

/**
 * Whether a port that is open is what its path names. While it was opened, another board may have been given the number of a terminal
 * that was left over, or its own board another number: then it would hold the other board's cable, and its own would never be opened.
 */
function isNamed(path: string, { port }: SerialPort): boolean {
  const opened = fstatSync((port as unknown as { readonly fd: number }).fd);
  return statSync(path, { throwIfNoEntry: false })?.rdev === opened.rdev && !isLeftOver(path);
}

/** The library tells system errors by their words alone. */
function portError(path: string, words: string): VertebraError {
  if (words.includes("No such file")) {
    return new VertebraError(
      "port-missing",
      `There is no serial port ${path}`,
      "Plug the board in and look for its port: ls /dev/ttyUSB* /dev/ttyACM* /dev/serial/by-id/*",
    );
  }
  if (words.includes("Cannot lock port") || words.includes("busy")) {
    return new VertebraError(
      "port-busy",
      `The serial port ${path} is in use by another program`,
      `Close the other program (fuser ${path} tells which), then try again.`,
    );
  }
  if (words.includes("Permission denied")) {
    return new VertebraError(
      "port-forbidden",
      `This user may not open the serial port ${path}`,
      "Join the group of the port and log in again: sudo usermod -a -G dialout $USER",
    );
  }
  const refused = new Error(words);
  if (errnoOf(refused) !== undefined) return asVertebraError(refused, `The serial port ${path} can't be opened`);
  return new VertebraError(
    "port-failed",
    `The serial port ${path} can't be opened: ${words.replace(/^Error:? /, "")}`,
    "Check that the path is a serial port and the baud rate one that it knows.",
  );
}

/** A socket whose board has ended refuses. */
function socketError(path: string, words: string): VertebraError {
  if (words === "vanished") return vanished(path);
  return portError(path, words.includes("ECONNREFUSED") ? "No such file" : words);
}

function vanished(path: string): VertebraError {
  return new VertebraError(
    "port-gone",
    `The serial port ${path} has vanished`,
    "Put the cable back or start the board again; the link goes on where it stopped.",
  );
}
