import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { VertebraError } from "../../firmware/core/errors";
import type { Rehearsed, Script } from "./rehearsal";

/** Throws `saga-entries` where the file can't be read or is no script. */
export function readScript(file: string): Script {
  let script: Partial<Script> | null;
  try {
    script = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw bad(`${file} can't be read: ${(error as Error).message}`);
  }
  if (!Array.isArray(script?.entries)) throw bad(`${file} has no list 'entries'`);
  for (const [index, each] of script.entries.entries()) {
    if (typeof each?.pact !== "string" || typeof each.entry !== "object") {
      throw bad(`${file}: entry ${index} has no 'pact' and 'entry'`);
    }
  }
  return script as Script;
}

/** What came otherwise than a script expects, in words; none where all is as it says. */
export function unmet({ expect = {} }: Script, { moments }: Rehearsed): string[] {
  const states = moments.flatMap((moment) => (moment.kind === "state" ? [moment] : []));
  const wrong: string[] = [];
  const compare = (what: string, expected: unknown, came: unknown) => {
    if (!isDeepStrictEqual(expected, came)) {
      wrong.push(`${what}: expected ${JSON.stringify(expected)}, and there came ${JSON.stringify(came)}`);
    }
  };
  if (expect.states !== undefined) {
    compare(
      "states",
      expect.states,
      states.map(({ stage, status }) => `${stage} ${status}`),
    );
  }
  for (const [pact, entries] of Object.entries(expect.entries ?? {})) {
    const came = moments.flatMap((each) => (each.kind === "entry" && each.pact === pact ? [each.entry] : []));
    compare(`entries of '${pact}'`, entries, came);
  }
  if (expect.state !== undefined) compare("the last state", expect.state, states.at(-1)?.state);
  return wrong;
}

function bad(message: string): VertebraError {
  const remedy =
    'Give { "entries": [{ "pact": …, "entry": { … }, "at": ms }], "expect": { … } }; `vertebra saga new` shows one';
  return new VertebraError("saga-entries", message, remedy);
}
