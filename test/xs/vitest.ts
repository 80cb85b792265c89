/** What the tests of the firmware import as "vitest" when they run on XS. */
import type { Native } from "../../firmware/native/native";

export { expect } from "./expect";

declare const native: Native;

interface Test {
  readonly name: string;
  readonly body: () => unknown;
}

/** What a test gave, printed as one line of JSON. */
export interface Result {
  readonly name: string;
  readonly error: string | null;
  readonly milliseconds: number;
}

const tests: Test[] = [];
const path: string[] = [];

export const describe = Object.assign(group, { each: each(group) });
export const it = Object.assign(single, { each: each(single), fails });

function group(name: string, body: () => void): void {
  path.push(name);
  body();
  path.pop();
}

function single(name: string, body: () => unknown): void {
  tests.push({ name: [...path, name].join(" > "), body });
}

/** A test of what does not hold yet: it passes as long as its body throws. */
function fails(name: string, body: () => unknown): void {
  single(name, async () => {
    try {
      await body();
    } catch {
      return;
    }
    throw new Error("It holds now: write it as an ordinary test.");
  });
}

/** One for each case; `%s` and its like in the name stand for the parameters in turn, as in vitest. */
function each(register: (name: string, body: () => void) => void) {
  return (cases: readonly unknown[]) => (name: string, body: (...parameters: never[]) => void) => {
    for (const one of cases) {
      const parameters = Array.isArray(one) ? one : [one];
      let turn = 0;
      const told = name.replace(/%[sdifjo]/g, () => String(parameters[turn++]));
      register(told, () => body(...(parameters as never[])));
    }
  };
}

/** What the file registered, in order. */
export function names(): string[] {
  return tests.map((test) => test.name);
}

/** Runs all, each after the other, and prints a `Result` for each. */
export async function run(): Promise<void> {
  for (const test of tests) {
    const before = native.clock.monotonic();
    const error = await outcome(test);
    const result: Result = { name: test.name, error, milliseconds: native.clock.monotonic() - before };
    native.print(JSON.stringify(result));
  }
}

async function outcome(test: Test): Promise<string | null> {
  try {
    await test.body();
    return null;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}
