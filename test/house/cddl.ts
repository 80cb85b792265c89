import { type Cbor, decode } from "../../firmware/core/wire/cbor";
import { encodeText } from "../../firmware/core/wire/text";

/**
 * As much of CDDL (RFC 8610) as docs/wire/vertebra.cddl uses: choices, ranges, literals, arrays with occurrences and keys, one
 * form of map, parentheses, and the controls `.size` and `.cbor`. What it does not know, it throws for.
 */

type Matcher = (value: Cbor) => boolean;

export interface Cddl {
  /** Names of all rules. */
  readonly rules: readonly string[];
  /** Whether the encoded value follows the rule; the rules that were met on the way are added to `met`. */
  matches(rule: string, bytes: Uint8Array, met: Set<string>): boolean;
}

interface Reader {
  readonly tokens: readonly string[];
  next: number;
  /** Set before each match. */
  met: Set<string>;
  readonly rules: Map<string, Matcher>;
}

const token = /"[^"]*"|\d*\*\d*|-?\d+|\.\.|\.[a-z]+|=>|[a-z][a-z0-9-]*|[[\](){},:/=]/g;

const prelude: Readonly<Record<string, Matcher>> = {
  bool: (value) => typeof value === "boolean",
  null: (value) => value === null,
  int: (value) => typeof value === "number" || typeof value === "bigint",
  float: (value) => typeof value === "object" && value !== null && "float" in value,
  tstr: (value) => typeof value === "string",
  bstr: (value) => value instanceof Uint8Array,
};

export function parseCddl(text: string): Cddl {
  const bare = text.replace(/;.*/g, "");
  const tokens = bare.match(token) ?? [];
  if (tokens.join("").length !== bare.replace(/\s/g, "").length)
    throw new Error("The CDDL has signs that are not known.");
  const reader: Reader = { tokens, next: 0, met: new Set(), rules: new Map() };
  while (reader.next < tokens.length) {
    const name = take(reader);
    if (reader.rules.has(name)) throw new Error(`Rule ${name} is there twice.`);
    expectToken(reader, "=");
    reader.rules.set(name, readType(reader));
  }
  return {
    rules: [...reader.rules.keys()],
    matches: (rule, bytes, met) => {
      reader.met = met;
      return named(reader, rule)(decode(bytes));
    },
  };
}

function readType(reader: Reader): Matcher {
  const choices = [readControlled(reader)];
  while (peek(reader) === "/") {
    take(reader);
    choices.push(readControlled(reader));
  }
  return (value) => choices.some((choice) => choice(value));
}

function readControlled(reader: Reader): Matcher {
  const base = readPrimary(reader);
  const control = peek(reader);
  if (control !== ".size" && control !== ".cbor") return base;
  take(reader);
  const inner = readPrimary(reader);
  if (control === ".size") return (value) => base(value) && inner(sizeOf(value));
  return (value) => {
    const content = base(value) ? contentOf(value as Uint8Array) : undefined;
    return content !== undefined && inner(content);
  };
}

/** What bytes encode; undefined where they are no CBOR. */
function contentOf(bytes: Uint8Array): Cbor | undefined {
  try {
    return decode(bytes);
  } catch {
    return undefined;
  }
}

function readPrimary(reader: Reader): Matcher {
  const first = take(reader);
  if (first === "[") return readArray(reader);
  if (first === "{") return readMap(reader);
  if (first === "(") {
    const inner = readType(reader);
    expectToken(reader, ")");
    return inner;
  }
  if (first.startsWith('"')) return (value) => value === first.slice(1, -1);
  if (/^-?\d+$/.test(first)) return readRange(reader, Number(first));
  if (!/^[a-z]/.test(first)) throw new Error(`'${first}' is not known here.`);
  return (value) => named(reader, first)(value);
}

function readRange(reader: Reader, least: number): Matcher {
  if (peek(reader) !== "..") return (value) => value === least;
  take(reader);
  const most = Number(take(reader));
  return (value) => typeof value === "number" && value >= least && value <= most;
}

function readMap(reader: Reader): Matcher {
  expectToken(reader, "*");
  const key = readType(reader);
  expectToken(reader, "=>");
  const item = readType(reader);
  expectToken(reader, "}");
  return (value) => value instanceof Map && [...value].every(([k, v]) => key(k) && item(v));
}

interface Member {
  readonly least: number;
  readonly most: number;
  readonly type: Matcher;
}

function readArray(reader: Reader): Matcher {
  const members: Member[] = [];
  while (peek(reader) !== "]") {
    members.push(readMember(reader));
    if (peek(reader) === ",") take(reader);
  }
  take(reader);
  return (value) => Array.isArray(value) && matchMembers(members, value);
}

function readMember(reader: Reader): Member {
  let [least, most] = [1, 1];
  if (peek(reader).includes("*")) {
    const [from, to] = take(reader).split("*") as [string, string];
    [least, most] = [Number(from), to === "" ? Number.POSITIVE_INFINITY : Number(to)];
  }
  if (reader.tokens[reader.next + 1] === ":") reader.next += 2;
  return { least, most, type: readType(reader) };
}

/** Each member takes as many items as it can, which is enough where only the last may take a varying number. */
function matchMembers(members: readonly Member[], items: readonly Cbor[]): boolean {
  let index = 0;
  for (const { least, most, type } of members) {
    let count = 0;
    while (count < most && index < items.length && type(items[index]!)) {
      index++;
      count++;
    }
    if (count < least) return false;
  }
  return index === items.length;
}

function named(reader: Reader, name: string): Matcher {
  const rule = reader.rules.get(name) ?? prelude[name];
  if (rule === undefined) throw new Error(`There is no rule ${name}.`);
  return (value) => {
    const matched = rule(value);
    if (matched) reader.met.add(name);
    return matched;
  };
}

function sizeOf(value: Cbor): number {
  return typeof value === "string" ? encodeText(value).length : (value as Uint8Array).length;
}

function peek(reader: Reader): string {
  return reader.tokens[reader.next] ?? "";
}

function take(reader: Reader): string {
  const taken = reader.tokens[reader.next++];
  if (taken === undefined) throw new Error("The CDDL ends in the middle of a rule.");
  return taken;
}

function expectToken(reader: Reader, wanted: string): void {
  const taken = take(reader);
  if (taken !== wanted) throw new Error(`'${taken}' stands where '${wanted}' is wanted.`);
}
