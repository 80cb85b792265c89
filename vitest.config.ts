import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // `npm run test:emulated`: they want QEMU and a cross compiler.
    exclude: ["test/boards/rv32/**"],
    // Two cores, and the end-to-end tests start real processes of their own.
    maxWorkers: 2,
    testTimeout: 30_000,
  },
});
