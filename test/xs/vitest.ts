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

export function describe(name: string, body: () => void): void {
  path.push(name);
  body();
  path.pop();
}

export function it(name: string, body: () => unknown): void {
  tests.push({ name: [...path, name].join(" > "), body });
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
