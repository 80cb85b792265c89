import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { decodeProvision, encodeProvision } from "../../../firmware/core/identity/provision";
import type { Line } from "../../../firmware/device/lines";
import { readLink } from "../../../gateway/avatars/address";
import { startRv32Board } from "../../../gateway/fleet/rv32-board";
import { buildRv32Image, type Rv32Image } from "../../../gateway/fleet/rv32-image";
import { startGateway } from "../../../gateway/gateway";
import { nodeCrypto } from "../../../gateway/participant/crypto";
import { nodeDisk } from "../../../gateway/participant/disk";
import { nodeRandom } from "../../../gateway/participant/platform";
import { createWorld, readDefinition } from "../../../gateway/world/world";
import type { MachineLine } from "./board-on-rv32";

/** What a board took for so many final batches of two groups that it owns with a gateway. */
export interface BatchesCost {
  readonly image: Rv32Image;
  readonly batches: number;
  /** Of the processor a batch, between the first tenth of them and the last. */
  readonly instructions: number;
  /** From power to the first line of its program. */
  readonly toStart: number;
  /** Bytes: of heap in use before the first batch, and after the last; of all RAM at most; of C's stack at most. */
  readonly idle: number;
  readonly live: number;
  readonly taken: number;
  readonly stack: number;
  readonly ram: number;
}

/** An instruction takes 2 ** shift ns of the machine's time: counted, not timed (QEMU, -icount). */
const shift = 2;

export async function countBatches(batches: number): Promise<BatchesCost> {
  const image = await buildRv32Image("test/bench/rv32/board-on-rv32.ts", "bench", () => {});
  const directory = mkdtempSync(join(tmpdir(), "vertebra-rv32-"));
  const crypto = nodeCrypto();
  const world = createWorld(crypto, nodeRandom(), join(directory, "world"), {
    boards: [readDefinition("rv32")],
    sagas: [],
  });
  hurry(world.boards[0]!.provisionFile);
  const lines: (Line | MachineLine)[] = [];
  const told: string[] = [];
  const board = startRv32Board(
    image,
    world.boards[0]!,
    "json",
    {
      printed: (text) => void lines.push(JSON.parse(text)),
      complained: (text) => void told.push(text),
      notice: ({ message }) => void told.push(message),
    },
    ["-icount", `shift=${shift}`],
  );
  const quiet = {
    final: () => {},
    defined: () => {},
    link: () => {},
    notice: () => {},
    say: () => {},
    failed: () => {},
  };
  const links = [{ address: readLink(board.board.terminal), named: false }];
  const gateway = await startGateway({ disk: nodeDisk, world, crypto, links, events: quiet });
  try {
    while (finals(lines).length < batches || machine(lines).at(-1)!.index < finals(lines)[batches - 1]!) {
      if (told.length > 0)
        throw new Error(
          `${told.join("\n")}\nafter ${finals(lines).length} batches: ${JSON.stringify(machine(lines).at(-1))}`,
        );
      await sleep(200);
    }
  } finally {
    await board.end();
    await gateway.close();
    rmSync(directory, { recursive: true, force: true });
  }
  return costOf(image, lines, batches);
}

/** Has the board push eight times as often as it would: what a batch takes is the same, and there are 200 of them sooner. */
function hurry(provisionFile: string): void {
  const { seed, worlds } = decodeProvision(readFileSync(provisionFile));
  const faster = worlds.map((world) => ({
    ...world,
    readings: world.readings.map(({ group, everyMs }) => ({ group, everyMs: everyMs / 8 })),
  }));
  writeFileSync(provisionFile, encodeProvision({ seed, worlds: faster }));
}

function finals(lines: readonly (Line | MachineLine)[]): number[] {
  return lines.flatMap(({ event }, index) => (event === "final" ? [index] : []));
}

function machine(lines: readonly (Line | MachineLine)[]) {
  return lines.flatMap((line, index) => (line.event === "machine" ? [{ ...line, index }] : []));
}

function costOf(image: Rv32Image, lines: readonly (Line | MachineLine)[], batches: number): BatchesCost {
  const final = finals(lines);
  const all = machine(lines);
  const first = all.find(({ index }) => index > final[Math.floor(batches / 10)]!)!;
  const last = all.filter(({ index }) => index < final[batches - 1]!).at(-1)!;
  const between = final.filter((index) => index > first.index && index < last.index).length;
  return {
    image,
    batches,
    instructions: (last.busy - first.busy) / 2 ** shift / between,
    toStart: all[0]!.busy / 2 ** shift,
    idle: all[0]!.live,
    live: last.live,
    taken: Math.max(...all.map(({ taken }) => taken)),
    stack: Math.max(...all.map(({ stack }) => stack)),
    ram: last.ram,
  };
}
