import { drawLoadedPlan } from "./load-plan";
import { drawPlan, type Plan } from "./plan";
import { drawRelentlessPlan } from "./relentless-plan";
import { drawWidePlan } from "./wide-plan";

/** What kinds of worlds are drawn from seeds: each seed means another world in each of them. */
export const kinds = ["hostile", "loaded", "wide", "small", "relentless"] as const;
export type Kind = (typeof kinds)[number];

/** The world of a seed, with signatures of one kind where they are not to be as drawn. */
export interface Drawn {
  readonly kind: Kind;
  readonly seed: number;
  readonly signatures?: Plan["signatures"] | undefined;
}

/** How the command line asks for it. */
export const optionOf: Readonly<Record<Kind, string>> = {
  ...{ hostile: "", loaded: "--load ", wide: "--wide ", small: "--small ", relentless: "--relentless " },
};

export function draw({ kind, seed, signatures }: Drawn): Plan {
  if (kind === "loaded") return drawLoadedPlan(seed, signatures);
  if (kind === "small") return drawSmallPlan(seed, signatures);
  if (kind === "relentless") return drawRelentlessPlan(seed, signatures);
  return kind === "wide" ? drawWidePlan(seed, signatures) : drawPlan(seed, signatures);
}

/** Members that go on pushing for minutes, so that more becomes final than they keep, on machines that are fast. */
function drawSmallPlan(seed: number, signatures?: Plan["signatures"]): Plan {
  const { compute: _, ...plan } = drawLoadedPlan(seed, signatures);
  return { ...plan, small: true };
}
