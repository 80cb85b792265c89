import { definePact } from "vertebra/saga";

/** What a machine tells of itself, and of the room in which it stands. */
export default definePact(
  "room",
  {
    occupied: "bool",
    people: { type: "u8", max: 50 },
  },
  { extends: "machine", quorum: "all" },
);
