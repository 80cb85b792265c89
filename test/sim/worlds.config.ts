import { defineConfig } from "vitest/config";

/** The simulator's worlds that are tests of their own: minutes of two cores, and only the core, the link or the store can make them fail. */
export const worlds = [
  "growing",
  "expelling",
  "rollouts",
  "fleet",
  "kept-seeds",
  "led-astray",
  "metablock-room",
  "relaying",
  "wide-groups",
].map((name) => `test/sim/${name}.test.ts`);

/** `npm run test:worlds` */
export default defineConfig({
  test: { include: worlds, maxWorkers: 2, testTimeout: 30_000 },
});
