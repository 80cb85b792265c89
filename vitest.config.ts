import { defineConfig } from "vitest/config";
import { fleets } from "./test/e2e/fleet.config";
import { worlds } from "./test/sim/worlds.config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // `npm run test:emulated`, which wants QEMU and a cross compiler; `test:xs`, `test:worlds`, `test:fleet` and `test:mutants`, some minutes each.
    exclude: ["test/boards/rv32/**", "test/xs/on-xs.test.ts", "test/sim/mutants.test.ts", ...worlds, ...fleets],
    // Two cores, and the end-to-end tests start real processes of their own.
    maxWorkers: 2,
    testTimeout: 30_000,
  },
});
