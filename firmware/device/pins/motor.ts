import type { ActuatorPins } from "../../core/capability/board";
import type { Setting } from "../../core/capability/interfaces";
import type { Pins } from "../../ports";

/** A motor behind an H-bridge with an input for each direction: the other one is off before one is on. */
export function openMotor(
  { PWM }: Pins,
  { forward, backward, hz }: Extract<ActuatorPins, { kind: "motor" }>,
): (speed: Setting) => void {
  const ahead = new PWM({ pin: forward, hz });
  const back = new PWM({ pin: backward, hz });
  return (speed) => {
    const [still, turning] = Number(speed) < 0 ? [ahead, back] : [back, ahead];
    still.write(0);
    turning.write(Math.round(Math.abs(Number(speed)) * (2 ** turning.resolution - 1)));
  };
}
