import type { VertebraError } from "../../firmware/core/errors";
import type { FinalBlock } from "../../firmware/core/events";
import { toHex } from "../../firmware/core/wire/bytes";
import { type ToldEntry, tellEntry } from "../channels/entry";
import { type BoardFirmware, type LinuxBoard, startLinuxBoard } from "../fleet/linux-board";
import { type Gateway, startGateway } from "../gateway";
import { nodeCrypto } from "../participant/crypto";
import { nodeRandom } from "../participant/platform";
import { createWorld, plainWorld, type World } from "../world/world";
import { takeLine } from "./board-lines";
import { type BoardReport, createBoardReport } from "./board-report";
import { addBlock, createOrder, type Order } from "./order";
import type { GatewayReport } from "./summary";
import type { Moment } from "./view";

/** A world of its own with its gateway in this process, and its boards on XS beside it, each on a pseudo-terminal. */
export interface Stage {
  readonly world: World;
  readonly boards: readonly StagedBoard[];
  /** What the gateway saw become final, by group name. */
  readonly orders: ReadonlyMap<string, Order>;
  /** The last final entries, the newest first. */
  readonly last: readonly Moment["last"][number][];
  /** Rejects when the gateway or a board fails. */
  readonly failed: Promise<never>;
  report(): GatewayReport & { readonly attempt: number };
  /** Ends the boards, then the gateway. */
  close(): Promise<void>;
}

export interface StagedBoard {
  readonly process: LinuxBoard;
  readonly report: BoardReport;
}

const boardCount = 3;
const baudRate = 115_200;
const lastKept = 12;

export async function setStage(directory: string, firmware: BoardFirmware): Promise<Stage> {
  const crypto = nodeCrypto();
  const world = createWorld(crypto, nodeRandom(), directory, plainWorld(boardCount));
  const orders = new Map(world.catalog.groups.map(({ name }) => [name, createOrder()]));
  const last: Moment["last"][number][] = [];
  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  // Whoever plays on the stage looks at it; before that, there is nobody to tell.
  failed.catch(() => {});
  const boards = world.boards.map((board): StagedBoard => {
    const report = createBoardReport(board.name);
    const process = startLinuxBoard(firmware, board, "json", (line) => takeLine(world.catalog, report, line));
    return { process, report };
  });
  const gateway = await startGateway({
    world,
    crypto,
    serial: world.boards.map((board) => ({ path: board.terminal, baudRate, required: false })),
    events: {
      final: (block) => takeFinal(world, orders, last, block),
      link(_path, avatar, error) {
        const board = boards.find(({ report }) => report.name === world.catalog.memberName(avatar));
        if (board) board.report.linkUp = error === undefined;
      },
      notice: (_error: VertebraError) => {},
      say: (_text: string) => {},
      failed: fail,
    },
  });
  return {
    world,
    boards,
    orders,
    last,
    failed,
    report: () => gatewayReport(gateway, orders),
    async close() {
      await Promise.all(boards.map((board) => board.process.end()));
      await gateway.close();
    },
  };
}

function takeFinal(
  world: World,
  orders: ReadonlyMap<string, Order>,
  last: Moment["last"][number][],
  block: FinalBlock,
) {
  const group = world.catalog.groupOf(block.group);
  const order = group && orders.get(group.name);
  if (group === undefined || order === undefined) return;
  const { position, firstEntry, issuer, time, entries } = block;
  addBlock(order, { position, firstEntry, count: entries?.length ?? 0, block: toHex(block.block) });
  for (const [index, entry] of (entries ?? []).entries()) {
    const origin = { state: "final", sequence: firstEntry + index, issuer, time } as const;
    const told = tellEntry(world.catalog, group, origin, entry);
    last.unshift({ where: `${told.group}/${told.sequence}`, issuer: told.issuer, content: inShort(told) });
  }
  last.splice(lastKept);
}

/** What there is, as short as it can be read. */
function inShort({ entry }: ToldEntry): string {
  return Object.entries(entry ?? {})
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name} ${typeof value === "number" ? Number(value.toPrecision(5)) : value}`)
    .join(", ");
}

function gatewayReport(gateway: Gateway, orders: ReadonlyMap<string, Order>) {
  const status = gateway.status();
  return {
    world: status.world,
    crypto: status.engine,
    finalizable: status.highestFinalizableGeneration,
    certified: status.highestCertifiedGeneration,
    attempt: status.attempt,
    orders,
  };
}
