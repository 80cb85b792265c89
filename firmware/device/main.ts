/** The program of a board on Linux: a participant on XS, its journal in a flash file, a link on a serial line, the machine's sensors. */

import { decodeProvision, type Provision } from "../core/identity/provision";
import type { Native } from "../native/native";
import { readIdentity } from "../store/identity";
import { waitForIdentity } from "./blank";
import { obey, startBoard, stopWriting, tellStats } from "./board";
import { asVertebraError } from "./cable";
import { longestCommand, readCommand } from "./console";
import type { Line } from "./lines";
import { createLog, tell } from "./log";
import { type BoardOptions, parseOptions } from "./options";
import { identityFlash, mayPass } from "./ports";
import { noticeOf } from "./telling";
import { type Board, flashAgainMs } from "./wiring";

declare const native: Native;

const statsEveryMs = 1000;

function main(): void {
  const options = parseOptions(native.arguments);
  const log = createLog(options.json, (line) => native.log(line));
  const print = (line: Line) => tell(log, line);
  const { identity } = options;
  if ("provision" in identity) {
    begin(options, decodeProvision(native.readFile(identity.provision)), print);
    return;
  }
  const flash = orWait(() => identityFlash(native, identity.flash), print);
  const kept = readIdentity(flash);
  if (kept !== undefined) begin(options, decodeProvision(kept), print);
  else waitForIdentity(native, options, flash, print);
}

function begin(options: BoardOptions, provision: Provision, print: (line: Line) => void): void {
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
function orWait<T>(start: () => T, print: (line: Line) => void): T {
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

function run(): void {
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
void Promise.resolve().then(run);
