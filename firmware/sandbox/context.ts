import { VertebraError } from "../core/errors";
import { decodeEntry, encodeEntry, type Value } from "../core/pact/entry";
import { decodePact } from "../core/pact/pact";
import { sameValue } from "../core/pact/same";
import { fromHex, toHex } from "../core/wire/bytes";
import type { Pact } from "../core/wire/types";
import { jsonOf } from "./json";
import type { EntryGiven, OutputGiven, Request } from "./request";

/** What a behavior put out before it ended. */
export interface Given {
  readonly outputs: OutputGiven[];
  readonly logs: string[];
  /** What it called `fail` with, and what that threw: with nothing in it, lest a behavior that catches it changes what it says. */
  failure: { readonly thrown: object; readonly reason: string; readonly outputs: readonly OutputGiven[] } | undefined;
}

const mostLogs = 100;
/** Characters of a line that it logs, and of why it failed. */
const longestText = 500;

type Object = Readonly<Record<string, unknown>>;
type Run = Extract<Request, { kind: "run" }>;

/** All of "nothing but `{ entry, state, read, produce, capability, now, log, fail }`" but the state, which its module may begin. */
export function contextOf(run: Run, given: Given) {
  const pacts = new Map(run.pacts.map(({ id, pact }) => [id, decodePact(fromHex(pact))]));
  const named = (token: unknown) => {
    const name = (token as { name?: unknown } | undefined)?.name;
    for (const [id, pact] of pacts) if (pact.name === name) return { id, pact };
    throw new VertebraError("saga-pact", `${String(name)} is no pact of this saga`, "Name it in the stage.");
  };
  const object = ({ pact, entry }: EntryGiven) => objectOf(pacts.get(pact)!, fromHex(entry));
  const readsOf = (token: unknown) => {
    const { id } = named(token);
    return run.reads.filter(({ pact }) => pact === id);
  };
  const all = (token: unknown) => readsOf(token).map(object);
  const output = (token: unknown, values: unknown): OutputGiven => {
    const { id, pact } = named(token);
    return { pact: id, entry: toHex(encodeObject(pact, values as Object)) };
  };
  return {
    entry: run.entry === null ? undefined : object(run.entry),
    now: run.now,
    read: {
      all,
      latest: (token: unknown) => all(token).at(-1),
      range: (token: unknown, from: number, before = Number.POSITIVE_INFINITY) =>
        readsOf(token)
          .filter(({ sequence }) => sequence >= from && sequence < before)
          .map((read) => ({ sequence: read.sequence, entry: object(read) })),
      key: (token: unknown, field: string, value: unknown) => {
        const wanted = keyOf(named(token).pact, field, value);
        return all(token).filter((each) => sameValue(each[field]!, wanted));
      },
    },
    produce: (token: unknown, values: unknown) => void given.outputs.push(output(token, values)),
    capability: (name: unknown, operation: unknown) =>
      void given.outputs.push({ capability: readable(name), operation: jsonOf("an operation", operation) }),
    log: (text: unknown) => {
      if (given.logs.length < mostLogs) given.logs.push(readable(text));
    },
    fail: (reason: unknown, ...entries: readonly (readonly [unknown, unknown])[]): never => {
      const outputs = entries.map(([token, values]) => output(token, values));
      given.failure = { thrown: Object.freeze({}), reason: readable(reason), outputs };
      throw given.failure.thrown;
    },
  };
}

/** What a behavior says, as text that UTF-8 can carry. Throws what it throws when it is made text. */
export function readable(said: unknown): string {
  return String(said)
    .slice(0, longestText)
    .replace(/[\ud800-\udfff]/gu, "\ufffd");
}

/** The value that entries of a pact have in a field which was given this one: an f32 is rounded. */
function keyOf({ name, fields }: Pact, field: string, value: unknown): Value {
  const known = fields.find((each) => each.name === field);
  if (known === undefined) {
    throw new VertebraError("entry-unknown-field", `${name} has no field '${field}'`, "Name one that it has.");
  }
  return known.type.kind === "f32" && typeof value === "number" ? Math.fround(value) : (value as Value);
}

function objectOf({ fields }: Pact, entry: Uint8Array): Record<string, Value> {
  const values = decodeEntry(fields, entry);
  return Object.fromEntries(fields.map(({ name }, index) => [name, values[index]!]));
}

function encodeObject({ name: pact, fields, policy }: Pact, object: Object): Uint8Array {
  const left = new Set(Object.keys(object ?? {}));
  const values = fields.map(({ name }) => {
    if (!left.delete(name))
      throw new VertebraError("entry-missing", `${pact} lacks field '${name}'`, "Give it a value.");
    return object[name] as Value;
  });
  for (const name of left)
    throw new VertebraError("entry-unknown-field", `${pact} has no field '${name}'`, "Leave it out.");
  return encodeEntry(fields, values, policy);
}
