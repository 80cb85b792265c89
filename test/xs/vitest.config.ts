import { defineConfig } from "vitest/config";

/** `npm run test:xs`: the unit tests of the firmware, which `npm test` runs on Node, on the engine of boards. */
export default defineConfig({ test: { include: ["test/xs/on-xs.test.ts"] } });
