import { drawPlan, type Plan } from "./plan";
import { platform } from "./platform";
import { simulate } from "./simulate";

/** What a process of its own is asked: the world of a seed, with signatures of one kind where they are not to be as drawn. */
export interface Request {
  readonly seed: number;
  readonly signatures?: Plan["signatures"] | undefined;
}

process.on("message", ({ seed, signatures }: Request) =>
  process.send?.(simulate(drawPlan(seed, signatures), platform)),
);
