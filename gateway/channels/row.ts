import { type CounterWindow, counterIsFinal, noCounters, withFinalCounter } from "../../firmware/core/block/counters";
import { readMoved } from "../../firmware/core/pact/produced";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import type { HistoricBlock } from "../participant/final-block";
import type { Catalog, KnownGroup } from "../world/catalog";

/**
 * A group and those that it succeeds, read as one row of entries: "a repeat is told to nobody, so nothing is lost or doubled" (PROTOCOL 10,
 * "Succession"). A block that was moved and became final in the group before all the same is told where the reader finds it first.
 */
export interface Row {
  /** By SyncGroupId in hex: the position at which to read on. */
  readonly positions: Map<string, number>;
  /** What was told of groups that another succeeds, by issuer in hex. */
  readonly told: Map<string, Map<string, CounterWindow>>;
}

export function createRow(): Row {
  return { positions: new Map(), told: new Map() };
}

/** Those that are read for one of them, the first one first: up to the one that goes on now. */
export function groupsOfRow({ groups }: Catalog, group: KnownGroup): KnownGroup[] {
  const now = groups.find((each) => before(each).some(({ id }) => equal(id, group.id)));
  return before(now ?? group).reverse();
}

function before(group: KnownGroup): KnownGroup[] {
  const all: KnownGroup[] = [];
  for (let each: KnownGroup | null = group; each !== null; each = each.before) all.push(each);
  return all;
}

/** Whether the block was told before, as the one that it was moved from, or as that which it was moved to; from now on it was. */
export function isToldAgain({ told }: Row, group: KnownGroup, isLast: boolean, block: HistoricBlock): boolean {
  const { issuer, counter } = block.header;
  const first = block.entries?.[0];
  const moved = (first && readMoved(first)?.counters) ?? [];
  const names = before(group).slice(0, 1 + moved.length);
  const counters = [counter, ...moved];
  const key = toHex(issuer);
  let again = false;
  for (const [index, { id }] of names.entries()) {
    // Nothing is moved from the last one yet; where it never was, its counter is 0.
    if ((index === 0 && isLast) || counters[index] === 0) continue;
    const of = told.get(toHex(id)) ?? new Map<string, CounterWindow>();
    told.set(toHex(id), of);
    const window = of.get(key) ?? noCounters;
    if (counterIsFinal(window, counters[index]!)) again = true;
    of.set(key, withFinalCounter(window, counters[index]!));
  }
  return again;
}
