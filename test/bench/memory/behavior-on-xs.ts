import { lockDown, perform } from "../../../firmware/sandbox/perform";
import type { Reply } from "../../../firmware/sandbox/request";
import type { Counting } from "./counting";

/** One run of a behavior in a machine that has nothing else: of its source, or of its bytecode in flash. Prints what that took. */

declare const native: Counting;

export interface BehaviorMemory {
  readonly reply: Reply;
  /** Before the behavior came. */
  readonly before: number;
  readonly peak: number;
  /** Of its bytecode. */
  readonly flashed: number;
}

const [how, file] = native.arguments;
lockDown(native);
const flashed = native.flashed();
native.used();
const before = native.taken();
native.peak();
const reply = perform(
  { native, patience: 60_000 },
  {
    kind: "run",
    source: how === "source" ? native.text(file!) : `flash:${file}`,
    limits: { computation: 1e9, memory: 1e8 },
    pacts: [],
    stage: 0,
    undoes: null,
    entry: null,
    state: "",
    reads: [],
    now: 0,
  },
);
const memory: BehaviorMemory = { reply, before, peak: native.peak(), flashed: native.flashed() - flashed };
native.print(JSON.stringify(memory));
