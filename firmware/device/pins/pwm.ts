import type { ActuatorPins } from "../../core/capability/board";
import type { Setting } from "../../core/capability/interfaces";
import type { Pins } from "../../ports";

/** A share of the time, from 0 to 1. */
export function openPwm({ PWM }: Pins, { pin, hz }: Extract<ActuatorPins, { kind: "pwm" }>): (duty: Setting) => void {
  const output = new PWM({ pin, hz });
  const most = 2 ** output.resolution - 1;
  return (duty) => output.write(Math.round(Number(duty) * most));
}
