/** How many people are in each room: added up by a board, which says so where they are too many. */
import { defineBehavior, definePact, defineSaga, defineState } from "vertebra/saga";
import visit from "./visit";

const crowd = definePact("crowd", { room: "text", people: "u16", most: "u16" });
const inside = defineState({ people: 0 });
const most = 10;

const count = defineBehavior({
  name: "count",
  state: inside,
  consumes: visit,
  produces: [crowd],
  requires: { board: ["linux", "rv32", "simulated"] },
  run({ entry, state, produce }) {
    const people = Math.max(0, state.people + entry.people);
    if (people > most) produce(crowd, { room: entry.room, people, most });
    return { people };
  },
});

export default defineSaga({ name: "visitors", version: 1, reach: { key: "room" }, stages: [count] });
