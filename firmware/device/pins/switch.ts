import type { ActuatorPins } from "../../core/capability/board";
import type { Setting } from "../../core/capability/interfaces";
import type { Pins } from "../../ports";

/** A relay or a digital output: its safe level from the moment that the pin is an output, so that nothing clicks at a start. */
export function openSwitch(
  { Digital }: Pins,
  { pin, activeLow }: Extract<ActuatorPins, { kind: "switch" }>,
  safe: Setting,
): (on: Setting) => void {
  const levelOf = (on: Setting) => (Boolean(on) === activeLow ? 0 : 1);
  const output = new Digital({ pin, mode: Digital.Output, initialValue: levelOf(safe) });
  return (on) => output.write(levelOf(on));
}
