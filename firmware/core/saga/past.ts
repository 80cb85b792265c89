import { VertebraError } from "../errors";
import { toHex } from "../wire/bytes";
import { finalEntries, type ToldFinal } from "./conductor";
import type { Definitions } from "./definitions";
import { decodeState, type EntryReference } from "./state";

type Block = ToldFinal["block"];

/**
 * Final blocks, each group's in order, so that what a saga state consumed comes before it: then no more waits in a ledger than
 * waited when they became final. Group after group it could be more than a ledger holds.
 */
export function asTheyCame({ sagas }: Definitions, blocks: readonly Block[]): Block[] {
  const states = new Set([...sagas.values()].map(({ stateGroup }) => stateGroup.key));
  const left = new Map<string, Block[]>();
  for (const block of blocks) {
    const key = toHex(block.group);
    left.set(key, [...(left.get(key) ?? []), block]);
  }
  const ordered: Block[] = [];
  const under = new Set<string>();

  function upTo(key: string, sequence: number): void {
    const waiting = left.get(key);
    // A state may say that it consumed what comes after it: then it waits in the ledger, as it did.
    if (waiting === undefined || under.has(key)) return;
    under.add(key);
    for (let block = waiting[0]; block !== undefined && block.firstEntry <= sequence; block = waiting[0]) {
      waiting.shift();
      if (states.has(key)) for (const [group, at] of consumedIn(block)) upTo(toHex(group), at);
      ordered.push(block);
    }
    under.delete(key);
  }

  const keys = [...left.keys()];
  for (const key of [...keys.filter((each) => states.has(each)), ...keys]) upTo(key, Number.POSITIVE_INFINITY);
  return ordered;
}

/** What the states of a block consumed; what is no state, a ledger tells. */
export function consumedIn(block: Block): EntryReference[] {
  return finalEntries(block).flatMap(({ entry }) => {
    try {
      const { consumed } = decodeState(entry);
      return consumed === null ? [] : [consumed];
    } catch (error) {
      if (!(error instanceof VertebraError)) throw error;
      return [];
    }
  });
}
