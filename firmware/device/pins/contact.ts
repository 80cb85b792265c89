import type { Input } from "../../core/capability/board";
import type { Pins } from "../../ports";

/** A contact to ground below a pull-up, which reads 0 when it is closed. A broken wire reads as open. */
export function openContact({ Digital }: Pins, { pin }: Input, changed: () => void): () => boolean {
  const edge = Digital.Rising | Digital.Falling;
  const input = new Digital({ pin, mode: Digital.InputPullUp, edge, onReadable: changed });
  return () => input.read() === 0;
}
