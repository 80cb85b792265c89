import { drawLoadedPlan } from "./load-plan";
import { drawPlan, type Plan } from "./plan";

/** What kinds of worlds are drawn from seeds: each seed means another world in each of them. */
export const kinds = ["hostile", "loaded"] as const;
export type Kind = (typeof kinds)[number];

/** The world of a seed, with signatures of one kind where they are not to be as drawn. */
export interface Drawn {
  readonly kind: Kind;
  readonly seed: number;
  readonly signatures?: Plan["signatures"] | undefined;
}

export function draw({ kind, seed, signatures }: Drawn): Plan {
  return kind === "loaded" ? drawLoadedPlan(seed, signatures) : drawPlan(seed, signatures);
}
