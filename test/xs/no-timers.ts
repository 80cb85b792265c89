/** fast-check wants timers to be there when it loads, and uses them only in what our tests don't: asynchronous limits on time. */
const scope: { setTimeout?: unknown; clearTimeout?: unknown } = globalThis;
const absent = (): never => {
  throw new Error("There are no timers in the firmware's tests.");
};

scope.setTimeout ??= absent;
scope.clearTimeout ??= absent;
