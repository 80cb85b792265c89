import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // `npm run test:emulated`, which wants QEMU and a cross compiler; `test:xs` and `test:mutants`, some minutes each.
    exclude: ["test/boards/rv32/**", "test/xs/on-xs.test.ts", "test/sim/mutants.test.ts"],
    // Two cores, and the end-to-end tests start real processes of their own.
    maxWorkers: 2,
    testTimeout: 30_000,
  },
});
