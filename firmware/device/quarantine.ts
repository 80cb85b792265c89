import { concat, fromHex, toHex } from "../core/wire/bytes";
import { decodeText, encodeText } from "../core/wire/text";
import type { Hash } from "../core/wire/types";
import { reasonOfEnd } from "../sandbox/ends";
import { type Journal, readRecord, recordKeys, writeRecords } from "../store/journal";

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

/** Keys: a number behind the one, with the behavior and the reason; a behavior's hash behind the other, with the mark of its run. */
const quarantined = "quarantine/";
const running = "run/";

/** What the mark of a run says: under way; under way after one that was cut; cut. */
const firstRun = 1;
const runAfterCut = 2;
const cut = 0;

/** Of a store of before: a behavior's hash stood in the key. */
function renewKeys(journal: Journal): void {
  const puts = new Map<string, Uint8Array>();
  const deletes = new Set<string>();
  let number = 0;
  for (const key of recordKeys(journal, quarantined)) {
    const behavior = key.slice(quarantined.length);
    if (behavior.length !== 64) continue;
    puts.set(`${quarantined}${++number}`, concat([fromHex(behavior), readRecord(journal, key)!]));
    deletes.add(key);
  }
  if (deletes.size > 0) writeRecords(journal, puts, deletes);
}

/**
 * `reset` is the status with which the machine ended the last time, where its platform tells; else a run that was cut may have been
 * cut by a loss of power, and the behavior is quarantined the second time that this happens in a row.
 */
export function openQuarantine(journal: Journal, reset: number | undefined): Quarantine {
  renewKeys(journal);
  const behaviors = new Map<string, string>();
  /** By behavior; the lowest is the oldest. */
  const numbers = new Map<string, number>();
  const kept = [...recordKeys(journal, quarantined)].map((key) => Number(key.slice(quarantined.length)));
  for (const number of kept.sort((one, other) => one - other)) {
    const value = readRecord(journal, `${quarantined}${number}`)!;
    const behavior = toHex(value.subarray(0, 32));
    numbers.set(behavior, number);
    behaviors.set(behavior, decodeText(value.subarray(32)));
  }
  for (const key of [...recordKeys(journal, running)].sort()) {
    const behavior = key.slice(running.length);
    const mark = readRecord(journal, key)![0];
    if (mark === cut) continue;
    if (reset !== undefined) quarantine(behavior, reasonOfEnd(reset));
    else if (mark === runAfterCut) quarantine(behavior, "the machine ended twice in a row while it ran");
    else writeRecords(journal, new Map([[key, Uint8Array.of(cut)]]), new Set());
  }

  function quarantine(behavior: string, reason: string): void {
    const [oldest] = behaviors.keys();
    const deletes = new Set([`${running}${behavior}`]);
    const number = 1 + Math.max(0, ...numbers.values());
    if (oldest !== undefined && behaviors.size === mostQuarantined) {
      deletes.add(`${quarantined}${numbers.get(oldest)!}`);
      behaviors.delete(oldest);
      numbers.delete(oldest);
    }
    behaviors.set(behavior, reason);
    numbers.set(behavior, number);
    const value = concat([fromHex(behavior), encodeText(reason)]);
    writeRecords(journal, new Map([[`${quarantined}${number}`, value]]), deletes);
  }

  return {
    behaviors,
    begin(behavior) {
      const key = `${running}${toHex(behavior)}`;
      const mark = readRecord(journal, key)?.[0] === cut ? runAfterCut : firstRun;
      writeRecords(journal, new Map([[key, Uint8Array.of(mark)]]), new Set());
    },
    end: (behavior) => writeRecords(journal, new Map(), new Set([`${running}${toHex(behavior)}`])),
  };
}
