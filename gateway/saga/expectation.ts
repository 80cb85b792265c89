import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { VertebraError } from "../../firmware/core/errors";
import { readJson, writeJson } from "../system/json";
import { horizon, type Rehearsed, type Script } from "./rehearsal";

/** Entries of a script; what each brings about is run on the engine. */
const mostEntries = 1_000;

/** Throws `saga-entries` where the file can't be read or is no script, naming the entry that is wrong. */
export function readScript(file: string): Script {
  const script = read(file);
  if (!isObject(script)) throw bad(`${file} is no JSON object`);
  const { entries, expect, capabilities = {}, refuses = [], ...others } = script;
  refuseOthers(file, others, "entries, expect, capabilities, refuses");
  if (!Array.isArray(entries) || entries.length > mostEntries) {
    throw bad(`${file} has no list 'entries' of at most ${mostEntries}`);
  }
  for (const [index, each] of entries.entries()) checkEntry(`${file}: entry ${index}`, each);
  const published = isObject(capabilities) ? Object.values(capabilities) : [null];
  if (published.some((value) => typeof value !== "string" && !isAmount(value))) {
    throw bad(`${file} has 'capabilities' that are no object of numbers and texts`);
  }
  if (!isTexts(refuses)) throw bad(`${file} has 'refuses' that are no list of names`);
  if (expect !== undefined) checkExpected(file, expect);
  return { ...script, file } as unknown as Script;
}

function read(file: string): unknown {
  try {
    return readJson(readFileSync(file, "utf8"));
  } catch (error) {
    throw bad(`${file} can't be read: ${(error as Error).message}`);
  }
}

function checkEntry(where: string, each: unknown): void {
  if (!isObject(each) || typeof each.pact !== "string" || !isObject(each.entry)) {
    throw bad(`${where} has no 'pact' and 'entry'`);
  }
  const { pact, entry: _, at = 0, ...others } = each;
  const which = `${where} (pact '${pact}')`;
  refuseOthers(which, others, "pact, entry, at");
  if (!isAmount(at) || (at as number) < 0 || (at as number) > horizon) {
    throw bad(`${which} has 'at' ${writeJson(at)}, which is no number of ms from 0 to ${horizon} (30 days)`);
  }
}

function checkExpected(file: string, expect: unknown): void {
  if (!isObject(expect)) throw bad(`${file} has an 'expect' that is no object`);
  const { states = [], entries = {}, state: _, ...others } = expect;
  refuseOthers(`${file}: 'expect'`, others, "states, entries, state");
  if (!isTexts(states)) throw bad(`${file} expects 'states' that are no list of texts, as "watch done"`);
  if (!isObject(entries) || !Object.values(entries).every(Array.isArray)) {
    throw bad(`${file} expects 'entries' that are no object of lists, by the names of pacts`);
  }
}

function refuseOthers(where: string, others: object, known: string): void {
  const [other] = Object.keys(others);
  if (other !== undefined) throw bad(`${where} has '${other}', and there are: ${known}`);
}

function isObject(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isAmount(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value);
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

/** What came otherwise than a script expects, in words; none where all is as it says. */
export function unmet({ expect = {} }: Script, { moments }: Rehearsed): string[] {
  const states = moments.flatMap((moment) => (moment.kind === "state" ? [moment] : []));
  const wrong: string[] = [];
  const compare = (what: string, expected: unknown, came: unknown) => {
    if (!isDeepStrictEqual(expected, readJson(writeJson(came)))) {
      wrong.push(`${what}: expected ${writeJson(expected)}, and there came ${writeJson(came)}`);
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
