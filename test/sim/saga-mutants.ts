import { type Mutant, one } from "./mutant";

/** Deliberate faults in what runs sagas. */
export const sagaMutants: readonly Mutant[] = [
  one(
    "act again after a restart",
    950,
    "saga/runtime.ts",
    'if (head.state.status === "intent" && own) act(runtime, invocation, head.state, pushed.at);',
    'if (head.state.status === "intent" && equal(head.issuer, avatar)) act(runtime, invocation, head.state, pushed?.at ?? 0);',
  ),
  one(
    "act by the intent of another",
    460,
    "saga/runtime.ts",
    'if (head.state.status === "intent" && own) act(runtime, invocation, head.state, pushed.at);',
    'if (head.state.status === "intent" && runtime.live) act(runtime, invocation, head.state, now.monotonic);',
  ),
  one(
    "believe that an act was done whose outcome is lost",
    1030,
    "saga/runtime.ts",
    'pushOutcome(runtime, invocation, "unknown", "nobody knows whether it acted");',
    'pushOutcome(runtime, invocation, "done", "");',
  ),
  one(
    "leave an act to who has gone",
    4425,
    "saga/runtime.ts",
    "if (any !== undefined && isDue(runtime, from + leases * runtime.lease)) {",
    "if (leases === 0) {",
  ),
  one(
    "leave a stage to who has its turn",
    4425,
    "saga/runtime.ts",
    "if (rank === undefined) return;",
    "if (rank !== 0) return;",
  ),
  one(
    "let no deadline come",
    460,
    "saga/runtime.ts",
    "if (deadline === 0) return false;",
    "if (deadline >= 0) return false;",
  ),
  one(
    "push what a state produced before it is final",
    65,
    "saga/runtime.ts",
    "const { entry } = stateOfRun(runtime.ledger.definitions, invocation, what, result);",
    `const { state, entry } = stateOfRun(runtime.ledger.definitions, invocation, what, result);
     const { avatar, lease, now, ledger } = runtime;
     const head = { ...invocation.head!, state, issuer: avatar };
     effectsOf(runtime.effects, ledger.definitions, { invocation, head, was: standingOf(invocation), avatar, lease, now: now.monotonic });`,
  ),
  one(
    "push what an intent produces",
    1030,
    "saga/effects.ts",
    'return status !== "intent" && status !== "refused" &&',
    'return status !== "refused" &&',
  ),
  one(
    "push what was refused",
    1490,
    "saga/effects.ts",
    'return status !== "intent" && status !== "refused" &&',
    'return status !== "intent" &&',
  ),
  one(
    "leave what was produced to its issuer",
    460,
    "saga/effects.ts",
    "equal(head.issuer, avatar) ? 0 : (rank + 1) * lease;",
    "equal(head.issuer, avatar) ? 0 : Number.POSITIVE_INFINITY;",
  ),
  one(
    "tell of a repeat",
    1030,
    "chain/repeats.ts",
    "if (isRepeat(group, id)) repeats.push(index);",
    "if (id.length === 0) repeats.push(index);",
  ),
  one(
    "count a state that does not follow the last one",
    15,
    "saga/ledger.ts",
    'if (state.previous !== null && reach === undefined) return "another state came first";',
    `if (state.previous !== null && reach === undefined) {
       return [...book.reaches.values()].find(({ running }) => running !== null)?.running ?? "another state came first";
     }`,
  ),
  one(
    "let two invocations consume one entry",
    20,
    "saga/ledger.ts",
    'if (isTaken(book.taken, groupKey, sequence)) return "what it consumed is taken";',
    "",
  ),
  one(
    "count a state before what it consumed is seen",
    910,
    "saga/ledger.ts",
    "return groups.has(toHex(group)) && sequence >= (seen.get(toHex(group)) ?? 0);",
    "return groups.has(toHex(group)) && sequence < 0;",
  ),
  one(
    "forget in a snapshot what was consumed",
    320,
    "saga/keeping.ts",
    "return [...sequences].map((sequence) => ({ group, sequence }));",
    "return [...sequences].slice(1).map((sequence) => ({ group, sequence }));",
  ),
  one("forget a compensation", 1030, "saga/invocation.ts", "if (compensation !== null || toReverse", "if (toReverse"),
  one(
    "reverse what a stage consumed",
    960,
    "saga/invocation.ts",
    "step.produced.filter((id) => !spent.has(toHex(id)))",
    "step.produced",
  ),
  one(
    "keep the state of a stage that is undone",
    460,
    "saga/outcome.ts",
    'saga.description.reach === "invocation" ? stateBefore(invocation) : step.before;',
    "stateBefore(invocation);",
  ),
  one(
    "read beyond the cursors",
    1030,
    "saga/entries.ts",
    ".filter(({ sequence }) => sequence < (before.get(group.key) ?? 0))",
    "",
  ),
];
