import type { SagaDefinition, Standing } from "../definitions/saga-definition";
import { equal } from "../wire/bytes";
import type { AvatarId } from "../wire/types";

/** Which versions of a saga a member begins by, as its rollouts stand: a function of what is final among the definitions. */

export interface Rollout extends Pick<Standing, "definition" | "open"> {
  /** Of its definition. */
  readonly sequence: number;
}

/** Whether a member begins by this version: one that is staged, in an open ring of a rollout of it. */
export function beginsBy(saga: SagaDefinition, rollouts: Iterable<Rollout>, avatar: AvatarId): boolean {
  if (!saga.staged) return true;
  for (const rollout of rollouts) if (isOf(rollout, saga) && isOpenTo(rollout, avatar)) return true;
  return false;
}

export function isOf({ definition }: Rollout, { name, version }: Pick<SagaDefinition, "name" | "version">): boolean {
  return definition.name === name && definition.version === version;
}

export function isOpenTo({ definition, open }: Rollout, avatar: AvatarId): boolean {
  return definition.rings.slice(0, open).some((ring) => ring.some((member) => equal(member, avatar)));
}
