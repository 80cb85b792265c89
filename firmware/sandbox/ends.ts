import type { Reply, Request } from "./request";

/**
 * ms that a run may take, lest one that computes with what is not counted, as huge numbers, goes on for ever. While it runs in a
 * board's own machine that does nothing else.
 */
export const patience = { process: 20_000, machine: 5_000 } as const;

/** Characters of source, state and entries that a run is given, and of its reply as a line. */
const longestRequest = 1_000_000;
const longestReply = 80_000;

/** Why a run failed that met no other limit. */
export const tooLong = "it took longer than a run may";

/** How a machine ends that met a limit: statuses of the host (native.ts), 128 and more where a signal ended it. */
const ends: Readonly<Record<number, string>> = {
  70: "it left something behind that failed",
  71: "it ran out of memory",
  72: "it called itself without end, or nearly",
  73: "it ran out of property names",
  75: "it reached its limit of computation",
  142: tooLong,
};

/** The answer to a request that is longer than a run may be; undefined where it is not. */
export function tooMuchGiven(request: Request): Reply | undefined {
  let length = request.source.length;
  if (request.kind === "run") {
    length += (request.state?.length ?? 0) + (request.entry?.entry.length ?? 0);
    for (const { entry } of request.reads) length += entry.length;
  }
  return length > longestRequest ? brokenOff(request, `it is given more than ${longestRequest} characters`) : undefined;
}

/** The reply as a line. */
export function replyLine(request: Request, reply: Reply): string {
  const line = JSON.stringify(reply);
  if (line.length <= longestReply) return line;
  return JSON.stringify(brokenOff(request, `it put out more than ${longestReply} characters`));
}

/** What came of a request to a machine that ended, with what it printed. */
export function replyAfter(request: Request, status: number, output: string): Reply {
  if (status === 0 && output !== "") return JSON.parse(output) as Reply;
  return brokenOff(request, reasonOfEnd(status));
}

/** What a behavior did that ended its machine so. */
export function reasonOfEnd(status: number): string {
  return ends[status] ?? `its machine ended with status ${status}`;
}

/** One that met a limit may go well another time, with other things to read. */
export function brokenOff({ kind }: Request, error: string, retry = true): Reply {
  return kind === "describe"
    ? { kind: "broken", error }
    : { kind: "failed", error, retry, outputs: [], logs: [], computation: 0 };
}
