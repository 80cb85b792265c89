import type { ComputePlan } from "./plan";
import type { Member, World } from "./world";

/** A participant that computes no faster than its processor: what comes while it is at work waits, in order, for its turn. */

export interface Compute {
  readonly plan: ComputePlan;
  /** What it has done since its last start, in ms of its processor, told by what its cryptography and its participant counted. */
  spent: number;
  busyUntil: number;
  /** Whether it is at one of its jobs now: what that brings about is part of it. */
  working: boolean;
  /** Whether it was promised that it goes on when it is free. */
  woken: boolean;
  readonly inbox: (() => void)[];
}

export function createCompute(plan: ComputePlan): Compute {
  return { plan, spent: 0, busyUntil: 0, working: false, woken: false, inbox: [] };
}

/** The member does this when it comes to it: at once where its plan gives it no processor. */
export function occupy(world: World, member: Member, job: () => void): void {
  const { compute } = member;
  if (compute === undefined || compute.working) job();
  else {
    compute.inbox.push(job);
    goOn(world, member, compute);
  }
}

/** Does what waits, until what was done keeps it busy. Asleep it does nothing. */
function goOn(world: World, member: Member, compute: Compute): void {
  const { schedule } = world;
  while (compute.inbox.length > 0 && !member.asleep && schedule.now() >= compute.busyUntil) {
    const before = compute.spent;
    compute.working = true;
    compute.inbox.shift()!();
    compute.working = false;
    compute.busyUntil = schedule.now() + Math.round(compute.spent - before);
  }
  if (compute.inbox.length === 0 || compute.woken || member.asleep) return;
  compute.woken = true;
  schedule.at(compute.busyUntil, () => {
    compute.woken = false;
    goOn(world, member, compute);
  });
}

/** Its power failed: what waited is gone, and it begins at rest. */
export function stopWork(compute: Compute | undefined): void {
  if (compute === undefined) return;
  compute.inbox.length = 0;
  compute.busyUntil = 0;
}
