import { drawLoadedPlan } from "./load-plan";
import { drawPlan, type Plan } from "./plan";
import { drawWidePlan } from "./wide-plan";

/** What kinds of worlds are drawn from seeds: each seed means another world in each of them. */
export const kinds = ["hostile", "loaded", "wide"] as const;
export type Kind = (typeof kinds)[number];

/** The world of a seed, with signatures of one kind where they are not to be as drawn. */
export interface Drawn {
  readonly kind: Kind;
  readonly seed: number;
  readonly signatures?: Plan["signatures"] | undefined;
}

/** How the command line asks for it. */
export const optionOf: Readonly<Record<Kind, string>> = { hostile: "", loaded: "--load ", wide: "--wide " };

export function draw({ kind, seed, signatures }: Drawn): Plan {
  if (kind === "loaded") return drawLoadedPlan(seed, signatures);
  return kind === "wide" ? drawWidePlan(seed, signatures) : drawPlan(seed, signatures);
}
