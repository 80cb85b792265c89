import { inWords, type Line } from "./lines";

/** Where the lines of a board go. A reader may be slow, or gone: nothing waits for one. */
export interface Log {
  readonly json: boolean;
  /** False where it is not taken. */
  write(line: string): boolean;
  /** Lines that were not taken since the last one that was. */
  dropped: number;
}

/** Tells a line. What was not taken is counted, and told before the next line that is: a gap, never silently. */
export function tell(log: Log, line: Line): void {
  const text = textOf(log, line);
  if (text === undefined) return;
  if (log.dropped > 0) {
    if (!log.write(textOf(log, gap(log.dropped))!)) {
      log.dropped++;
      return;
    }
    log.dropped = 0;
  }
  if (!log.write(text)) log.dropped++;
}

function textOf({ json }: Log, line: Line): string | undefined {
  return json ? JSON.stringify(line) : inWords(line);
}

function gap(dropped: number): Line {
  return {
    event: "notice",
    code: "log-gap",
    message: `${dropped === 1 ? "1 line" : `${dropped} lines`} of this log dropped: nobody read it for a while`,
    remedy: "See that whatever reads the standard output of the board goes on reading.",
  };
}
