import { type ChildProcess, fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { sum } from "./coverage";
import type { Verdict } from "./simulate";
import type { Drawn } from "./worlds";

/** A process that runs worlds one after the other, so that two use two cores and one that never ends can be ended. */
export interface Worker {
  /** A world that ends its process, or does not end itself, has failed. */
  run(request: Drawn): Promise<Verdict>;
  end(): void;
}

/** The longest that a world may take of a processor, ms: most take less than a second, and the slowest of a thousand under load took a minute. */
const patience = 240_000;
const lookedAt = 5_000;

/** A world makes much that lives for one event: with room for more of it a sixth less time goes to collecting it. */
const youngGeneration = ["--max-semi-space-size=64"];

/** `path` is that of a bundled `worker.ts`. */
export function startWorker(path: string): Worker {
  let child: ChildProcess | undefined;
  return {
    run(request) {
      child ??= fork(path, { execArgv: youngGeneration });
      const running = child;
      return new Promise((resolve) => {
        const finish = (verdict: Verdict) => {
          clearInterval(watching);
          running.removeAllListeners();
          resolve(verdict);
        };
        const fail = (what: string) => {
          child = undefined;
          running.kill();
          finish(unfinished(request.seed, what));
        };
        const before = processorTime(running);
        const watching = setInterval(() => {
          if (processorTime(running) - before > patience)
            fail(`the world does not end within ${patience / 1000} s of a processor`);
        }, lookedAt);
        running.once("message", finish);
        running.once("exit", (code, signal) => fail(`the world ended its process: ${code ?? signal}`));
        running.send(request);
      });
    },
    end() {
      child?.disconnect();
    },
  };
}

/** Of a process, ms: what a busy machine gives to others does not count. The file is of Linux: user and system time in hundredths of a second. */
function processorTime({ pid }: ChildProcess): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
    return 10 * (Number(fields[11]) + Number(fields[12]));
  } catch {
    return 0; // It has ended, which is told by itself.
  }
}

function unfinished(seed: number, failure: string): Verdict {
  return { seed, failures: [failure], digest: "", events: 0, finalBlocks: 0, healing: null, coverage: sum([]) };
}

/** All that are asked, by two processes, told as they come and returned in the order of the seeds. */
export async function runAll(
  path: string,
  requests: Iterator<Drawn>,
  tell: (verdict: Verdict) => void,
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  const takeOn = async () => {
    const worker = startWorker(path);
    for (let next = requests.next(); !next.done; next = requests.next()) {
      const verdict = await worker.run(next.value);
      verdicts.push(verdict);
      tell(verdict);
    }
    worker.end();
  };
  await Promise.all([takeOn(), takeOn()]);
  return verdicts.sort((a, b) => a.seed - b.seed);
}
