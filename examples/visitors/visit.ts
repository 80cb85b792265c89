import { definePact } from "vertebra/saga";

/** Somebody counted who came into a room, or went. */
export default definePact("visit", { room: "text", people: { type: "i16", min: -500, max: 500 } });
