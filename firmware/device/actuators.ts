import type { Board } from "../core/capability/board";
import { type Journal, readRecord, writeRecords } from "../store/journal";
import { type BoardCapabilities, type CapabilityOptions, openCapabilities } from "./capabilities";
import type { Line } from "./lines";
import { type SimulatedPins, simulatedPins } from "./pins/simulated";

/** What a board is that was given no board.json. */
export const bare: Board = { name: "bare", kind: "linux", sandbox: "process", actuators: [], sensors: [], inputs: [] };

/** Whether the actuators are stopped, in the journal. */
const haltKey = "board/halted";

export interface ActuatorOptions extends Pick<CapabilityOptions, "clock" | "heardAt" | "wake" | "acted" | "notice"> {
  readonly definition: Board;
  readonly journal: Journal;
  print(line: Line): void;
}

export interface Actuators {
  readonly capabilities: BoardCapabilities;
  readonly pins: SimulatedPins;
}

/** The capabilities of a board on Linux: its pins are simulated, and whether they are stopped is kept in its journal. */
export function openActuators(options: ActuatorOptions): Actuators {
  const { definition, journal, clock, print } = options;
  const pins = simulatedPins(clock);
  const capabilities = openCapabilities({
    ...{ ...options, board: definition, pins },
    stopped: readRecord(journal, haltKey)?.[0] === 1,
    keep: (halted) => writeRecords(journal, new Map([[haltKey, Uint8Array.of(halted ? 1 : 0)]]), new Set()),
    told: (capability, value, why) => print({ event: "capability", capability, value, why, at: clock.now().wall }),
  });
  return { capabilities, pins };
}
