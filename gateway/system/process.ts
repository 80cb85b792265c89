import type { ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { VertebraError } from "../../firmware/core/errors";
import { asVertebraError } from "./errors";

/** ms before what could not be started is tried again, then twice as long, up to the longest. */
const firstRetryMs = 100;
const longestRetryMs = 2_000;

/** Tells of a trouble once, until it is over. */
export interface Trouble {
  met(error: VertebraError): void;
  over(): void;
}

export function createTrouble(tell: (error: VertebraError) => void): Trouble {
  let told = "";
  return {
    met(error) {
      if (told !== error.code) tell(error);
      told = error.code;
    },
    over() {
      told = "";
    },
  };
}

/**
 * A process that runs: `start` is called until the system gives one, whatever it lacks (descriptors, processes, memory, for a moment
 * the program itself), and `trouble` is told meanwhile. The first try is made before this returns. Rejects when the signal says enough.
 */
export async function startedProcess<C extends ChildProcess>(
  start: () => C,
  doing: string,
  trouble: Trouble,
  signal: AbortSignal,
): Promise<C> {
  for (let wait = firstRetryMs; ; wait = Math.min(2 * wait, longestRetryMs)) {
    try {
      holdDescriptors();
      const child = await running(start());
      trouble.over();
      return child;
    } catch (error) {
      signal.throwIfAborted();
      trouble.met(asVertebraError(error, doing));
      await sleep(wait, undefined, { signal });
    }
  }
}

/** What a process with its pipes takes while it is started. */
const descriptorsTaken = 8;

/** Throws where there is no room for a process: Node would leave the ends of its pipes behind, which hold up the end of this one. */
function holdDescriptors(): void {
  const held: number[] = [];
  try {
    while (held.length < descriptorsTaken) held.push(openSync("/dev/null", "r"));
  } catch (error) {
    // What could not be opened is not what is lacking.
    throw Object.assign(error as NodeJS.ErrnoException, { path: undefined });
  } finally {
    for (const each of held) closeSync(each);
  }
}

/** Node throws some errors of a process that can't be started, and tells others a moment later. */
function running<C extends ChildProcess>(child: C): Promise<C> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("spawn", () => resolve(child));
  });
}
