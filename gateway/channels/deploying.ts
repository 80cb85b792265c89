import type { Gateway } from "../gateway";
import { type AskedSaga, definitionsOf, newSaga } from "../world/deploying";
import { checkGroup, type DefinedJson, define, tried } from "./defining";

export interface SagaAsked extends AskedSaga {
  readonly dry: boolean;
}

/** Its source is in the store before the world hears of it: whoever asks for it then finds it here. */
export async function deploySaga(gateway: Gateway, asked: SagaAsked, ending: AbortSignal): Promise<DefinedJson> {
  const { crypto, world } = gateway;
  const { groups } = gateway.status();
  const finalEntries = (key: string) => groups.find(({ group }) => group === key)?.finalEntries ?? 0;
  const saga = newSaga(crypto, world, finalEntries, asked, false);
  for (const group of saga.groups) checkGroup(world, group);
  const definitions = definitionsOf(saga);
  const would = tried(gateway, definitions);
  if (asked.dry) return would;
  await gateway.keepContent(saga.pieces);
  return define(gateway, definitions, ending);
}
