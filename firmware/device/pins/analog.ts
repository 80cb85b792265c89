import type { Sensor } from "../../core/capability/board";
import type { Pins } from "../../ports";

/** What the sensor says now, in its unit. */
export function openAnalog({ Analog }: Pins, { pin, scale, offset }: Sensor): () => number {
  const input = new Analog({ pin });
  const most = 2 ** input.resolution - 1;
  return () => scale * (input.read() / most) + offset;
}
