import { drawLoadedPlan } from "./load-plan";
import { boldLieNames, lieNames, type Plan, relentlessLieNames, type Step } from "./plan";
import { type Draw, seeded, some } from "./random";

/** Lies of one or two kinds, told without end: until all is final that the honest wrote, or they stood still for too long. */
export function drawRelentlessPlan(seed: number, signatures?: Plan["signatures"]): Plan {
  const draw = seeded(seed ^ 0x2e1e);
  const { compute: _, ...plan } = drawPlanWithLiars(seed, signatures);
  const menu = some(draw, [...lieNames, ...boldLieNames, ...relentlessLieNames], 1 + draw.below(2));
  const told = menu.flatMap((lie) => tellAgainAndAgain(draw, lie, plan.length));
  return {
    ...plan,
    ...(draw.chance(0.5) && { small: true as const }),
    liars: plan.liars.map((liar) => ({ ...liar, fallsSilent: false })),
    steps: [...plan.steps, ...told].sort((a, b) => a.at - b.at),
  };
}

/** The loaded world of the seed, or of the next one derived from it that has a liar: one in three has. */
function drawPlanWithLiars(seed: number, signatures: Plan["signatures"] | undefined): Plan {
  for (let tried = 0; ; tried++) {
    const plan = { ...drawLoadedPlan(seed + tried * 0x10001, signatures), seed };
    if (plan.liars.length > 0) return plan;
  }
}

/** Longer than a group may stand still. */
const goesOnMs = 400_000;

function tellAgainAndAgain(draw: Draw, lie: Extract<Step, { kind: "lie" }>["lie"], length: number): Step[] {
  const every = manyMessages.has(lie) ? draw.one([2_000, 10_000]) : draw.one([100, 300, 1_000, 3_000]);
  const steps: Step[] = [];
  for (let at = draw.below(length); at < length + goesOnMs; at += 1 + draw.below(2 * every))
    steps.push({ at, kind: "lie", lie });
  return steps;
}

/** By which a liar spends its budget at once. */
const manyMessages = new Set<string>(["flood", "certificates for nothing", "largest metablock", "largest block"]);
