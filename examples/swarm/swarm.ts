/** Pick and place by a swarm: one robot drives, one reaches, one grips, and any of them can fail midway. What was done is taken back. */
import { defineBehavior, definePact, defineSaga, defineState } from "vertebra/saga";

const job = definePact("job", { number: "u32", metres: { type: "f32", unit: "m", min: 0, max: 1 } });
const reached = definePact("reached", { number: "u32" });
const extended = definePact("extended", { number: "u32" });
const report = definePact("report", { number: "u32", text: "text" });

const swarm = defineState({ metres: 0 });

const drive = defineBehavior({
  name: "drive",
  state: swarm,
  consumes: job,
  produces: [reached],
  requires: { left: true, right: true },
  deadline: 60_000,
  run({ entry, capability, produce }) {
    // The lease in drivetrain.board.json ends each drive; at full speed that is one metre.
    capability("left", { speed: entry.metres });
    capability("right", { speed: entry.metres });
    produce(reached, { number: entry.number });
    return { metres: entry.metres };
  },
  compensate({ state, capability, log }, { outcome }) {
    // Nobody knows how far it came: better it stays where it is than it drives back what it did not drive.
    if (outcome === "unknown") return log("the drivetrain stays where it is");
    capability("left", { speed: -state.metres });
    capability("right", { speed: -state.metres });
    return { metres: 0 };
  },
});

const reach = defineBehavior({
  name: "reach",
  state: swarm,
  consumes: reached,
  produces: [extended],
  requires: { arm: true },
  deadline: 30_000,
  run({ entry, capability, produce }) {
    capability("arm", { degrees: 60 });
    produce(extended, { number: entry.number });
  },
  compensate({ capability }) {
    // Folding an arm that is folded does no harm, so it is done where it is unknown, too.
    capability("arm", { degrees: 0 });
  },
});

const grip = defineBehavior({
  name: "grip",
  state: swarm,
  consumes: extended,
  produces: [report],
  requires: { gripper: true },
  deadline: 30_000,
  run({ entry, capability, produce }) {
    capability("gripper", { on: true });
    produce(report, { number: entry.number, text: "Picked." });
  },
  compensate({ capability }) {
    // The last stage is undone only where it is unknown whether it gripped.
    capability("gripper", { on: false });
  },
});

export default defineSaga({ name: "swarm", version: 1, stages: [drive, reach, grip] });
