import { integerRanges } from "../../firmware/core/pact/field";
import { maxRequirements } from "../../firmware/core/pact/requirement";
import { maxCorrelated, maxStagePacts, maxStages } from "../../firmware/core/saga/limits";
import { maxEntryBytes, maxFields, maxNameBytes } from "../../firmware/core/wire/limits";
import type { At, Definer } from "./places";
import { requirementRemedy } from "./requirements";

/** What is wrong with a saga as the engine described it, before anything is made of it. */
export interface Mistake {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  /** What it is wrong with, and in which of its fields; null where it is with the file. */
  readonly of: { readonly name: Definer; readonly at: At | undefined; readonly key?: string } | null;
}

/** What was made by `define…`, or whatever a person gave in its place. */
interface Given {
  readonly at?: At;
  readonly [name: string]: unknown;
}

interface Finding {
  readonly mistakes: Mistake[];
  readonly pacts: Map<string, { readonly given: Given; readonly text: string }>;
  readonly seen: Set<string>;
}

const scalars = [...Object.keys(integerRanges), "bool", "f32", "f64", "text", "bytes", "reference"];
const longestWait = Number.MAX_SAFE_INTEGER;
/** The engine counts in 32 bits; a state is an entry. */
const mostOfLimits: Readonly<Record<string, number>> = {
  computation: 2 ** 31 - 1,
  memory: 2 ** 31 - 1,
  output: maxEntryBytes,
};

/** `states` says of each stage why its first state is none, where it is not. */
export function mistakesIn(described: unknown, states: readonly (string | null)[]): Mistake[] {
  const saga = described as Given | null;
  const finding: Finding = { mistakes: [], pacts: new Map(), seen: new Set() };
  if (saga?.kind !== "saga" || !isObject(saga.options)) {
    const remedy = "End it with `export default defineSaga({ … })`.";
    return [{ code: "saga-export", message: "There is no saga as its default export", remedy, of: null }];
  }
  checkSaga(finding, saga, saga.options as Given, states);
  for (const { name, at } of (saga.defined ?? []) as readonly { name: Definer; at: At }[]) {
    if (finding.seen.has(`${at}`) || (name !== "definePact" && name !== "defineBehavior")) continue;
    const what = name === "definePact" ? "This pact is named by no behavior" : "This behavior is no stage";
    wrong(finding, "saga-unused", { name, at }, `${what} of the saga`, "Name it, export it, or take it out.");
  }
  return finding.mistakes;
}

type Place = NonNullable<Mistake["of"]>;

function wrong({ mistakes }: Finding, code: string, of: Place | null, message: string, remedy: string): void {
  mistakes.push({ code, message, remedy, of });
}

function checkSaga(finding: Finding, saga: Given, options: Given, states: readonly (string | null)[]): void {
  const place = placeOf("defineSaga", saga);
  const called = `saga '${told(options.name)}'`;
  checkName(finding, place("name"), "The saga", options.name, maxNameBytes - "-states".length);
  checkWhole(finding, place("version"), `The version of ${called}`, options.version, 1);
  if (!Array.isArray(options.stages) || options.stages.length === 0 || options.stages.length > maxStages) {
    const remedy = `Give it from 1 to ${maxStages} behaviors, in the order in which they run.`;
    wrong(finding, "saga-stages", place("stages"), `${called} has no list of stages, or too many`, remedy);
    return;
  }
  const stages = options.stages as readonly (Given | null)[];
  const names = new Map<string, number>();
  const sound: { readonly stage: Given; readonly options: Given }[] = [];
  for (const [index, stage] of stages.entries()) {
    if (stage?.kind !== "behavior" || !isObject(stage.options)) {
      const remedy = "Make it with `defineBehavior({ … })`.";
      wrong(finding, "saga-stages", place("stages"), `Stage ${index} of ${called} is no behavior`, remedy);
      continue;
    }
    finding.seen.add(`${stage.at}`);
    const name = told((stage.options as Given).name);
    if (names.has(name)) {
      const message = `Stages ${names.get(name)} and ${index} of ${called} are both called '${name}'`;
      wrong(
        finding,
        "saga-stages",
        place("stages"),
        message,
        "List each behavior once, and give each a name of its own.",
      );
    }
    names.set(name, index);
    sound.push({ stage, options: stage.options as Given });
    checkBehavior(finding, stage, stage.options as Given, states[index] ?? null);
  }
  checkStates(finding, sound);
  checkCorrelates(finding, sound);
  checkReach(finding, place("reach"), options.reach, sound[0]?.options.consumes as Given | undefined);
}

function checkBehavior(finding: Finding, behavior: Given, options: Given, state: string | null): void {
  const place = placeOf("defineBehavior", behavior);
  const { name, version, retry, limits } = options;
  const called = `behavior '${told(name)}'`;
  const most = options.compensate === true ? maxNameBytes - ".compensate".length : maxNameBytes;
  checkName(finding, place("name"), "The behavior", name, most);
  if (version !== undefined) checkWhole(finding, place("version"), `The version of ${called}`, version, 1);
  if (options.run !== true) wrong(finding, "saga-run", place(), `${called} has no function 'run'`, "Give it one.");
  const given = options.state as Given | undefined;
  if (given !== undefined && !(isObject(given) && ("initial" in given || state !== null))) {
    const remedy = "Make one with `defineState(…)`, from what the state is at first.";
    wrong(finding, "saga-state", place("state"), `The state of ${called} is no state`, remedy);
  } else if (state !== null) {
    const remedy = "Begin with what JSON can say: objects, lists, text, numbers, true, false and null.";
    const at = placeOf("defineState", given!)();
    wrong(finding, "saga-state", at.at === undefined ? place("state") : at, state, remedy);
  }
  checkPact(finding, place("consumes"), called, options.consumes);
  for (const list of ["reads", "produces"]) checkPactList(finding, place(list), called, list, options[list]);
  checkRequires(finding, place("requires"), called, options.requires);
  if (options.deadline !== undefined) {
    checkWhole(finding, place("deadline"), `The deadline of ${called}`, options.deadline, 0, longestWait, " ms");
  }
  if (retry !== undefined) {
    const { times, backoff } = (isObject(retry) ? retry : {}) as Given;
    checkWhole(finding, place("retry"), `The times of the retry of ${called}`, times, 0, 100);
    checkWhole(finding, place("retry"), `The backoff of the retry of ${called}`, backoff, 0, longestWait, " ms");
  }
  if (limits !== undefined && !isObject(limits)) {
    wrong(
      finding,
      "saga-limits",
      place("limits"),
      `${called} has limits that are no object`,
      "Give { computation: 100_000 }.",
    );
  }
  for (const [limit, value] of Object.entries(isObject(limits) ? (limits as Given) : {})) {
    const most = Object.hasOwn(mostOfLimits, limit) ? mostOfLimits[limit] : undefined;
    if (most !== undefined) checkWhole(finding, place("limits"), `The limit of ${limit} of ${called}`, value, 1, most);
    else
      wrong(
        finding,
        "saga-limits",
        place("limits"),
        `${called} has the limit '${limit}'`,
        "There are: computation, memory, output.",
      );
  }
}

function checkStates(finding: Finding, stages: readonly { readonly stage: Given; readonly options: Given }[]): void {
  const textOf = (options: Given) => JSON.stringify((options.state as Given | null)?.initial);
  for (const { stage, options } of stages) {
    if (textOf(options) === textOf(stages[0]!.options)) continue;
    const message = `behavior '${told(options.name)}' has another state than the first stage`;
    wrong(
      finding,
      "saga-state",
      placeOf("defineBehavior", stage)("state"),
      message,
      "Give all behaviors one `defineState`.",
    );
  }
}

function checkCorrelates(
  finding: Finding,
  stages: readonly { readonly stage: Given; readonly options: Given }[],
): void {
  const first = stages[0]?.options.consumes as Given | undefined;
  for (const { stage, options } of stages) {
    const at = placeOf("defineBehavior", stage)("correlate");
    if (options.correlate === undefined) continue;
    const called = `behavior '${told(options.name)}'`;
    if (!Array.isArray(options.correlate) || options.correlate.length > maxCorrelated) {
      const remedy = `Give a list of at most ${maxCorrelated} names of fields.`;
      wrong(finding, "saga-correlate", at, `${called} correlates by what is no list of fields`, remedy);
      continue;
    }
    for (const field of options.correlate as readonly unknown[]) {
      const remedy = "Name a field that the consumed pact and that of the first stage have, of one type.";
      const types = [options.consumes as Given, first].map((pact) => ({ pact, type: typeIn(pact, field) }));
      const lacking = types.find(({ pact, type }) => isObject(pact?.fields) && type === undefined);
      const [one, other] = types.map(({ type }) => type);
      if (lacking !== undefined) {
        const message = `${called} correlates by field '${told(field)}', which pact '${told(lacking.pact!.name)}' does not have`;
        wrong(finding, "saga-correlate", at, message, remedy);
      } else if (one !== other) {
        const message = `${called} correlates by field '${told(field)}', which is ${one} in one pact and ${other} in the other`;
        wrong(finding, "saga-correlate", at, message, remedy);
      }
    }
  }
}

/** As far as two values of it can be the same: integers of any width are. */
function typeIn(pact: Given | undefined, field: unknown): string | undefined {
  if (typeof field !== "string" || !isObject(pact?.fields) || !Object.hasOwn(pact!.fields as Given, field))
    return undefined;
  const spec = (pact!.fields as Given)[field];
  const { type, array } = (isObject(spec) ? spec : { type: spec }) as Given;
  const kind = type ?? (array === undefined ? "text" : "array");
  return Object.hasOwn(integerRanges, told(kind)) ? "an integer" : told(kind);
}

function checkReach(finding: Finding, at: Place, reach: unknown, first: Given | undefined): void {
  if (reach === undefined || reach === "invocation" || reach === "saga") return;
  const key = isObject(reach) ? (reach as Given).key : undefined;
  if (typeof key === "string" && typeIn(first, key) !== undefined) return;
  const message =
    key === undefined
      ? `The reach ${JSON.stringify(reach)} is none`
      : `The reach is by field '${told(key)}', which pact '${told(first?.name)}' does not have`;
  wrong(finding, "saga-reach", at, message, 'There are: "invocation", "saga", and { key: a field of the first pact }.');
}

function checkRequires(finding: Finding, at: Place, called: string, requires: unknown): void {
  if (requires === undefined) return;
  const remedy = requirementRemedy;
  const all = isObject(requires) ? Object.entries(requires as Given) : undefined;
  if (all === undefined || all.length > maxRequirements) {
    wrong(
      finding,
      "saga-requires",
      at,
      `${called} requires what is no object of at most ${maxRequirements} capabilities`,
      remedy,
    );
    return;
  }
  for (const [capability, condition] of all) {
    checkName(finding, at, "The capability", capability, maxNameBytes);
    const min = isObject(condition) ? (condition as Given).min : undefined;
    const texts = Array.isArray(condition) && condition.length <= maxRequirements && condition.every(isShortText);
    if (condition === true || texts || (Number.isSafeInteger(min) && (min as number) >= 0)) continue;
    wrong(
      finding,
      "saga-requires",
      at,
      `${called} requires of '${capability}' ${JSON.stringify(condition)}, which is no condition`,
      remedy,
    );
  }
}

function checkPactList(finding: Finding, at: Place, called: string, list: string, pacts: unknown): void {
  if (pacts === undefined) return;
  if (!Array.isArray(pacts) || pacts.length > maxStagePacts) {
    const message = `${called} ${list} what is no list of at most ${maxStagePacts} pacts`;
    wrong(finding, "saga-pact", at, message, "Give a list of pacts.");
    return;
  }
  const names = pacts.map((pact) => (pact as Given | null)?.name);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined)
    wrong(finding, "saga-pact", at, `${called} ${list} pact '${told(twice)}' twice`, "Name it once.");
  for (const pact of pacts) checkPact(finding, at, called, pact);
}

function checkPact(finding: Finding, at: Place, called: string, given: unknown): void {
  const pact = given as Given | null;
  if (typeof pact?.name !== "string" || !isObject(pact.fields)) {
    wrong(finding, "saga-pact", at, `${called} names what is no pact`, "Make it with `definePact`.");
    return;
  }
  finding.seen.add(`${pact.at}`);
  const { at: _, ...rest } = pact;
  const text = JSON.stringify(rest);
  const known = finding.pacts.get(pact.name);
  if (known !== undefined) {
    if (known.text === text) return;
    const message = `Pact '${pact.name}' is defined twice, with other fields`;
    wrong(finding, "saga-pact", placeOf("definePact", pact)(), message, "Define it once, in a file that both import.");
    return;
  }
  finding.pacts.set(pact.name, { given: pact, text });
  const place = placeOf("definePact", pact);
  checkName(finding, place(), "The pact", pact.name, maxNameBytes);
  checkWhole(finding, place(), `The version of pact '${pact.name}'`, pact.version, 1);
  const fields = Object.entries(pact.fields as Given);
  if (fields.length > maxFields) {
    wrong(
      finding,
      "saga-pact",
      place(),
      `Pact '${pact.name}' has ${fields.length} fields`,
      `Give it ${maxFields} at most.`,
    );
  }
  for (const [field, spec] of fields) {
    checkName(finding, place(field), `The field of pact '${pact.name}'`, field, maxNameBytes);
    const what = fieldMistake(spec);
    const remedy = `There are: ${scalars.join(", ")}, { type, unit, min, max }, { enum: texts } and { array: type }.`;
    if (what !== undefined)
      wrong(finding, "saga-field", place(field), `Field '${field}' of pact '${pact.name}' ${what}`, remedy);
  }
}

/** Why a field is none; undefined where it is one. */
function fieldMistake(spec: unknown): string | undefined {
  if (typeof spec === "string") return scalars.includes(spec) ? undefined : `has type '${spec}', which is none`;
  if (!isObject(spec)) return "has no type";
  const { type, enum: values, array, unit, min, max, ...others } = spec as Given;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) return `has '${unknown}', which says nothing of a field`;
  if (values !== undefined) {
    const texts = Array.isArray(values) && values.every((each) => typeof each === "string" && isPrintable(each));
    const sound = texts && values.length > 0 && values.length <= 256 && new Set(values).size === values.length;
    return sound ? undefined : "has an enum that is no list of 1 to 256 texts, each once";
  }
  const kind = type ?? array;
  if (typeof kind !== "string" || !scalars.includes(kind)) return `has type '${told(kind)}', which is none`;
  if (unit !== undefined && !(typeof unit === "string" && isPrintable(unit)))
    return "has a unit that is no printable text";
  return boundMistake(array === undefined ? kind : "array", min, max);
}

function boundMistake(kind: string, min: unknown, max: unknown): string | undefined {
  const float = kind === "f32" || kind === "f64";
  const range = Object.hasOwn(integerRanges, kind) ? integerRanges[kind as keyof typeof integerRanges] : undefined;
  for (const bound of [min, max]) {
    if (bound === undefined) continue;
    if (kind === "bool" || kind === "reference") return `has a bound, and type ${kind} has none`;
    if (typeof bound !== "number" || !(float || Number.isSafeInteger(bound)))
      return `has the bound ${JSON.stringify(bound)}, which is none of type ${kind}`;
    const { least, most } = range ?? { least: float ? Number.NEGATIVE_INFINITY : 0, most: Number.POSITIVE_INFINITY };
    if (bound < least || bound > most) return `has the bound ${bound}, outside the ${least} to ${most} of ${kind}`;
  }
  return typeof min === "number" && typeof max === "number" && min > max
    ? `has a least of ${min}, above its most of ${max}`
    : undefined;
}

function checkName(finding: Finding, at: Place, what: string, name: unknown, most: number): void {
  if (typeof name === "string" && /^[A-Za-z0-9_.-]+$/.test(name) && name.length <= most) return;
  const shown =
    typeof name === "string" ? `'${name.slice(0, 40)}', of ${name.length} characters` : JSON.stringify(name);
  wrong(
    finding,
    "saga-name",
    at,
    `${what} is called ${shown}`,
    `Call it by 1 to ${most} letters, digits, '-', '_' and '.'.`,
  );
}

function checkWhole(
  finding: Finding,
  at: Place,
  what: string,
  value: unknown,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
  unit = "",
): void {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most) return;
  const bounds = most === Number.MAX_SAFE_INTEGER ? `of ${least} or more` : `from ${least} to ${most}`;
  wrong(
    finding,
    "saga-number",
    at,
    `${what} is ${typeof value === "string" ? value : JSON.stringify(value)}${unit}`,
    `Give a whole number ${bounds}.`,
  );
}

function placeOf(name: Definer, { at }: Given): (key?: string) => Place {
  return (key) => ({ name, at, ...(key === undefined ? {} : { key }) });
}

/** Whatever it is: an object may have a `toString` that is none. */
function told(value: unknown): string {
  return (typeof value === "string" ? value : (JSON.stringify(value) ?? "undefined")).slice(0, maxNameBytes);
}

function isShortText(text: unknown): boolean {
  return typeof text === "string" && Buffer.byteLength(text) <= maxNameBytes && !/\p{Cs}/u.test(text);
}

function isPrintable(text: string): boolean {
  return text !== "" && Buffer.byteLength(text) <= maxNameBytes && !/[\p{Cc}\p{Cs}]/u.test(text);
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
