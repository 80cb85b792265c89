import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Two cores, and the end-to-end tests start real processes of their own.
    maxWorkers: 2,
    testTimeout: 30_000,
  },
});
