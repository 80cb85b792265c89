/** Arrays and objects of a state within each other. */
const deepest = 32;

/**
 * The JSON of what a behavior leaves or asks for; that of nothing is null. What is read from it is what was given, but for fields that are
 * undefined: those are left out. Throws a TypeError that names what JSON can't say: NaN, infinities, bigint, bytes, maps, functions,
 * half of a surrogate pair, more than 32 arrays and objects within each other.
 */
export function jsonOf(what: string, value: unknown): string {
  return value === undefined ? "null" : textOf(what, value, 0);
}

function textOf(where: string, value: unknown, depth: number): string {
  switch (typeof value) {
    case "boolean":
      return value ? "true" : "false";
    case "string":
      return quoted(where, value);
    case "number":
      if (!Number.isFinite(value)) throw unsayable(where, `${value}`);
      return Object.is(value, -0) ? "-0" : `${value}`;
    case "object":
      if (value === null) return "null";
      if (depth === deepest) throw unsayable(where, `in more than ${deepest} arrays and objects`);
      return Array.isArray(value) ? listOf(where, value, depth) : fieldsOf(where, value, depth);
    default:
      throw unsayable(where, value === undefined ? "undefined" : `a ${typeof value}`);
  }
}

function listOf(where: string, list: readonly unknown[], depth: number): string {
  const items: string[] = [];
  for (let index = 0; index < list.length; index++) items.push(textOf(`${where}[${index}]`, list[index], depth + 1));
  return `[${items.join(",")}]`;
}

function fieldsOf(where: string, object: object, depth: number): string {
  const kind = Object.getPrototypeOf(object);
  if (kind !== Object.prototype && kind !== null) throw unsayable(where, nameOf(object));
  const fields: string[] = [];
  for (const [name, value] of Object.entries(object)) {
    if (value !== undefined) fields.push(`${quoted(where, name)}:${textOf(`${where}.${name}`, value, depth + 1)}`);
  }
  return `{${fields.join(",")}}`;
}

function quoted(where: string, text: string): string {
  if (/[\ud800-\udfff]/u.test(text)) throw unsayable(where, "text with half of a surrogate pair");
  return JSON.stringify(text);
}

function nameOf(object: object): string {
  if (object instanceof Uint8Array) return "bytes";
  if (object instanceof Map || object instanceof Set) return "a map or a set";
  return typeof (object as { then?: unknown }).then === "function" ? "a promise" : "no plain object";
}

function unsayable(where: string, what: string): TypeError {
  return new TypeError(`${where} is ${what}, which JSON can't say`);
}
