import { defineConfig } from "vitest/config";

/** Worlds of processes that are killed at any moment, and that grow while they run, as people grow them: minutes of two cores. */
export const fleets = [
  ...["growing", "deploying", "rollout", "cells", "succession", "expelling", "desk", "two-gateways"],
  ...["kill", "saga-kill", "swarm", "first-start"],
].map((name) => `test/e2e/${name}.test.ts`);

/** `npm run test:fleet` */
export default defineConfig({
  test: { include: fleets, maxWorkers: 2, testTimeout: 30_000 },
});
