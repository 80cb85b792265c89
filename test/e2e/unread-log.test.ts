import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, it } from "vitest";
import type { Line } from "../../firmware/device/lines";
import { buildFirmware } from "../../gateway/fleet/linux-board";
import { nodeRandom } from "../../gateway/participant/platform";
import { createWorld, readDefinition } from "../../gateway/world/world";
import { crypto } from "../gateway/worlds";
import { hostOrReason } from "../xs/host";

const { reason } = await hostOrReason();

it.skipIf(reason)(
  "a board whose log nobody reads is stopped when it is told to, and says later how much it could not tell",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "vertebra-unread-"));
    const { host, program, sandbox } = await buildFirmware(() => {});
    const world = createWorld(crypto, nodeRandom(), join(directory, "world"), {
      boards: [readDefinition("simulated")],
      sagas: [],
    });
    const { provisionFile, flashFile, terminal, definitionFile } = world.boards[0]!;
    const files = ["--provision", provisionFile, "--flash", flashFile, "--pty", terminal, "--board", definitionFile];
    const child = spawn(host, [program, ...files, "--sandbox", sandbox, "--json"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    try {
      child.stdin.write("status\n".repeat(5000));
      child.stdin.write("halt\n");
      // That it is stopped is durable before its actuators are set: the one word of it in the flash that nobody else writes.
      const isHalted = () => existsSync(flashFile) && readFileSync(flashFile).includes("board/halted");
      await expect.poll(isHalted, { timeout: 20_000 }).toBe(true);
      const lines: Line[] = [];
      createInterface({ input: child.stdout }).on("line", (line) => lines.push(JSON.parse(line)));
      await expect
        .poll(() => lines.find((line) => line.event === "notice" && line.code === "log-gap"), { timeout: 10_000 })
        .toBeDefined();
      const told = lines.filter(({ event }) => event === "stats").length;
      expect(told).toBeGreaterThan(100);
      expect(told).toBeLessThan(5000);
    } finally {
      child.kill("SIGKILL");
      rmSync(directory, { recursive: true });
    }
  },
);
