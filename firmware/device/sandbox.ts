import { VertebraError } from "../core/errors";
import { toHex } from "../core/wire/bytes";
import type { Hash } from "../core/wire/types";
import type { Native } from "../native/native";
import { brokenOff, patience, replyAfter, replyLine, tooMuchGiven } from "../sandbox/ends";
import { lockDown, perform } from "../sandbox/perform";
import type { Reply, Request } from "../sandbox/request";
import { createTurns } from "../sandbox/turns";
import type { Journal } from "../store/journal";
import { asVertebraError } from "./cable";
import type { Line } from "./lines";
import type { BoardOptions } from "./options";
import { openQuarantine, type Quarantine } from "./quarantine";
import { noticeOf } from "./telling";

/** Runs a request for a behavior, named by its hash, and calls `done` once, at once or later. */
export type Sandbox = (request: Request, behavior: Hash, done: (reply: Reply) => void) => void;

/**
 * The sandbox of a board, in a process or in the board's one machine as its `board.json` says; tells of what is quarantined. Throws
 * `usage` where the program for processes was not given.
 */
export function openSandbox(
  native: Native,
  where: "process" | "machine" | "none",
  { sandbox, reset }: BoardOptions,
  journal: Journal,
  print: (line: Line) => void,
): Sandbox {
  if (where === "process") {
    if (sandbox !== undefined) return createProcessSandbox(native, sandbox, (error) => print(noticeOf(error)));
    throw new VertebraError(
      "usage",
      "This board runs behaviors in processes, and --sandbox is missing",
      "Name the file of the sandbox's program.",
    );
  }
  if (where === "none") {
    throw new VertebraError(
      "sandbox-none",
      "This board runs no behaviors, and it was provisioned with sagas",
      "Provision it without them: another member of the world runs them.",
    );
  }
  const quarantine = openQuarantine(journal, reset);
  for (const [behavior, reason] of quarantine.behaviors) print({ event: "quarantine", behavior, reason });
  return createMachineSandbox(native, quarantine);
}

/** ms until a process that could not be started is tried again. */
const startAgainAfter = 1_000;

/**
 * Each run in a process of its own: `program` is the file of the sandbox's program. What a run does ends that process alone; a machine
 * that has no room for it now is told, and tried again.
 */
export function createProcessSandbox(
  { process, timer, clock }: Pick<Native, "process" | "timer" | "clock">,
  program: string,
  notice: (error: VertebraError) => void,
): Sandbox {
  const turn = createTurns();
  const held: (() => void)[] = [];
  const again = timer.open(() => {
    for (const start of held.splice(0)) start();
  });

  function start(line: string, ended: (status: number, output: string) => void): void {
    try {
      process.start(program, line, patience.process, ended);
    } catch (error) {
      notice(asVertebraError(error));
      held.push(() => start(line, ended));
      timer.set(again, clock.monotonic() + startAgainAfter);
    }
  }

  return (request, _behavior, done) => {
    const refused = tooMuchGiven(request);
    if (refused !== undefined) done(refused);
    else
      turn((over) =>
        start(`${JSON.stringify(request)}\n`, (status, output) => {
          over();
          done(replyAfter(request, status, output));
        }),
      );
  };
}

/**
 * Each run in this machine, one after another, where a board has no room for a second one. Locks the machine down. A run that meets a
 * limit ends the machine; when that was started again, the behavior is quarantined, and its runs fail without being begun.
 */
export function createMachineSandbox(
  native: Pick<Native, "sandbox" | "meter" | "timer" | "clock">,
  quarantine: Quarantine,
): Sandbox {
  lockDown(native);
  const waiting: (() => void)[] = [];
  const soon = () => native.timer.set(timer, native.clock.monotonic());
  // Between two runs the board does what else it has to do.
  const timer = native.timer.open(() => {
    waiting.shift()?.();
    if (waiting.length > 0) soon();
  });

  function run(request: Request, behavior: Hash): Reply {
    const reason = quarantine.behaviors.get(toHex(behavior));
    if (reason !== undefined) return brokenOff(request, `it is quarantined on this board: ${reason}`, false);
    quarantine.begin(behavior);
    const reply = replyLine(request, perform({ native, patience: patience.machine }, request));
    quarantine.end(behavior);
    return JSON.parse(reply) as Reply;
  }

  return (request, behavior, done) => {
    waiting.push(() => done(tooMuchGiven(request) ?? run(request, behavior)));
    soon();
  };
}
