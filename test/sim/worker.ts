import { platform } from "./platform";
import { simulate } from "./simulate";
import { type Drawn, draw } from "./worlds";

/** What a process of its own is asked: the world of a seed. */
process.on("message", (drawn: Drawn) => process.send?.(simulate(draw(drawn), platform)));
