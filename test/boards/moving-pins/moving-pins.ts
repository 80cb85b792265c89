import { alarmCapabilities, openCapabilities, operate, resumeActuators } from "../../../firmware/device/capabilities";
import { simulatedPins } from "../../../firmware/device/pins/simulated";
import { boardOf, operation, sample } from "../../capability/sample-board";

/** What a board of simulated pins tells while it is operated, loses a lease, is barred and is stopped; and its pins in the end. */
export function movingPins(): string[] {
  const lines: string[] = [];
  let now = 1000;
  const clock = { now: () => ({ monotonic: now, wall: 0 }) };
  const pins = simulatedPins(clock);
  const board = openCapabilities({
    ...{ board: boardOf(sample), pins, clock, stopped: false },
    keep: (stopped) => void lines.push(`kept ${stopped}`),
    heardAt: () => now,
    wake: (at) => void lines.push(`wake ${at}`),
    acted: (run, outcome, error) => void lines.push(`${run} ${outcome} ${error}`),
    told: (capability, value, why) => void lines.push(`${capability} ${value} ${why}`),
    notice: ({ message }) => void lines.push(message),
  });
  operate(board, 1, [operation("servo", { degrees: 45 }), operation("drive", { speed: -0.5 })]);
  operate(board, 2, [operation("arm", { degrees: 181 })]);
  operate(board, 3, [operation("relay", { on: true }), operation("fan", { duty: 0.3 })]);
  now = 2000;
  alarmCapabilities(board);
  lines.push(`${board.sensors.get("celsius")!()} °C`);
  pins.drive(8, 1);
  pins.drive(10, 1);
  resumeActuators(board);
  pins.drive(10, 0);
  resumeActuators(board);
  operate(board, 4, [operation("lamp", { on: true })]);
  for (const [pin, state] of pins.states) lines.push(`${pin} ${JSON.stringify(state)}`);
  return lines;
}
