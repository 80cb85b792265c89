import { isatty } from "node:tty";
import { VertebraError } from "../../firmware/core/errors";
import { exitCodes, printNotice } from "./output";

/** How long a program that was asked to end may take to do so in order, in ms. */
const patienceMs = 10_000;

/** What is known at the start: once a terminal has hung up, it is none any more. */
const hasTerminal = [0, 1, 2].some((stream) => isatty(stream));

/**
 * Resolves when the person or the system asks the program to end: Ctrl-C, SIGTERM, or a terminal that hangs up. Asked twice, or not ended
 * after its patience, it ends at once: all that was promised is durable.
 */
export function askedToEnd(json = false, patience = patienceMs): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const end = () => {
      asked = true;
      const late = () => {
        printNotice(lateEnd(patience), json);
        process.exit(exitCodes.failed);
      };
      setTimeout(late, patience).unref();
      resolve();
    };
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.on(signal, () => (asked ? process.exit(130) : end()));
    }
    // Node takes back that `nohup` has it ignored. What runs so has no stream on a terminal, and so nothing that could hang up.
    process.on("SIGHUP", () => hasTerminal && !asked && end());
  });
}

function lateEnd(patience: number): VertebraError {
  const message = `It did not end in order within ${patience / 1000} s, and ends at once`;
  return new VertebraError("end-late", message, "Nothing is lost: what was said to be sealed is durable.");
}
