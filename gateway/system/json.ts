import { VertebraError } from "../../firmware/core/errors";
import type { Json } from "../../firmware/core/pact/json";

/** Arrays and objects within each other. */
const deepest = 32;

const tokens = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|[{}[\]]|true|false|null/g;

/**
 * JSON as it is written: an integer beyond 2^53 is a bigint, -0 stays that. What JavaScript would read as something else without a
 * word is refused with its place: a number beyond its range (`json-number`), a name that is there twice (`json-double`). Throws
 * `json-syntax`, and `json-depth` for more than 32 arrays and objects within each other.
 */
export function readJson(text: string): Json {
  try {
    JSON.parse(text);
  } catch (error) {
    throw refused("json-syntax", `This is not JSON: ${(error as Error).message}`, "Correct that place.");
  }
  const reader = { tokens: text.match(tokens)!, at: 0 };
  return read(reader, "", 0);
}

interface Reader {
  readonly tokens: readonly string[];
  at: number;
}

/** `JSON.parse` has found it to be sound: commas and colons say nothing more. */
function read(reader: Reader, place: string, depth: number): Json {
  const token = reader.tokens[reader.at++]!;
  if (token !== "{" && token !== "[") return readScalar(token, place);
  if (depth === deepest) {
    throw refused(
      "json-depth",
      `${named(place)} is in more than ${deepest} arrays and objects`,
      "Nest it less deeply.",
    );
  }
  if (token === "[") {
    const items: Json[] = [];
    while (reader.tokens[reader.at] !== "]") items.push(read(reader, `${place}[${items.length}]`, depth + 1));
    reader.at++;
    return items;
  }
  const fields = new Map<string, Json>();
  while (reader.tokens[reader.at] !== "}") {
    const name = JSON.parse(reader.tokens[reader.at++]!) as string;
    const inside = place === "" ? name : `${place}.${name}`;
    if (fields.has(name)) throw refused("json-double", `${named(inside)} is there twice`, "Give it once.");
    fields.set(name, read(reader, inside, depth + 1));
  }
  reader.at++;
  // Whatever it is called, as `__proto__`, each is a field of its own.
  return Object.fromEntries(fields);
}

function readScalar(token: string, place: string): Json {
  const value: Json = JSON.parse(token);
  if (typeof value !== "number") return value;
  if (!Number.isFinite(value)) {
    throw refused(
      "json-number",
      `${named(place)} is ${token.slice(0, 40)}, beyond what a number can hold`,
      "Give a number below 1.8e308, or the text 'Infinity' or '-Infinity' where that is meant.",
    );
  }
  return /^-?\d+$/.test(token) && !Number.isSafeInteger(value) ? BigInt(token) : value;
}

/** JSON of what `JSON.stringify` would write, where -0 and integers beyond 2^53 stay what they are. */
export function writeJson(value: unknown): string {
  if (Object.is(value, -0)) return "-0";
  if (typeof value === "bigint") return `${value}`;
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map(writeJson).join(",")}]`;
  const fields = Object.entries(value).filter(([, each]) => each !== undefined);
  return `{${fields.map(([name, each]) => `${JSON.stringify(name)}:${writeJson(each)}`).join(",")}}`;
}

function named(place: string): string {
  return place === "" ? "The value" : `Field '${place}'`;
}

function refused(code: string, message: string, remedy: string): VertebraError {
  return new VertebraError(code, message, remedy);
}
