import type { SagaLoaded } from "../world/layout";
import { type Fault, faultError } from "./faults";
import { absent, absentMarked } from "./globals";
import { mistakesIn } from "./mistakes";
import {
  type Placed,
  placedSaga,
  placeOf,
  placeOfStatement,
  placesOf,
  startOf,
  statementsOf,
  stopped,
  stoppedAt,
  thrownAt,
} from "./places";
import type { Sandbox } from "./sandbox";
import { bundleSaga } from "./source";

/** What loading a module may take: more than any behavior, since all that it imports is loaded with it. */
const limits = { computation: 50_000_000, memory: 33_554_432 };

/** Bundles the file of a saga and has the engine say what is in it. Throws `saga-…` with the place of each mistake. */
export async function loadSaga(sandbox: Sandbox, file: string): Promise<SagaLoaded> {
  const { loaded, faults } = await examineSaga(sandbox, file);
  if (loaded !== undefined && faults.length === 0) return loaded;
  throw faultError(faults);
}

/** A saga, and what is wrong with it: one of the two is there. Throws `saga-source` where it can't be bundled. */
export async function examineSaga(
  sandbox: Sandbox,
  file: string,
): Promise<{ readonly loaded: SagaLoaded | undefined; readonly faults: readonly Fault[] }> {
  const [source, placed] = await Promise.all([bundleSaga(file), placedSaga(file, absentMarked).catch(() => undefined)]);
  const reply = await sandbox({ kind: "describe", source: source.text, limits });
  const lacks = placed === undefined ? [] : globalFaults(placed);
  if (reply.kind === "described" && mistakesIn(reply.saga, reply.states).length === 0) {
    const unused = placed === undefined ? [] : await placedFaults(sandbox, placed);
    return { loaded: { source, described: reply.saga }, faults: [...lacks, ...unused] };
  }
  const found = placed === undefined ? [] : await placedFaults(sandbox, placed);
  if (lacks.length + found.length > 0) return { loaded: undefined, faults: [...lacks, ...found] };
  const reason = reply.kind === "broken" ? reply.error : "what it exports is no saga";
  return { loaded: undefined, faults: [brokenAt(startOf({ file }), reason)] };
}

function globalFaults(placed: Placed): Fault[] {
  return absent.flatMap(({ name, marked, remedy }) =>
    placesOf(placed, marked).map((place) => ({
      place,
      code: "saga-global",
      message: `A behavior has no ${name}`,
      remedy,
    })),
  );
}

/** What the module that notes places says is wrong. */
async function placedFaults(sandbox: Sandbox, placed: Placed): Promise<Fault[]> {
  const reply = await sandbox({ kind: "describe", source: placed.text, limits });
  if (reply.kind !== "described") {
    const error = reply.kind === "broken" ? reply.error : "it gave no answer";
    const { place, reason } = thrownAt(placed, error) ?? (await brokenBy(sandbox, placed, error));
    // What a behavior has not, as `Date`, was named before.
    return reason.includes("$absent_") ? [] : [brokenAt(place, reason)];
  }
  const start = startOf(placed);
  const ownFile = start.replace(/:1:1$/, ":");
  const faults = mistakesIn(reply.saga, reply.states)
    .map(({ of, ...mistake }) => ({
      ...mistake,
      place: of?.at === undefined ? start : placeOf(placed, of.name, of.at, of.key),
    }))
    .filter(({ code, place }) => code !== "saga-unused" || place.startsWith(ownFile));
  // A state that is none is that of all stages.
  return [...new Map(faults.map((fault) => [`${fault.place} ${fault.message}`, fault])).values()];
}

/** The statement that ended the machine: of those before it all were done. */
async function brokenBy(sandbox: Sandbox, placed: Placed, reason: string) {
  const lines = statementsOf(placed);
  let [sound, broken] = [0, lines.length];
  while (broken - sound > 1) {
    const middle = Math.floor((sound + broken) / 2);
    const reply = await sandbox({ kind: "describe", source: stoppedAt(placed, lines[middle]!), limits });
    if (reply.kind === "broken" && reply.error.endsWith(stopped)) sound = middle;
    else broken = middle;
  }
  return { place: lines.length === 0 ? startOf(placed) : placeOfStatement(placed, lines[sound]!), reason };
}

function brokenAt(place: string, reason: string): Fault {
  return {
    place,
    code: "saga-broken",
    message: `It can't be loaded on XS: ${reason}`,
    remedy: "Behaviors run where there is no Node: use the language alone.",
  };
}
