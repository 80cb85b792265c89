import { type BoardEvents, type LocalBoard, type RunningBoard, startBoardProcess, type Telling } from "./board-process";
import { buildForXs, type Firmware } from "./xs-program";

/** What runs a board: the XS host, the board's program, and that of a behavior in a process of its own. */
export interface BoardFirmware extends Firmware {
  readonly sandbox: string;
}

/** `say` and errors: those of `buildForXs`. */
export async function buildFirmware(say: (text: string) => void): Promise<BoardFirmware> {
  const firmware = await buildForXs("firmware/device/main.ts", "build/device/participant.js", say);
  const { program: sandbox } = await buildForXs("firmware/sandbox/main.ts", "build/sandbox/sandbox.js", say);
  return { ...firmware, sandbox };
}

/** Starts a board as a process on this machine: the firmware on the XS engine, with a pseudo-terminal for its serial line. */
export function startLinuxBoard(
  firmware: BoardFirmware,
  board: LocalBoard,
  telling: Telling,
  events: BoardEvents,
): RunningBoard {
  const { provisionFile } = board;
  // A part of its flash, on a board that has one.
  const identity =
    provisionFile === undefined ? ["--identity", `${board.flashFile}.identity`] : ["--provision", provisionFile];
  const files = [...identity, "--flash", board.flashFile, "--pty", board.terminal];
  const parameters = [firmware.program, ...files, "--board", board.definitionFile, "--sandbox", firmware.sandbox];
  if (telling === "json") parameters.push("--json");
  const launch = (reset: number | undefined) => ({
    command: firmware.host,
    parameters: reset === undefined ? parameters : [...parameters, "--reset", String(reset)],
  });
  return startBoardProcess(board, launch, events);
}
