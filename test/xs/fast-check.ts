/** What the property tests of the firmware import as "fast-check" when they run on XS. */
import "./no-timers";
// By its file, since "fast-check" is this module in the bundle.
import fc, { type IRawProperty, type Parameters } from "../../node_modules/fast-check/lib/fast-check.js";

/** Node draws the many cases; here the question is whether the engine agrees, and it is fifty times slower: so few, and the same each time. */
const mostRuns = 20;
const seed = 1;

function assert<T>(property: IRawProperty<T>, parameters: Parameters<T> = {}): void {
  fc.assert(property, { seed, ...parameters, numRuns: Math.min(parameters.numRuns ?? mostRuns, mostRuns) });
}

export default { ...fc, assert };
