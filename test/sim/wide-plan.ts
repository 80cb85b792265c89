import type { Plan, Step } from "./plan";
import { type Draw, seeded, some } from "./random";

/**
 * One group of 24 owners, or of as many as may be (`wire/limits`), behind a hub that follows: few pushes, and faults of some of them. What
 * is within the limits must be sent, relayed, greeted with and kept, after a restart too.
 */
export function drawWidePlan(seed: number, signatures?: Plan["signatures"]): Plan {
  const draw = seeded(seed ^ 0x31de);
  const owners = seed % 4 === 0 ? 64 : 24;
  const members = Array.from({ length: owners }, (_, index) => `m${index + 1}`);
  const [hub] = members as [string];
  const quorum = draw.one(["two-thirds", "majority", "all"] as const);
  const length = 20_000;
  const bursts = Array.from({ length: owners === 64 ? 1 : 4 }, (_, burst) => 2_000 + burst * 4_000);
  const steps = bursts.flatMap((at, burst) => drawBurst(draw, members, burst, at));
  return {
    ...{ seed, members, length, forgetful: null, liars: [] },
    groups: [{ name: "g0", owners: members, policy: { quorum, ordered: draw.chance(0.5), private: false } }],
    shape: "star",
    links: members.slice(1).map((name) => ({
      ends: [hub, name] as const,
      delays: [1 + draw.below(40), 1 + draw.below(40)] as const,
      ...{ jitter: draw.below(20), reorders: false, loss: 0, duplication: 0, rate: 1_000 },
    })),
    followers: [hub],
    wire: "messages",
    store: "records",
    signatures: signatures ?? "cheap",
    clocks: new Map(members.map((name) => [name, { rate: 1, wall: 0 }])),
    steps: steps.sort((a, b) => a.at - b.at),
    reconnects: true,
  };
}

/** Many push at one moment, and soon after, while their slots are locked, half of them are cut off or the hub loses its power: all is greeted anew. */
function drawBurst(draw: Draw, members: readonly string[], burst: number, at: number): Step[] {
  const pushes = some(draw, members, 10).map((member, index) => {
    return { at, kind: "push", member, group: "g0", value: burst * 10 + index } as const;
  });
  const soon = at + 250 + draw.below(400);
  const side = some(draw, members, Math.ceil(members.length / 2));
  const fault: Step = draw.chance(0.5)
    ? { at: soon, kind: "partition", side, told: true, length: 500 + draw.below(3_000) }
    : { at: soon, kind: "crash", member: members[0]!, after: draw.below(100), down: 100 + draw.below(1_500) };
  const board = { at: soon, kind: "crash", member: draw.one(members), after: draw.below(20), down: 500 } as const;
  return [...pushes, fault, board];
}
