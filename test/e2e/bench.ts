import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { toHex } from "../../firmware/core/wire/bytes";
import type { Line } from "../../firmware/device/lines";
import { startControl } from "../../gateway/channels/control";
import { type ControlClient, controlClient } from "../../gateway/channels/control-client";
import type { ToldEntry } from "../../gateway/channels/entry";
import { historyOf } from "../../gateway/channels/history";
import type { BoardEvents, RunningBoard } from "../../gateway/fleet/board-process";
import { buildFirmware, startLinuxBoard } from "../../gateway/fleet/linux-board";
import type { Gateway } from "../../gateway/gateway";
import { nodeCrypto } from "../../gateway/participant/crypto";
import type { HistoricBlock } from "../../gateway/participant/final-block";
import { nodeRandom } from "../../gateway/participant/platform";
import { loadSaga } from "../../gateway/saga/load";
import { buildSandbox } from "../../gateway/saga/sandbox";
import type { WorldPlan } from "../../gateway/world/layout";
import { type Board, boardOf, createWorld, readDefinition, type World } from "../../gateway/world/world";
import { type RunningCommand, startCommand } from "../gateway/command";
import { openedStore } from "../gateway/stores";
import { boardEvents, gatewayOf } from "../gateway/worlds";
import { root } from "../house/sources";
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
  /** Starts the gateway in this process, where the cables of boards can be pulled out. */
  host(): Promise<Gateway>;
  /** Starts a board; what it prints is added to what it printed before, and given to `heard` at once. */
  start(name: string, heard?: (line: Line) => void): RunningBoard;
  /** What the running gateway answers on its control socket. */
  get: ControlClient["get"];
  /** Has the running gateway push an entry; resolves when it is sealed. */
  push(group: string, entry: object): Promise<void>;
  /** The final entries of a group that the running gateway tells. */
  entries(group: string): Promise<ToldEntry[]>;
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

export const example = (file: string) => join(root, "examples", file);

/** The saga of an example, changed in one place, as a file in `directory`. */
export function changedExample(directory: string, name: string, from: string, to: string): string {
  const text = readFileSync(example(`${name}/${name}.ts`), "utf8");
  expect(text).toContain(from);
  const file = join(directory, `${name}.ts`);
  writeFileSync(file, text.replace(from, to));
  return file;
}

/** Boards as the definitions of these names or files say, and the sagas of these files. */
export async function planOf(boards: readonly string[], sagas: readonly string[]): Promise<WorldPlan> {
  const sandbox = await buildSandbox(() => {});
  const loaded = [];
  for (const saga of sagas) loaded.push(await loadSaga(sandbox, saga));
  return { boards: boards.map(readDefinition), sagas: loaded };
}

/** Starts a board of any kind, which tells in JSON. */
export type Starting = (board: Board, events: BoardEvents) => RunningBoard;

async function onLinux(): Promise<Starting> {
  const firmware = await buildFirmware(() => {});
  return (board, events) => startLinuxBoard(firmware, board, "json", events);
}

/** Its boards are processes on Linux, unless it is told how they start. */
export async function createBench(plan: WorldPlan, starting?: Starting): Promise<Bench> {
  const startBoard = starting ?? (await onLinux());
  const directory = mkdtempSync(join(tmpdir(), "vertebra-e2e-"));
  const crypto = nodeCrypto();
  const world = createWorld(crypto, nodeRandom(), join(directory, "world"), plan);
  const lines = new Map(world.boards.map(({ name }) => [name, [] as Line[]]));
  const gateways: RunningCommand[] = [];
  const running = new Set<{ kill(): void; readonly ended: Promise<unknown> }>();
  const client = controlClient(world.directory);
  let hosted: { close(): Promise<void> } | undefined;

  return {
    world,
    async up() {
      const gateway = startCommand("up", "--dir", world.directory, "--json");
      gateways.push(gateway);
      running.add({ kill: () => gateway.child.kill("SIGKILL"), ended: gateway.ended });
      await gateway.printed('"event":"up"');
      return gateway;
    },
    async host() {
      const gateway = await gatewayOf(
        world,
        world.boards.map(({ terminal }) => terminal),
      );
      const control = await startControl(gateway, () => {});
      hosted = {
        async close() {
          await control.close();
          await gateway.close();
        },
      };
      return gateway;
    },
    start(name, heard = () => {}) {
      const board = startBoard(
        boardOf(world, name),
        boardEvents((text) => {
          const line: Line = JSON.parse(text);
          lines.get(name)!.push(line);
          heard(line);
        }),
      );
      running.add({ kill: () => kill(board), ended: board.ended });
      return board;
    },
    get: client.get,
    async push(group, entry) {
      for await (const _ of client.push(group, entry, false));
    },
    async entries(group) {
      const told: ToldEntry[] = [];
      const { signal } = new AbortController();
      for await (const entry of client.lines<ToldEntry>("/entries", { group }, signal)) told.push(entry);
      return told;
    },
    linesOf: (name) => lines.get(name)!,
    sealedBy: (name) => told(lines.get(name)!, "sealed").map((line) => line.block),
    finalBlocks() {
      const ofGateways = gateways.flatMap((gateway) => gateway.lines().map((line) => JSON.parse(line)));
      const all = [...lines.values(), ofGateways].flatMap((each) => told(each, "final"));
      return new Set(all.map((line) => line.block));
    },
    async history() {
      const store = await openedStore(join(world.directory, "store"), crypto.signer(world.seed).publicKey);
      const histories = new Map<string, KnownBlock[]>();
      for (const { name, id } of world.catalog.groups) {
        const blocks: KnownBlock[] = [];
        for await (const block of historyOf(store, world.tag, id).from(0)) {
          if ("lost" in block) throw new Error(`block ${block.lost.from} of ${name} can't be read`);
          blocks.push({ ...block, id: toHex(block.block) });
        }
        histories.set(name, blocks);
      }
      await store.close();
      return histories;
    },
    async close() {
      for (const each of running) each.kill();
      await Promise.all([...running].map((each) => each.ended));
      await hosted?.close();
      rmSync(directory, { recursive: true });
    },
  };
}

/** kill -9: whatever it was doing, it does no more of it. */
export function kill(board: RunningBoard): void {
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

/** mulberry32: numbers in [0, 1) that a seed decides. */
export function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
