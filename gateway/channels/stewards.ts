import type { GroupDefinition } from "../../firmware/core/definitions/definition";
import { VertebraError } from "../../firmware/core/errors";
import { equal } from "../../firmware/core/wire/bytes";
import { decodeSyncGroup } from "../../firmware/core/wire/structures";
import type { Gateway } from "../gateway";
import { presentDefining } from "../world/catalog";
import { stewardsNeeded, withoutSteward, withSteward } from "../world/stewarding";
import { type DefinedJson, propose, tried } from "./defining";

/** Who may define what the world has, by whoever may. With `dry`, all is checked and nothing done. */

export interface StewardAsked {
  readonly name: string;
  readonly dry: boolean;
}

/** What `--json` prints of it. */
export interface StewardsJson extends DefinedJson {
  readonly stewards: readonly string[];
  /** How many of them must agree on what is defined from then on. */
  readonly needed: number;
}

export async function addSteward(
  gateway: Gateway,
  { name, dry }: StewardAsked,
  ending: AbortSignal,
): Promise<StewardsJson> {
  const { crypto, world } = gateway;
  return change(gateway, withSteward(crypto, world, name), dry, ending);
}

export async function revokeSteward(
  gateway: Gateway,
  { name, dry }: StewardAsked,
  ending: AbortSignal,
): Promise<StewardsJson> {
  const { crypto, world } = gateway;
  return change(gateway, withoutSteward(crypto, world, name), dry, ending);
}

async function change(gateway: Gateway, definition: GroupDefinition, dry: boolean, ending: AbortSignal) {
  const { catalog } = gateway.world;
  const { owners } = decodeSyncGroup(definition.group);
  const told = { stewards: owners.map(catalog.memberName), needed: stewardsNeeded(owners.length) };
  const would = tried(gateway, [definition]);
  if (dry) return { ...would, ...told };
  const before = presentDefining(catalog)!;
  const defined = await propose(gateway, [definition], ending);
  const present = catalog.group(definition.name).owners;
  const done = present.length === owners.length && present.every((each, at) => equal(each, owners[at]!));
  if (done && !equal(presentDefining(catalog)!.id, before.id)) return { ...defined, ...told };
  throw new VertebraError(
    "steward-overtaken",
    "Another steward changed who the stewards are at the same time, and this change counts for nobody",
    "Look at `vertebra steward list`, and ask for it again.",
  );
}
