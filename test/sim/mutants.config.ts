import { defineConfig } from "vitest/config";

/** `npm run test:mutants`: two minutes of two cores, and only what is changed in the core, the link or the store can make it fail. */
export default defineConfig({
  test: {
    include: ["test/sim/mutants.test.ts"],
    maxWorkers: 2,
  },
});
