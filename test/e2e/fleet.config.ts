import { defineConfig } from "vitest/config";

/** Worlds that grow while they run, as people grow them: processes without end, and minutes of two cores. */
export const fleets = ["growing", "deploying", "rollout", "succession", "expelling", "desk"].map(
  (name) => `test/e2e/${name}.test.ts`,
);

/** `npm run test:fleet` */
export default defineConfig({
  test: { include: fleets, maxWorkers: 2, testTimeout: 30_000 },
});
