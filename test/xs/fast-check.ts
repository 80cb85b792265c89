/** What the property tests of the firmware import as "fast-check" when they run on XS. */
import "./no-timers";

// By its file, since "fast-check" is this module in the bundle.
export * from "../../node_modules/fast-check/lib/fast-check.js";
export { default } from "../../node_modules/fast-check/lib/fast-check.js";
