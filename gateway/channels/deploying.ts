import type { Definition } from "../../firmware/core/definitions/definition";
import type { Gateway } from "../gateway";
import {
  type AskedSaga,
  askedOfCells,
  definitionsOf,
  type FinalEntries,
  type NewSaga,
  newSaga,
} from "../world/deploying";
import { type AskedRollout, newRollout } from "../world/rolling";
import { toUndeploy } from "../world/undeploying";
import { checkGroup, type DefinedJson, define, tried } from "./defining";
import { capableIn } from "./requiring";

export interface SagaAsked extends AskedSaga {
  readonly dry: boolean;
}

export interface RolloutAsked extends AskedRollout {
  readonly dry: boolean;
}

/** Errors: those of `askedOfCells`, of `newSaga` and of whatever its definitions would not count for. */
export async function deploySaga(gateway: Gateway, asked: SagaAsked, ending: AbortSignal): Promise<DefinedJson> {
  const { crypto, world } = gateway;
  const cells = askedOfCells(world, asked).map((each) => newSaga(crypto, world, finalEntriesIn(gateway), each, false));
  const pieces = new Map(cells.flatMap((saga) => [...saga.pieces]));
  return deploy(gateway, cells.flatMap(definitionsOf), pieces, asked.dry, ending);
}

/** Errors: those of `newRollout`, and `rollout-running`. */
export async function startRollout(gateway: Gateway, asked: RolloutAsked, ending: AbortSignal): Promise<DefinedJson> {
  const { crypto, world } = gateway;
  const capable = await capableIn(gateway);
  const { definitions, pieces } = newRollout(crypto, world, finalEntriesIn(gateway), capable, asked);
  return deploy(gateway, definitions, pieces, asked.dry, ending);
}

export interface UndeployAsked {
  readonly saga: string;
  readonly dry: boolean;
}

/** Throws `saga-not-deployed`, `saga-undeployed`, `saga-provisioned`, and `rollout-running` while a version of it rolls out. */
export async function undeploySaga(
  gateway: Gateway,
  { saga, dry }: UndeployAsked,
  ending: AbortSignal,
): Promise<DefinedJson> {
  const stateGroups = toUndeploy(gateway.world, saga);
  const definitions = stateGroups.map((stateGroup): Definition => ({ kind: "undeploy", stateGroup }));
  const would = tried(gateway, definitions);
  return dry ? would : define(gateway, definitions, ending);
}

function finalEntriesIn(gateway: Gateway): FinalEntries {
  const { groups } = gateway.status();
  return (key) => groups.find(({ group }) => group === key)?.finalEntries ?? 0;
}

/** Its source is in the store before the world hears of it: whoever asks for it then finds it here. */
async function deploy(
  gateway: Gateway,
  definitions: readonly Definition[],
  pieces: NewSaga["pieces"],
  dry: boolean,
  ending: AbortSignal,
): Promise<DefinedJson> {
  for (const each of definitions) if (each.kind === "group") await checkGroup(gateway, each);
  const would = tried(gateway, definitions);
  if (dry) return would;
  const kept = await gateway.keepContent(pieces);
  try {
    return await define(gateway, definitions, ending);
  } finally {
    kept.named();
  }
}
