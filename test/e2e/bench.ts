import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { toHex } from "../../firmware/core/wire/bytes";
import { hash } from "../../firmware/core/wire/hash";
import { decodeFinalityProof } from "../../firmware/core/wire/proofs";
import type { Line } from "../../firmware/device/lines";
import { type HistoricBlock, historyOf } from "../../gateway/channels/history";
import { buildFirmware, type LinuxBoard, startLinuxBoard } from "../../gateway/fleet/linux-board";
import { nodeCrypto } from "../../gateway/participant/crypto";
import { nodeRandom } from "../../gateway/participant/platform";
import { openStore } from "../../gateway/participant/store";
import { boardOf, createWorld, plainWorld, type World } from "../../gateway/world/world";
import { type RunningCommand, startCommand } from "../gateway/command";
import { hostOrReason } from "../xs/host";

/** Where there is no compiler for the XS host, tests with boards are skipped for this reason. */
export const { reason } = await hostOrReason();

type Of<E extends Line["event"]> = Extract<Line, { readonly event: E }>;

/** A final block with the hex of its BlockId. */
export interface KnownBlock extends HistoricBlock {
  readonly id: string;
}

/** Real processes of one world: its gateway as the command line runs it, its boards on XS. */
export interface Bench {
  readonly world: World;
  /** Starts the gateway; resolves when it is up. */
  up(): Promise<RunningCommand>;
  /** Starts a board; what it prints is added to what it printed before. */
  start(name: string): LinuxBoard;
  /** All that a board printed, over all its starts. */
  linesOf(name: string): readonly Line[];
  /** Hex of the blocks that a board was told are sealed. */
  sealedBy(name: string): string[];
  /** Hex of the blocks of which anyone told that they are final. Whoever is killed may have had no time to tell. */
  finalBlocks(): Set<string>;
  /** What the gateway's store has as final, by group name; the gateway must not run. */
  history(): Promise<Map<string, KnownBlock[]>>;
  close(): Promise<void>;
}

export async function createBench(boards: number): Promise<Bench> {
  const firmware = await buildFirmware(() => {});
  const directory = mkdtempSync(join(tmpdir(), "vertebra-e2e-"));
  const crypto = nodeCrypto();
  const world = createWorld(crypto, nodeRandom(), join(directory, "world"), plainWorld(boards));
  const lines = new Map(world.boards.map(({ name }) => [name, [] as Line[]]));
  const gateways: RunningCommand[] = [];
  const running = new Set<{ kill(): void; readonly ended: Promise<unknown> }>();

  return {
    world,
    async up() {
      const gateway = startCommand("up", "--dir", world.directory, "--json");
      gateways.push(gateway);
      running.add({ kill: () => gateway.child.kill("SIGKILL"), ended: gateway.ended });
      await gateway.printed('"event":"up"');
      return gateway;
    },
    start(name) {
      const board = startLinuxBoard(firmware, boardOf(world, name), "json", (text) =>
        lines.get(name)!.push(JSON.parse(text)),
      );
      running.add({ kill: () => kill(board), ended: board.ended });
      return board;
    },
    linesOf: (name) => lines.get(name)!,
    sealedBy: (name) => told(lines.get(name)!, "sealed").map((line) => line.block),
    finalBlocks() {
      const ofGateways = gateways.flatMap((gateway) => gateway.lines().map((line) => JSON.parse(line)));
      const all = [...lines.values(), ofGateways].flatMap((each) => told(each, "final"));
      return new Set(all.map((line) => line.block));
    },
    async history() {
      const store = await openStore(join(world.directory, "store"), crypto.signer(world.seed).publicKey);
      const histories = new Map<string, KnownBlock[]>();
      for (const { name, id } of world.catalog.groups) {
        const blocks: KnownBlock[] = [];
        for await (const block of historyOf(store, world.tag, id).from(0)) {
          const header = decodeFinalityProof(block.proof).blockHeader;
          blocks.push({ ...block, id: toHex(hash(crypto, "block", header)) });
        }
        histories.set(name, blocks);
      }
      await store.close();
      return histories;
    },
    async close() {
      for (const each of running) each.kill();
      await Promise.all([...running].map((each) => each.ended));
      rmSync(directory, { recursive: true });
    },
  };
}

/** kill -9: whatever it was doing, it does no more of it. */
export function kill(board: LinuxBoard): void {
  try {
    process.kill(board.pid, "SIGKILL");
  } catch (error) {
    // It had ended already.
    expect((error as NodeJS.ErrnoException).code).toBe("ESRCH");
  }
}

export function told<E extends Line["event"]>(lines: readonly Line[], event: E): Of<E>[] {
  return lines.filter((line): line is Of<E> => line.event === event);
}

/** Positions and sequences run on from 0 without gap or double, and no counter is there twice. */
export function expectUnbroken(blocks: readonly KnownBlock[]): void {
  let nextEntry = 0;
  for (const [index, block] of blocks.entries()) {
    expect(block).toMatchObject({ position: index, firstEntry: nextEntry });
    nextEntry += block.header.count;
  }
  const counters = blocks.map((block) => `${toHex(block.header.issuer)} ${block.header.counter}`);
  expect(new Set(counters).size).toBe(counters.length);
}
