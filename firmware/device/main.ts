/** The program of a board on Linux: a participant on XS, its journal in a flash file, a link on a serial line, the machine's sensors. */

import { decodeProvision } from "../core/identity/provision";
import type { Native } from "../native/native";
import { obey, startBoard, stopWriting, tellStats } from "./board";
import { asVertebraError } from "./cable";
import { longestCommand, readCommand } from "./console";
import type { Line } from "./lines";
import { createLog, tell } from "./log";
import { parseOptions } from "./options";
import { mayPass } from "./ports";
import { noticeOf } from "./telling";
import { type Board, flashAgainMs } from "./wiring";

declare const native: Native;

const statsEveryMs = 1000;

function main(): void {
  const options = parseOptions(native.arguments);
  const log = createLog(options.json, (line) => native.log(line));
  const print = (line: Line) => tell(log, line);
  const provision = decodeProvision(native.readFile(options.provision));
  // Before it is started, so that there is no moment in which the board does not know how to end.
  let board: Board | undefined;
  const end = () => {
    if (board) stopWriting(board);
    native.exit(0);
  };
  native.onTerminate(end);
  const started = orWait(() => startBoard(native, options, provision, print), print);
  board = started;
  native.input((line) => {
    // Whoever holds the other end of the pipe has gone.
    if (line === undefined) end();
    else orNotice(() => obey(started, readCommand(line)), print);
  }, longestCommand);
  const timer = native.timer.open(() => {
    tellStats(started);
    native.timer.set(timer, native.clock.monotonic() + statsEveryMs);
  });
  native.timer.set(timer, native.clock.monotonic() + statsEveryMs);
}

/** A flash that can't be used for now is waited for: it is told, and the board begins anew. */
function orWait(start: () => Board, print: (line: Line) => void): Board {
  try {
    return start();
  } catch (error) {
    const known = asVertebraError(error);
    if (!mayPass(known)) throw known;
    print(noticeOf(known));
    return native.restart(flashAgainMs, ...native.arguments);
  }
}

function orNotice(act: () => void, print: (line: Line) => void): void {
  try {
    act();
  } catch (error) {
    print(noticeOf(asVertebraError(error)));
  }
}

function begin(): void {
  try {
    main();
  } catch (error) {
    const { code, message, remedy } = asVertebraError(error);
    if (code === "assertion") throw error;
    native.printError(`${message}. ${remedy} (${code})`);
    native.exit(code === "usage" ? 2 : 1);
  }
}

// Not yet: while a program is run, all its names lie on the stack, 20 KB that a start needs for itself on a small board.
void Promise.resolve().then(begin);
