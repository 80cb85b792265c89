import { inWords, type Line } from "./lines";

/** Where the lines of a board go. A reader may be slow, or gone: nothing waits for one. */
export interface Log {
  readonly json: boolean;
  /** False where it is not taken. */
  write(line: string): boolean;
  /** Lines that were not taken and will not be told any more, since the last that told how many. */
  dropped: number;
  /** By capability: the line that says what it was set to last, where it was not taken. */
  readonly untold: Map<string, Line>;
}

export function createLog(json: boolean, write: (line: string) => boolean): Log {
  return { json, write, dropped: 0, untold: new Map() };
}

/**
 * Tells a line. What was not taken is counted, and told before the next that is: a gap, never silently. What an actuator was set to
 * last is told in any case, if late.
 */
export function tell(log: Log, line: Line): void {
  const wasTold = tellGap(log) && tellUntold(log);
  const text = textOf(log, line);
  if (text === undefined || (wasTold && log.write(text))) return;
  if (line.event === "capability") {
    if (log.untold.delete(line.capability)) log.dropped++;
    log.untold.set(line.capability, line);
  } else log.dropped++;
}

function textOf({ json }: Log, line: Line): string | undefined {
  return json ? JSON.stringify(line) : inWords(line);
}

/** False where a line is still not taken. */
function tellGap(log: Log): boolean {
  if (log.dropped === 0) return true;
  const taken = log.write(textOf(log, gap(log.dropped))!);
  if (taken) log.dropped = 0;
  return taken;
}

function tellUntold(log: Log): boolean {
  for (const [capability, line] of log.untold) {
    if (!log.write(textOf(log, line)!)) return false;
    log.untold.delete(capability);
  }
  return true;
}

function gap(dropped: number): Line {
  return {
    event: "notice",
    code: "log-gap",
    message: `${dropped === 1 ? "1 line" : `${dropped} lines`} of this log dropped: nobody read it for a while`,
    remedy: "See that whatever reads the standard output of the board goes on reading.",
  };
}
