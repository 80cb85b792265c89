import { VertebraError } from "../../firmware/core/errors";

/** Something that is tried until it succeeds, and again whenever it has gone. */
export interface Trying {
  /** It did not succeed: it is tried again, each time later. A person is told of each reason once, until it has succeeded. */
  failed(reason: VertebraError): void;
  succeeded(): void;
  /** Tries again in so many ms, which is no failure. */
  again(ms: number): void;
  stop(): void;
}

/** Tried again after so many ms, then after twice as long. */
export const firstRetryMs = 100;

export function createTrying(
  attempt: () => void,
  longestMs: number,
  tell: ((error: VertebraError) => void) | undefined,
): Trying {
  const told = new Set<string>();
  let retryMs = firstRetryMs;
  let timer: NodeJS.Timeout | undefined;

  function again(ms: number): void {
    clearTimeout(timer);
    timer = setTimeout(attempt, ms);
  }

  return {
    again,
    failed(reason) {
      if (!told.has(reason.code)) tell?.(triedAgain(reason));
      told.add(reason.code);
      // Those whom one failure has cut off at once should not all come back at once.
      again(retryMs * (0.75 + Math.random() / 2));
      retryMs = Math.min(2 * retryMs, longestMs);
    },
    succeeded() {
      told.clear();
      retryMs = firstRetryMs;
    },
    stop: () => clearTimeout(timer),
  };
}

function triedAgain({ code, message, remedy }: VertebraError): VertebraError {
  return new VertebraError(code, `${message}; the gateway runs, and opens it as soon as it can`, remedy);
}
