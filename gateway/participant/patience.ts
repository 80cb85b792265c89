import { setTimeout as sleep } from "node:timers/promises";
import { VertebraError } from "../../firmware/core/errors";
import { asVertebraError, errnoOf } from "../system/errors";
import { createTrouble } from "../system/process";

/** How a store bears a disk that is full, or fails, for a while: nothing is given up that others rely on. */
export interface Patience {
  /** Does it, and again and again where the system refuses it. Rejects with any other error, and after `giveUp`. */
  insist<T>(act: () => Promise<T>): Promise<T>;
  /** What the system refuses while something waits for it. */
  trouble(): VertebraError | undefined;
  /** Nothing is waited for any more: what waits rejects with the trouble. */
  giveUp(): void;
}

const firstWaitMs = 100;
const longestWaitMs = 5_000;

/** `place` is the directory that is written to; `notice` is told once of each trouble, and once that it is over. */
export function createPatience(place: string, notice: (error: VertebraError) => void): Patience {
  const telling = createTrouble((error) => notice(waiting(error)));
  const enough = new AbortController();
  let trouble: VertebraError | undefined;

  return {
    trouble: () => trouble,
    async insist(act) {
      for (let wait = firstWaitMs; ; wait = Math.min(longestWaitMs, 2 * wait)) {
        try {
          const done = await act();
          if (trouble !== undefined) notice(goesOn(place));
          trouble = undefined;
          telling.over();
          return done;
        } catch (error) {
          // Whatever the system refuses, a person may put right; all else is not mended by waiting.
          if (!isRefusal(error)) throw error;
          trouble = asVertebraError(error, `The store ${place} can't be written`);
          telling.met(trouble);
        }
        await sleep(wait, undefined, { signal: enough.signal }).catch(() => {});
        if (enough.signal.aborted) throw trouble;
      }
    },
    giveUp: () => enough.abort(),
  };
}

/** What the system said, as it gave it or as somebody below already told it by name. */
function isRefusal(error: unknown): boolean {
  return error instanceof VertebraError ? error.code.startsWith("system-") : errnoOf(error) !== undefined;
}

function waiting({ code, message, remedy }: VertebraError): VertebraError {
  return new VertebraError(
    code,
    `${message}. What would be sent waits for it, nothing is lost, and pushes are refused until then`,
    `${remedy} The gateway goes on by itself.`,
  );
}

function goesOn(place: string): VertebraError {
  return new VertebraError("store-goes-on", `The store ${place} is written again`, "Nothing is to be done.");
}
