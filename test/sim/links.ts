import type { LinkPlan } from "./plan";
import { isUp, type Member, type World } from "./world";

/** What stands in the way of each link at a time: cuts that its ends are told of, and such as nobody tells. */
export interface LinkState {
  readonly plan: LinkPlan;
  readonly ends: readonly [Member, Member];
  /** Reasons for which its ends know that it is down. */
  readonly told: Set<object>;
  /** Reasons for which nothing passes from the first end, and from the second, without a word. */
  readonly silent: readonly [Set<object>, Set<object>];
  /** Types of messages that are lost from the first end, and from the second. */
  readonly swallows: readonly [Map<object, number>, Map<object, number>];
  /** When the last byte sent from each end has left, and when the last message arrived. */
  readonly freeAt: [number, number];
  readonly arrivedAt: [number, number];
  /** When the last byte was brought of those sent from each end. */
  readonly broughtAt: [number, number];
  /** Messages that never arrived. */
  lost: number;
}

export function linkStates(world: World): LinkState[] {
  return world.plan.links.map((plan) => ({
    plan,
    ends: [world.members.get(plan.ends[0])!, world.members.get(plan.ends[1])!],
    told: new Set(),
    silent: [new Set(), new Set()],
    swallows: [new Map(), new Map()],
    freeAt: [0, 0],
    arrivedAt: [0, 0],
    broughtAt: [0, 0],
    lost: 0,
  }));
}

export function mayStand({ told, ends }: LinkState): boolean {
  return told.size === 0 && ends.every(isUp);
}

/** Something stands in the way of the link, until it is taken away by what this returns. */
export function hinder(world: World, link: LinkState, how: "both" | "there" | "back" | "told"): () => void {
  const reason = {};
  const ways = how === "told" ? [link.told] : how === "both" ? link.silent : [link.silent[how === "there" ? 0 : 1]];
  for (const way of ways) way.add(reason);
  world.transport.changed();
  return () => {
    for (const way of ways) way.delete(reason);
    world.transport.changed();
  };
}

/** Messages of one type are lost from this end, until it is ended by what this returns. */
export function swallow(link: LinkState, from: 0 | 1, type: number): () => void {
  const reason = {};
  link.swallows[from].set(reason, type);
  return () => {
    link.swallows[from].delete(reason);
  };
}

/** Whether a message is lost for its type. */
export function isSwallowed(link: LinkState, from: 0 | 1, bytes: Uint8Array): boolean {
  // Of certificates those that travel together are lost with those that travel alone.
  const type = bytes[1] === 11 ? 5 : bytes[1]!;
  const lost = [...link.swallows[from].values()].includes(type);
  if (lost) link.lost++;
  return lost;
}

/** Takes what was sent from this end: when each copy of it arrives, and none where it is lost. */
export function arrivals(world: World, link: LinkState, from: 0 | 1, length: number): number[] {
  const { draw, schedule } = world;
  const { loss, duplication, delays, jitter, reorders, rate } = link.plan;
  const leaves = Math.max(schedule.now(), link.freeAt[from]) + length / rate;
  link.freeAt[from] = leaves;
  if (link.silent[from].size > 0 || (loss > 0 && draw.chance(loss))) {
    link.lost++;
    return [];
  }
  const times: number[] = [];
  do {
    const late = jitter > 0 ? draw.below(jitter + 1) : 0;
    const at = Math.ceil(leaves) + delays[from] + late;
    times.push(reorders ? at : Math.max(at, link.arrivedAt[from]));
    link.arrivedAt[from] = Math.max(at, link.arrivedAt[from]);
  } while (duplication > 0 && times.length < 3 && draw.chance(duplication));
  return times;
}
