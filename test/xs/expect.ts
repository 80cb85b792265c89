/** The plain matchers of vitest, for engines that vitest does not run on. */
export function expect(actual: unknown): Expectation {
  return { ...matchers(actual, true), not: matchers(actual, false) };
}

type Matchers = ReturnType<typeof matchers>;
type Expectation = Matchers & { readonly not: Matchers };
type Thrown = string | RegExp | Error | (new (...parameters: never[]) => unknown);

function matchers(actual: unknown, wanted: boolean) {
  const check = (holds: boolean, words: string) => {
    if (holds !== wanted) throw new Error(`expected ${show(actual)} ${wanted ? "" : "not "}${words}`);
  };
  return {
    toBe: (other: unknown) => check(Object.is(actual, other), `to be ${show(other)}`),
    toEqual: (other: unknown) => check(deepEqual(actual, other), `to equal ${show(other)}`),
    toMatchObject: (other: unknown) => check(contains(actual, other), `to match ${show(other)}`),
    toBeUndefined: () => check(actual === undefined, "to be undefined"),
    toBeDefined: () => check(actual !== undefined, "to be defined"),
    toBeNull: () => check(actual === null, "to be null"),
    toBeTruthy: () => check(Boolean(actual), "to be truthy"),
    toBeFalsy: () => check(!actual, "to be falsy"),
    toHaveLength: (length: number) =>
      check((actual as { length: number }).length === length, `to have length ${length}`),
    toContain: (item: unknown) => check(includes(actual, item), `to contain ${show(item)}`),
    toBeGreaterThan: (other: number | bigint) => check((actual as number) > other, `to be greater than ${other}`),
    toBeGreaterThanOrEqual: (other: number | bigint) => check((actual as number) >= other, `to be at least ${other}`),
    toBeLessThan: (other: number | bigint) => check((actual as number) < other, `to be less than ${other}`),
    toBeLessThanOrEqual: (other: number | bigint) => check((actual as number) <= other, `to be at most ${other}`),
    toMatch: (pattern: string | RegExp) => check(matches(String(actual), pattern), `to match ${pattern}`),
    toThrow: (thrown?: Thrown) => checkThrow(actual as () => unknown, thrown, check),
  };
}

function checkThrow(
  act: () => unknown,
  thrown: Thrown | undefined,
  check: (holds: boolean, words: string) => void,
): void {
  let error: unknown;
  let threw = false;
  try {
    act();
  } catch (caught) {
    threw = true;
    error = caught;
  }
  const got = threw ? `, and it threw ${show(error)}` : ", and it threw nothing";
  check(threw && isThe(error, thrown), `to throw ${thrown === undefined ? "" : show(thrown)}${got}`);
}

function isThe(error: unknown, thrown: Thrown | undefined): boolean {
  if (thrown === undefined) return true;
  if (typeof thrown === "function") return error instanceof thrown;
  const message = error instanceof Error ? error.message : String(error);
  return thrown instanceof Error ? message === thrown.message : matches(message, thrown);
}

function matches(text: string, pattern: string | RegExp): boolean {
  return typeof pattern === "string" ? text.includes(pattern) : pattern.test(text);
}

function includes(container: unknown, item: unknown): boolean {
  if (typeof container === "string") return container.includes(item as string);
  return Array.from(container as Iterable<unknown>).some((one) => Object.is(one, item));
}

/** As `toEqual` of vitest: by value, whatever the class, properties that are undefined left aside. */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Object.prototype.toString.call(a) !== Object.prototype.toString.call(b)) return false;
  if (ArrayBuffer.isView(a) || Array.isArray(a)) return sameItems(a as ArrayLike<unknown>, b as ArrayLike<unknown>);
  if (a instanceof Map && b instanceof Map) return sameMap(a, b);
  if (a instanceof Set && b instanceof Set) return a.size === b.size && [...a].every((item) => holds(b, item));
  if (a instanceof Error && b instanceof Error && a.message !== b.message) return false;
  return (
    definedKeys(a).length === definedKeys(b).length && definedKeys(a).every((key) => deepEqual(at(a, key), at(b, key)))
  );
}

function sameItems(a: ArrayLike<unknown>, b: ArrayLike<unknown>): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) {
    if (!deepEqual(a[index], b[index])) return false;
  }
  return true;
}

function sameMap(a: ReadonlyMap<unknown, unknown>, b: ReadonlyMap<unknown, unknown>): boolean {
  if (a.size !== b.size) return false;
  return [...a].every(([key, value]) =>
    b.has(key)
      ? deepEqual(value, b.get(key))
      : [...b].some(([otherKey, otherValue]) => deepEqual(key, otherKey) && deepEqual(value, otherValue)),
  );
}

function holds(set: ReadonlySet<unknown>, item: unknown): boolean {
  return set.has(item) || [...set].some((other) => deepEqual(item, other));
}

function definedKeys(value: object): string[] {
  return Object.keys(value).filter((key) => at(value, key) !== undefined);
}

function at(value: object, key: string): unknown {
  return (value as Record<string, unknown>)[key];
}

/** As `toMatchObject` of vitest: what `wanted` has, `actual` has too. */
function contains(actual: unknown, wanted: unknown): boolean {
  if (typeof wanted !== "object" || wanted === null || typeof actual !== "object" || actual === null)
    return deepEqual(actual, wanted);
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(actual) &&
      actual.length === wanted.length &&
      wanted.every((item, index) => contains(actual[index], item))
    );
  }
  if (ArrayBuffer.isView(wanted) || wanted instanceof Map || wanted instanceof Set) return deepEqual(actual, wanted);
  return Object.keys(wanted).every((key) => key in actual && contains(at(actual, key), at(wanted, key)));
}

function show(value: unknown): string {
  if (typeof value === "function") return "the function";
  if (value instanceof Error) return `Error(${value.message})`;
  if (value instanceof RegExp) return String(value);
  if (value instanceof Uint8Array)
    return `bytes ${Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  if (value instanceof Map || value instanceof Set) return show([...value]);
  if (typeof value !== "object" || value === null)
    return typeof value === "bigint" ? `${value}n` : (JSON.stringify(value) ?? String(value));
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  return `{${Object.entries(value)
    .map(([key, one]) => `${key}: ${show(one)}`)
    .join(", ")}}`;
}
