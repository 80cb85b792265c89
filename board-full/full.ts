import { defineBehavior, definePact, defineSaga, defineState } from "vertebra/saga";
const a = definePact("note-a", { text: "text" }); const b = definePact("note-b", { text: "text" });
const c = definePact("note-c", { text: "text" }); const d = definePact("note-d", { text: "text" });
const go = definePact("go", { number: "u32" }); const none = defineState({ n: 0 });
const look = defineBehavior({ name: "look", state: none, consumes: go, reads: [a, b, c, d], run({ state }) { return { n: state.n + 1 }; } });
export default defineSaga({ name: "full", version: 1, reach: "saga", stages: [look] });