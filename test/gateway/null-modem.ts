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

/** The same cable, through which bytes pass at a rate, 8N1, in pieces of some milliseconds. */
const slowSource = `
const [left, right, baud] = native.arguments;
const fail = (reason) => { throw new Error(reason); };
const bytesPerMs = Number(baud) / 10000;
const stepMs = 10;
// A port's own buffer: what finds no room in it is lost.
const most = 16384;
const ports = [], waiting = [[], []], credit = [0, 0];
const open = (name, to) => native.serial.openTerminal(name, (bytes) => {
  for (const byte of new Uint8Array(bytes.buffer ?? bytes)) if (waiting[to].length < most) waiting[to].push(byte);
}, fail);
ports[0] = open(left, 1);
ports[1] = open(right, 0);
let last = native.clock.monotonic();
const timer = native.timer.open(() => {
  const now = native.clock.monotonic();
  for (const to of [0, 1]) {
    credit[to] = waiting[to].length === 0 ? 0 : credit[to] + (now - last) * bytesPerMs;
    const passing = waiting[to].splice(0, Math.floor(credit[to]));
    credit[to] -= passing.length;
    if (passing.length > 0) native.serial.write(ports[to], Uint8Array.from(passing));
  }
  last = now;
  native.timer.set(timer, now + stepMs);
});
native.timer.set(timer, last + stepMs);
native.print("joined");
`;

/** Plugs a cable between two ports of these names in `directory`; as slow as so many bauds, where it is told. */
export async function plugIn(host: string, directory: string, baud?: number): Promise<NullModem> {
  const ends = [join(directory, "left"), join(directory, "right")] as const;
  const running = startOnXs(host, baud === undefined ? source : slowSource, [...ends, `${baud}`]);
  await running.printed("joined");
  return {
    ends,
    async unplug() {
      running.child.kill("SIGKILL");
      await running.ended;
    },
  };
}
