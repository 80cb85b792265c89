import { join } from "node:path";
import { startOnXs } from "../xs/host";

/** Two pseudo-terminals joined by a cable: what is written to one is read from the other. */
export interface NullModem {
  readonly ends: readonly [string, string];
  /** Pulls the cable out of both machines: both ports vanish. */
  unplug(): Promise<void>;
}

const source = `
const [left, right] = native.arguments;
const fail = (reason) => { throw new Error(reason); };
let a, b;
// What finds no room is lost, as on a wire whose receiver is too slow.
a = native.serial.openTerminal(left, (bytes) => native.serial.write(b, bytes), fail);
b = native.serial.openTerminal(right, (bytes) => native.serial.write(a, bytes), fail);
native.print("joined");
`;

/** Plugs a cable between two ports of these names in `directory`. */
export async function plugIn(host: string, directory: string): Promise<NullModem> {
  const ends = [join(directory, "left"), join(directory, "right")] as const;
  const running = startOnXs(host, source, [...ends]);
  await running.printed("joined");
  return {
    ends,
    async unplug() {
      running.child.kill("SIGKILL");
      await running.ended;
    },
  };
}
