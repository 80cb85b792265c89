import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/boards/rv32/*.test.ts"],
    // One at a time: each runs a machine whose time is to be near that of the gateway beside it.
    maxWorkers: 1,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
