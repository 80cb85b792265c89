import { execFileSync } from "node:child_process";
import { VertebraError } from "../../firmware/core/errors";
import { type BoardEvents, type LocalBoard, type RunningBoard, startBoardProcess, type Telling } from "./board-process";
import { layOutFlash } from "./rv32-flash";
import { buildRv32Image, emulator, escaped, machineOf, type Rv32Image, withoutEmulator } from "./rv32-image";

/** RAM of the machine: the RP2350's. */
const memory = "520K";
/** Where what a start is told lies, in the last bytes of RAM (firmware/native/rv32/machine.h, Start). */
const startAt = 0x80081ff8;
const startMagic = 0x54525453;
/** Bytes of a Unix socket's path, without its end. */
const longestSocketPath = 107;

/** The image that runs a board. `say` and errors: those of `buildRv32Image`. */
export async function buildRv32Firmware(say: (text: string) => void): Promise<Rv32Image> {
  try {
    execFileSync(emulator, ["--version"], { stdio: "ignore" });
  } catch (error) {
    throw withoutEmulator(error as Error);
  }
  return buildRv32Image("firmware/device/main.ts", "participant", say);
}

/**
 * Starts a board as an emulated microcontroller: its serial line is a socket at the place of its terminal, which a gateway opens as it
 * does a port. To end it is to cut its power. `options` go to the emulator as they are. Throws what `layOutFlash` throws, and `socket-path`.
 */
export function startRv32Board(
  image: Rv32Image,
  board: LocalBoard,
  telling: Telling,
  events: BoardEvents,
  options: readonly string[] = [],
): RunningBoard {
  checkSocketPath(board.terminal);
  layOutFlash(board);
  const line = `socket,id=line,path=${escaped(board.terminal)},server=on,wait=off`;
  const launch = (reset: number | undefined) => ({
    command: emulator,
    parameters: [
      ...machineOf(memory, image.path),
      ...["-drive", `if=pflash,unit=1,format=raw,file=${escaped(board.flashFile)}`],
      ...["-chardev", line, "-serial", "chardev:line"],
      ...["-device", `loader,addr=${startAt},data=${startWord(telling, reset)},data-len=8`],
      ...options,
    ],
  });
  return startBoardProcess(board, launch, {
    ...events,
    printed: (text) => passOn(text, telling, events),
    // Its power is cut because we cut it.
    complained: (text) => void (text.startsWith(`${emulator}: terminating on signal`) || events.complained(text)),
  });
}

/** Magic, as JSON, halted, reset: a byte each after the first four. */
function startWord(telling: Telling, reset: number | undefined): string {
  const told = BigInt(telling === "json" ? 1 : 0) | (BigInt(reset ?? 0) << 16n);
  return `0x${((told << 32n) | BigInt(startMagic)).toString(16)}`;
}

/** The board has one console: what is no line of JSON is a complaint, and one that a power cut ended in the middle. */
function passOn(text: string, telling: Telling, events: BoardEvents): void | Promise<void> {
  if (telling === "words" || isObject(text)) return events.printed(text);
  events.complained(text);
}

function isObject(text: string): boolean {
  if (!text.startsWith("{")) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function checkSocketPath(path: string): void {
  const length = Buffer.byteLength(path);
  if (length <= longestSocketPath) return;
  throw new VertebraError(
    "socket-path",
    `The serial line of the board can't be made at ${path}: its path has ${length} bytes, and the system takes ${longestSocketPath}`,
    "Name the world by a shorter path: move it, or make a link to it (ln -s) and give --dir the link.",
  );
}
