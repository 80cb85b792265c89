import { statSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import type { VertebraError } from "../../firmware/core/errors";
import type { OpenPort, PortEvents } from "./port";

/** Whether the serial line at `path` is one that a socket carries, as that of an emulated board. */
export function isSocket(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() ?? false;
}

/** Opens such a line; `told` makes an error of the words of the system. */
export function openSocket(
  path: string,
  events: PortEvents,
  told: (words: string) => VertebraError,
): Promise<OpenPort> {
  const socket = createConnection(path);
  return new Promise((resolve, reject) => {
    socket.once("error", (error) => reject(told(error.message)));
    socket.once("connect", () => resolve(portOver(socket, events, () => told("vanished"))));
  });
}

/** A port over a socket that is connected; `gone` says that it ended, where nobody asked for that. */
export function portOver(socket: Socket, events: PortEvents, gone: () => VertebraError): OpenPort {
  let asked = false;
  socket.on("data", (chunk: Buffer) => events.received(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length)));
  // Whatever goes wrong with an open line ends it, and is told by its `close`.
  socket.on("error", () => socket.destroy());
  socket.once("close", () => events.closed(asked ? undefined : gone()));
  return {
    write: (bytes) => void socket.write(bytes),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    close() {
      asked = true;
      return new Promise((closed) => {
        if (socket.closed) return closed();
        socket.once("close", () => closed());
        socket.destroy();
      });
    },
  };
}
