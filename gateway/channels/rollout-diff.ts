import { VertebraError } from "../../firmware/core/errors";
import { decodeParts } from "../../firmware/core/saga/deployed";
import { decodeBehavior, decodeDescription, decodeStage, type Limits } from "../../firmware/core/saga/structures";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import { hash } from "../../firmware/core/wire/hash";
import type { Hash } from "../../firmware/core/wire/types";
import type { Gateway } from "../gateway";
import { requirementText } from "../saga/requirements";
import { laidOut } from "../saga/source";
import { storedSource } from "../saga/stored-source";
import { unifiedDiff } from "../system/line-diff";
import type { KnownSaga } from "../world/catalog";
import { rolloutOf } from "../world/rollout";
import { isOfAll } from "./versions";

/** What `vertebra rollout diff --json` prints. */
export interface DiffJson {
  readonly saga: string;
  readonly from: number;
  readonly to: number;
  /** What changed of what its definition says of it, a line each. */
  readonly parts: readonly string[];
  /** What changed in its source, laid out for people, as `diff -u` says it. */
  readonly source: readonly string[];
}

/** Of the version that rolls out, or did last, and the one that others begin by. Throws `rollout-none`, and `saga-source` while it is on its way. */
export async function diffJson(gateway: Gateway, name: string): Promise<DiffJson> {
  const { catalog } = gateway.world;
  // What differs, differs alike in each cell.
  const rollout = rolloutOf(catalog, name)?.cells[0];
  if (rollout === undefined) {
    const message = `No version of saga '${name}' rolls out, or did`;
    throw new VertebraError("rollout-none", message, "`vertebra rollout history` shows all that there were.");
  }
  const versions = catalog.sagas.filter((saga) => saga.name === rollout.definition.name);
  const after = versions.find(({ version }) => version === rollout.definition.version)!;
  const before = versions.filter((saga) => saga.version < after.version && isOfAll(saga, catalog.rollouts)).at(-1)!;
  const [one, other] = [partsOf(gateway, before), partsOf(gateway, after)];
  return {
    ...{ saga: name, from: before.version, to: after.version },
    parts: changed(one, other),
    source: unifiedDiff(await sourceOf(gateway, before), await sourceOf(gateway, after)),
  };
}

/** Laid out for people. */
async function sourceOf({ crypto, store, world }: Gateway, saga: KnownSaga): Promise<string> {
  const source = await storedSource(crypto, store, world.tag, saga);
  if (source !== undefined) return laidOut(source[1]);
  throw new VertebraError(
    "saga-source",
    `The source of saga ${saga.name} v${saga.version} is not all here yet`,
    "Ask again when those who have it were heard: `vertebra status` shows which links stand.",
  );
}

/** What a version does, in words, by what they are of: in the order in which they are shown. */
function partsOf({ crypto, world }: Gateway, { parts }: KnownSaga): Map<string, string> {
  const { description, stages, behaviors } = decodeParts(parts);
  const known = new Map(behaviors.map((bytes) => [toHex(hash(crypto, "behavior", bytes)), decodeBehavior(bytes)]));
  const byId = new Map(stages.map((bytes) => [toHex(hash(crypto, "stage", bytes)), decodeStage(bytes)]));
  const behavior = (id: Hash) => known.get(toHex(id))!;
  const pactName = (id: Hash) =>
    world.catalog.pacts.find((each) => equal(each.id, id))?.pact.name ?? toHex(id).slice(0, 8);
  const pactNames = (ids: readonly Hash[]) => ids.map(pactName).sort().join(", ") || "nothing";
  const { reach, keyField, stages: order } = decodeDescription(description);
  const its = order.map((id) => byId.get(toHex(id))!);
  const words = new Map([
    ["stages", its.map((stage) => behavior(stage.behavior).name).join(" → ")],
    ["reach", keyField === null ? reach : `key ${keyField}`],
  ]);
  for (const stage of its) {
    const { name, limits } = behavior(stage.behavior);
    const of = (what: string, text: string) => words.set(`${name}: ${what}`, text);
    of("consumes", pactName(stage.consumedPact));
    of("reads", pactNames(stage.accessedPacts));
    of("produces", pactNames(stage.producedPacts));
    of("requires", stage.requires.map(requirementText).join(", ") || "nothing");
    of("compensates", stage.compensation === null ? "no" : "yes");
    of("correlates by", stage.correlate.join(", ") || "nothing");
    of("deadline", stage.deadline === 0 ? "none" : `${stage.deadline} ms`);
    of("retry", `${stage.retry.times} times, ${stage.retry.backoff} ms`);
    of("limits", limited(limits));
  }
  return words;
}

function limited({ computation, memory, output }: Limits): string {
  return `${computation} bytecodes, ${memory} bytes of heap, ${output} of state`;
}

/** Of a stage that is new, or is there no more, the list of stages says so. */
function changed(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  const lines: string[] = [];
  for (const [what, text] of after) {
    const was = before.get(what);
    if (was !== undefined && was !== text) lines.push(`${what}: ${was} is ${text} now`);
  }
  return lines;
}
