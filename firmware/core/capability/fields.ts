import { VertebraError } from "../errors";

/** How an error names what it is about, and what it tells a person to do. */
export interface Reading {
  readonly code: string;
  readonly where: string;
  readonly remedy: string;
}

/** The fields of a JSON object, each taken by its name and type. Each throws the code of the reading, with field, bound and value. */
export interface Fields {
  has(name: string): boolean;
  text(name: string): string;
  flag(name: string): boolean;
  /** A finite number from `least` to `most`. */
  number(name: string, least: number, most: number): number;
  integer(name: string, least: number, most: number): number;
  /** Any value at all: for who reads it with fields of its own, or not. */
  any(name: string): unknown;
  list(name: string, most: number): readonly unknown[];
  /** Throws for a field that nobody took: a typing error must not pass for a missing field. */
  end(): void;
}

/** Throws where the value is not a JSON object. */
export function fieldsOf(reading: Reading, value: unknown): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrong(reading, `is ${shown(value)}, not an object`);
  }
  const left = new Map(Object.entries(value));

  function take(name: string): unknown {
    if (!left.has(name)) throw wrong(reading, `lacks '${name}'`);
    const taken = left.get(name);
    left.delete(name);
    return taken;
  }

  function number(name: string, least: number, most: number): number {
    const taken = take(name);
    if (typeof taken !== "number" || !Number.isFinite(taken)) {
      throw wrong(reading, `has ${shown(taken)} for '${name}', not a number`);
    }
    if (taken < least) throw wrong(reading, `has ${taken} for '${name}', below its least of ${least}`);
    if (taken > most) throw wrong(reading, `has ${taken} for '${name}', above its most of ${most}`);
    return taken;
  }

  return {
    has: (name) => left.has(name),
    any: take,
    number,
    text(name) {
      const taken = take(name);
      if (typeof taken !== "string") throw wrong(reading, `has ${shown(taken)} for '${name}', not text`);
      return taken;
    },
    flag(name) {
      const taken = take(name);
      if (typeof taken !== "boolean") throw wrong(reading, `has ${shown(taken)} for '${name}', not true or false`);
      return taken;
    },
    integer(name, least, most) {
      const taken = number(name, least, most);
      if (!Number.isInteger(taken)) throw wrong(reading, `has ${taken} for '${name}', not an integer`);
      return taken;
    },
    list(name, most) {
      const taken = take(name);
      if (!Array.isArray(taken)) throw wrong(reading, `has ${shown(taken)} for '${name}', not a list`);
      if (taken.length > most) throw wrong(reading, `has ${taken.length} of '${name}', and the most is ${most}`);
      return taken;
    },
    end() {
      for (const name of left.keys()) throw wrong(reading, `has no field ${shown(name)}`);
    },
  };
}

export function wrong({ code, where, remedy }: Reading, what: string): VertebraError {
  return new VertebraError(code, `${where} ${what}`, remedy);
}

const longestShown = 40;

/** A value in a sentence: what others wrote, so at most so long. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > longestShown ? `${text.slice(0, longestShown)}…` : text;
}
