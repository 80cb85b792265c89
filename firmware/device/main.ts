/** The program of a board on Linux: a participant on XS, its journal in a flash file, a link on a serial line, the machine's sensors. */

import { decodeProvision } from "../core/identity/provision";
import type { Native } from "../native/native";
import { type Board, startBoard } from "./board";
import { asVertebraError } from "./cable";
import { inWords, type Line } from "./lines";
import { parseOptions } from "./options";

declare const native: Native;

const statsEveryMs = 1000;

function main(): void {
  const options = parseOptions(native.arguments);
  const print = (line: Line) => {
    const text = options.json ? JSON.stringify(line) : inWords(line);
    if (text !== undefined) native.print(text);
  };
  const provision = decodeProvision(native.readFile(options.provision));
  // Before it is started, so that there is no moment in which the board does not know how to end.
  let board: Board | undefined;
  const end = () => {
    board?.stop();
    native.exit(0);
  };
  native.onTerminate(end);
  board = startBoard(native, options, provision, print);
  native.input((line) => {
    if (line === "stop") board?.stop();
    else if (line === "status") board?.tellStats();
    else if (line === "halt") board?.halt();
    else if (line === "resume") board?.resume();
    else if (/^pin \d{1,3} [01]$/.test(line ?? "")) {
      const [, pin, level] = line!.split(" ");
      board?.drivePin(Number(pin), level === "1" ? 1 : 0);
    }
    // Whoever holds the other end of the pipe has gone.
    else if (line === undefined) end();
  });
  const timer = native.timer.open(() => {
    board?.tellStats();
    native.timer.set(timer, native.clock.monotonic() + statsEveryMs);
  });
  native.timer.set(timer, native.clock.monotonic() + statsEveryMs);
}

try {
  main();
} catch (error) {
  const { code, message, remedy } = asVertebraError(error);
  if (code === "assertion") throw error;
  native.printError(`${message}. ${remedy} (${code})`);
  native.exit(code === "usage" ? 2 : 1);
}
