import { toHex } from "../core/wire/bytes";
import { decodeText, encodeText } from "../core/wire/text";
import type { Hash } from "../core/wire/types";
import { reasonOfEnd } from "../sandbox/ends";
import type { Journal } from "../store/journal";

/** Keeps, through restarts, which behaviors ended the machine of this board: they run here no more. */
export interface Quarantine {
  /** Behaviors by hash in hex, and why. */
  readonly behaviors: ReadonlyMap<string, string>;
  /** Before it runs: durable, so that the next start knows which one ran when the machine ended. */
  begin(behavior: Hash): void;
  /** It ran and the machine goes on. */
  end(behavior: Hash): void;
}

/** More are not remembered: the oldest would have to end the machine once more. */
const mostQuarantined = 32;

/** What the mark of a run says: under way; under way after one that was cut; cut. */
const firstRun = 1;
const runAfterCut = 2;
const cut = 0;

/**
 * `reset` is the status with which the machine ended the last time, where its platform tells; else a run that was cut may have been
 * cut by a loss of power, and the behavior is quarantined the second time that this happens in a row.
 */
export function openQuarantine(journal: Pick<Journal, "records" | "write">, reset: number | undefined): Quarantine {
  const { records } = journal;
  const behaviors = new Map<string, string>();
  for (const [key, value] of records) {
    if (key.startsWith("quarantine/")) behaviors.set(key.slice("quarantine/".length), decodeText(value));
  }
  for (const [key, [mark]] of [...records].filter(([each]) => each.startsWith("run/"))) {
    const behavior = key.slice("run/".length);
    if (mark === cut) continue;
    if (reset !== undefined) quarantine(behavior, reasonOfEnd(reset));
    else if (mark === runAfterCut) quarantine(behavior, "the machine ended twice in a row while it ran");
    else journal.write(new Map([[key, Uint8Array.of(cut)]]), new Set());
  }

  function quarantine(behavior: string, reason: string): void {
    const [oldest] = behaviors.keys();
    const deletes = new Set([`run/${behavior}`]);
    if (oldest !== undefined && behaviors.size === mostQuarantined) {
      behaviors.delete(oldest);
      deletes.add(`quarantine/${oldest}`);
    }
    behaviors.set(behavior, reason);
    journal.write(new Map([[`quarantine/${behavior}`, encodeText(reason)]]), deletes);
  }

  return {
    behaviors,
    begin(behavior) {
      const key = `run/${toHex(behavior)}`;
      const mark = records.get(key)?.[0] === cut ? runAfterCut : firstRun;
      journal.write(new Map([[key, Uint8Array.of(mark)]]), new Set());
    },
    end: (behavior) => journal.write(new Map(), new Set([`run/${toHex(behavior)}`])),
  };
}
