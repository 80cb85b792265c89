import type { Actuator, ActuatorPins } from "../../core/capability/board";
import type { Setting } from "../../core/capability/interfaces";
import type { Pins } from "../../ports";

/** Of 20 ms, the usual 10 bits are steps of 20 µs, nearly 2°; these are of 1 µs. */
const resolution = 14;

/** A servo: the length of a pulse says the degrees. */
export function openServo(
  { PWM }: Pins,
  { pin, hz, minPulse, maxPulse }: Extract<ActuatorPins, { kind: "servo" }>,
  { min, max }: Pick<Actuator, "min" | "max">,
): (degrees: Setting) => void {
  const output = new PWM({ pin, hz, resolution });
  const most = 2 ** output.resolution - 1;
  const period = 1e6 / hz;
  return (degrees) => {
    const pulse = minPulse + ((Number(degrees) - min) / (max - min)) * (maxPulse - minPulse);
    output.write(Math.round((pulse / period) * most));
  };
}
