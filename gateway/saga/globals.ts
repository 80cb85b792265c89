/** What programs elsewhere have, and a behavior has not: it gives the same wherever and whenever it is run. */

const timers = "A behavior is over when it returns. To wait, let a stage have a `deadline` or a `retry`.";
const platform = "Behaviors run where there is no platform: use the language alone.";
const chance = "A replay must give the same: take what differs from the entry, or from `now`.";

/** What to do instead, by the name of the global. */
const remedies: Readonly<Record<string, string>> = {
  Date: "Take `now` from its context: ms since 1970, as the runtime had it when the stage began.",
  "Math.random": chance,
  crypto: chance,
  performance: "Take `now` from its context.",
  console: "Take `log` from its context.",
  ...Object.fromEntries(
    [
      ...["setTimeout", "setInterval", "setImmediate", "clearTimeout", "clearInterval", "clearImmediate"],
      "queueMicrotask",
    ].map((name) => [name, timers]),
  ),
  ...Object.fromEntries(
    [
      ...["process", "require", "module", "exports", "Buffer", "global", "window", "self", "document", "navigator"],
      ...["__dirname", "__filename", "fetch", "XMLHttpRequest", "WebSocket", "Worker", "localStorage", "alert"],
      ...["URL", "URLSearchParams", "TextEncoder", "TextDecoder", "AbortController", "Event", "EventTarget", "Blob"],
      ...["structuredClone", "atob", "btoa", "Intl", "WebAssembly", "Atomics", "SharedArrayBuffer", "WeakRef"],
      ...["FinalizationRegistry", "Compartment", "ModuleSource", "trace"],
    ].map((name) => [name, platform]),
  ),
};

/** Each of them, the name by which a bundler puts it where it is meant, and what to do instead. */
export const absent = Object.entries(remedies).map(([name, remedy]) => ({
  name,
  remedy,
  marked: `$absent_${name.replace(".", "_")}`,
}));

/** For the bundler: also where they are taken from `globalThis`. */
export const absentMarked: Readonly<Record<string, string>> = Object.fromEntries(
  absent.flatMap(({ name, marked }) => [
    [name, marked],
    [`globalThis.${name}`, marked],
  ]),
);
