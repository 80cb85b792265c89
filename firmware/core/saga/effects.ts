import { equal, toHex } from "../wire/bytes";
import type { AvatarId, Hash } from "../wire/types";
import type { Definitions } from "./definitions";
import type { SagaAction } from "./events";
import { type Head, type Invocation, producedIds, type Standing } from "./invocation";
import { maxRemembered } from "./limits";
import type { Status } from "./state";
import { rankAmong } from "./turn";

/**
 * "Effects only after commitment": the entries that a stage produced, pushed when its state is final. By the state's issuer at
 * once, and by the other owners of the entry's group in turn where the entry does not become final. All push the same id.
 */
export interface Effects {
  readonly waiting: Map<string, Effect>;
  /** Ids that became final before the state that they follow from was seen here. */
  readonly seen: Set<string>;
}

interface Effect {
  readonly group: Hash;
  readonly id: Hash;
  readonly entry: Uint8Array;
  /** ms that this participant leaves to others. */
  readonly patience: number;
  at: number;
  token: number | null;
}

export function createEffects(): Effects {
  return { waiting: new Map(), seen: new Set() };
}

interface Committed {
  readonly invocation: Invocation;
  readonly head: Head;
  readonly was: Standing;
  readonly avatar: AvatarId;
  readonly lease: number;
  readonly now: number;
}

/**
 * Whether the entries of a state come to be. An intent's wait for its outcome, and what was refused, or is not known to be done,
 * never does; what is unknown on the way back has said so to others.
 */
export function comesToBe(status: Status, was: Standing): boolean {
  return status !== "intent" && status !== "refused" && (status !== "unknown" || was.next.kind === "undo");
}

/** Takes up what a state that counts put out. */
export function effectsOf(effects: Effects, definitions: Definitions, committed: Committed): void {
  const { invocation, head, was, avatar, lease, now } = committed;
  const { status, stage, produced } = head.state;
  if (!comesToBe(status, was)) return;
  const undoes = was.next.kind === "undo" || (was.next.kind === "outcome" && was.next.undoes);
  const ids = producedIds(definitions, invocation, stage, undoes, produced);
  const entries = produced.flatMap((output) => (output.kind === "entry" ? [output] : []));
  for (const [index, { group, entry }] of entries.entries()) {
    const id = ids[index]!;
    const owners = definitions.groups.get(toHex(group))?.owners ?? [];
    const rank = rankAmong(definitions.crypto, invocation, stage, owners, avatar);
    if (rank === undefined || effects.seen.delete(toHex(id))) continue;
    const patience = equal(head.issuer, avatar) ? 0 : (rank + 1) * lease;
    effects.waiting.set(toHex(id), { group, id, entry, patience, at: now + patience, token: null });
  }
  bound(effects.waiting);
}

/** An entry with an id became final; only who owns its group would have pushed it, too. */
export function effectSeen({ waiting, seen }: Effects, id: Hash, owned: boolean): void {
  if (waiting.delete(toHex(id)) || !owned) return;
  seen.add(toHex(id));
  bound(seen);
}

export function effectRefused({ waiting }: Effects, token: number, again: number): void {
  for (const effect of waiting.values()) {
    if (effect.token !== token) continue;
    effect.token = null;
    effect.at = again;
  }
}

/** The pushes that are due, and when the next one is. */
export function takeEffects(
  { waiting }: Effects,
  now: number,
  number: () => number,
): { readonly actions: SagaAction[]; readonly next: number } {
  const actions: SagaAction[] = [];
  let next = Number.POSITIVE_INFINITY;
  for (const effect of waiting.values()) {
    if (effect.token !== null) continue;
    if (effect.at > now) {
      next = Math.min(next, effect.at);
      continue;
    }
    effect.token = number();
    actions.push({ kind: "push", group: effect.group, entry: effect.entry, id: effect.id, token: effect.token });
  }
  return { actions, next };
}

/** Of too many the oldest is left to the others, who hold it too. */
function bound(all: Map<string, unknown> | Set<string>): void {
  for (const oldest of all.keys()) {
    if (all.size <= maxRemembered) return;
    all.delete(oldest);
  }
}
