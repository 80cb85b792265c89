import type { Hash } from "../core/wire/types";
import type { Native } from "../native/native";
import { patience, replyAfter, requestLine, tooMuchGiven } from "../sandbox/ends";
import type { Reply, Request } from "../sandbox/request";
import { createTurns } from "../sandbox/turns";

/** Runs a request for a behavior, named by its hash, and calls `done` once, at once or later. */
export type Sandbox = (request: Request, behavior: Hash, done: (reply: Reply) => void) => void;

/** Each run in a process of its own: `program` is the file of the sandbox's program. What a run does ends that process alone. */
export function createProcessSandbox({ process }: Pick<Native, "process">, program: string): Sandbox {
  const turn = createTurns();
  return (request, _behavior, done) => {
    const line = requestLine(request);
    if (line === undefined) done(tooMuchGiven(request));
    else
      turn((over) =>
        process.start(program, `${line}\n`, patience, (status, output) => {
          over();
          done(replyAfter(request, status, output));
        }),
      );
  };
}
