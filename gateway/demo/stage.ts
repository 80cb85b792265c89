import { fileURLToPath } from "node:url";
import type { VertebraError } from "../../firmware/core/errors";
import type { FinalBlock } from "../../firmware/core/events";
import { toHex } from "../../firmware/core/wire/bytes";
import type { Line } from "../../firmware/device/lines";
import { usualBaudRate } from "../avatars/address";
import { startControl } from "../channels/control";
import { type ToldEntry, tellEntry } from "../channels/entry";
import { whyWaiting } from "../channels/waiting";
import type { RunningBoard } from "../fleet/board-process";
import { type BoardFirmware, startLinuxBoard } from "../fleet/linux-board";
import { startRv32Board } from "../fleet/rv32-board";
import type { Rv32Image } from "../fleet/rv32-image";
import { type Gateway, startGateway } from "../gateway";
import { nodeCrypto } from "../participant/crypto";
import { nodeDisk } from "../participant/disk";
import { nodeRandom } from "../participant/platform";
import { loadSaga } from "../saga/load";
import { buildSandbox } from "../saga/sandbox";
import { createWorld, readDefinition, type World } from "../world/world";
import { takeLine } from "./board-lines";
import { type BoardReport, createBoardReport } from "./board-report";
import { addBlock, createOrder, type Order } from "./order";
import type { GatewayReport } from "./summary";
import {
  createThermostat,
  notePlugged,
  notePulled,
  type Thermostat,
  takeReading,
  takeRelay,
  takeStates,
} from "./thermostat";
import type { Moment } from "./view";

/** A world of its own with its gateway in this process, and its boards on XS beside it, each on a pseudo-terminal, or emulated. */
export interface Stage {
  readonly world: World;
  readonly boards: readonly StagedBoard[];
  /** What the gateway saw become final, by group name. */
  readonly orders: Map<string, Order>;
  /** The last final entries, the newest first. */
  readonly last: readonly Moment["last"][number][];
  /** What the saga of the stage did. */
  readonly thermostat: Thermostat;
  /** Of the saga, that wait or run. */
  invocations(): number;
  /** What a block that a board sealed waits for, as far as the gateway knows: a sentence. */
  whyWaiting(block: string): Promise<string>;
  /** Pulls out the cable of the board with the relay, or puts it back. */
  pull(): void;
  plug(): void;
  /** Rejects when the gateway or a board fails. */
  readonly failed: Promise<never>;
  report(): GatewayReport & { readonly attempt: number };
  /** Ends the boards, then the gateway. */
  close(): Promise<void>;
}

/** What runs the boards: processes, and where it was asked for an emulated microcontroller. */
export interface Machines {
  readonly firmware: BoardFirmware;
  readonly emulator: Rv32Image | undefined;
}

export interface StagedBoard {
  readonly process: RunningBoard;
  readonly report: BoardReport;
}

/** The thermometer is on another board than the relay; the third is the machine as it is, or an emulated microcontroller. */
function kindsOf(emulator: Rv32Image | undefined): string[] {
  const example = (name: string) => inRepository(`examples/thermostat/${name}.board.json`);
  return [example("thermometer"), example("heater"), emulator === undefined ? "linux" : "rv32"];
}

const saga = inRepository("examples/thermostat/thermostat.ts");
const relayBoard = 1;
const lastKept = 12;

/** `say` is told what boards complain of, and what the machine lacks for them. All that was started is ended where it rejects. */
export async function setStage(
  directory: string,
  { firmware, emulator }: Machines,
  say: (text: string) => void,
): Promise<Stage> {
  const notice = ({ message, remedy }: VertebraError) => say(`${message}. ${remedy}`);
  const crypto = nodeCrypto();
  const sagas = [await loadSaga(await buildSandbox(() => {}), saga)];
  const kinds = kindsOf(emulator);
  const world = createWorld(crypto, nodeRandom(), directory, { boards: kinds.map(readDefinition), sagas });
  const thermostat = createThermostat();
  const orders = new Map<string, Order>();
  const last: Moment["last"][number][] = [];
  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  // Whoever plays on the stage looks at it; before that, there is nobody to tell.
  failed.catch(() => {});
  const boards = world.boards.map((board, index): StagedBoard => {
    const image = kinds[index] === "rv32" ? emulator : undefined;
    const report = createBoardReport(board.name, image !== undefined);
    const printed = (text: string) => {
      const line: Line = JSON.parse(text);
      takeLine(world.catalog, report, line);
      if (line.event === "capability") takeRelay(thermostat, line);
    };
    const events = { printed, complained: say, notice };
    const process = image
      ? startRv32Board(image, board, "json", events)
      : startLinuxBoard(firmware, board, "json", events);
    return { process, report };
  });
  const endBoards = () => Promise.all(boards.map((board) => board.process.end()));
  const starting = startGateway({
    disk: nodeDisk,
    world,
    crypto,
    links: world.boards.map(({ terminal }) => ({
      address: { kind: "serial", path: terminal, baudRate: usualBaudRate },
      named: false,
    })),
    events: {
      final: (block) => takeFinal({ world, orders, last, thermostat }, block),
      link(_path, avatar, error) {
        const board = boards.find(({ report }) => report.name === world.catalog.memberName(avatar));
        if (board) board.report.linkUp = error === undefined;
      },
      defined: () => {},
      notice: () => {},
      say: () => {},
      failed: fail,
    },
  });
  const gateway = await starting.catch((error) => endBoards().then(() => Promise.reject(error)));
  const control = await startControl(gateway, notice).catch(async (error) => {
    await Promise.all([endBoards(), gateway.close()]);
    throw error;
  });
  const cable = gateway.links.cable(world.boards[relayBoard]!.terminal);
  return {
    world,
    boards,
    orders,
    last,
    thermostat,
    invocations: () =>
      [...gateway.sagas[0]!.ledger.books.values()].reduce((sum, book) => sum + book.invocations.size, 0),
    whyWaiting: async (block) => (await whyWaiting(gateway, block)).sentence,
    pull() {
      notePulled(thermostat, Date.now());
      cable.unplug();
    },
    plug() {
      notePlugged(thermostat, Date.now());
      cable.plug();
    },
    failed,
    report: () => gatewayReport(gateway, orders),
    async close() {
      await endBoards();
      await control.close();
      await gateway.close();
    },
  };
}

function takeFinal({ world, orders, last, thermostat }: Seen, block: FinalBlock): void {
  const group = world.catalog.groupOf(block.group);
  if (group === undefined) return;
  const order = orders.get(group.name) ?? createOrder();
  orders.set(group.name, order);
  const { position, firstEntry, issuer, time, entries } = block;
  addBlock(order, { position, firstEntry, count: entries?.length ?? 0, block: toHex(block.block) });
  if (group.name === "thermostat-states") takeStates(thermostat, block);
  for (const [index, entry] of (entries ?? []).entries()) {
    const origin = { state: "final", sequence: firstEntry + index, issuer, time } as const;
    const told = tellEntry(world.catalog, group, origin, entry);
    if (group.name === "reading") takeReading(thermostat, told);
    // The view has lines of its own for what the saga does.
    if (!group.name.startsWith("machine")) continue;
    last.unshift({ where: `${told.group}/${told.sequence}`, issuer: told.issuer, content: inShort(told) });
  }
  last.splice(lastKept);
}

interface Seen extends Pick<Stage, "world" | "orders" | "thermostat"> {
  readonly last: Moment["last"][number][];
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

function inRepository(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}
