import { encodeFinalRecord, finalKey } from "../../firmware/core/block/final-record";
import { VertebraError } from "../../firmware/core/errors";
import type { Event, RecoveredBlock } from "../../firmware/core/events";
import { readProduced } from "../../firmware/core/pact/produced";
import { fromHex, toHex } from "../../firmware/core/wire/bytes";
import type { Crypto } from "../../firmware/ports";
import { followsOn, readFinalBlock } from "./final-block";
import { type BlockReader, isFinalKey, placeOf, type Store } from "./store";

/** Brings back what the history lost: tells it, has the participant ask the other owners, and puts back what they give. */
export interface Mending {
  /** The store, as it is to be read: what it can't give is told and asked for. */
  readonly reader: BlockReader & Pick<Store, "read">;
  /**
   * The participant has booted and can be asked. Looks whether the last block of each of these groups is there, and where one is not,
   * which are gone with it.
   */
  begin(tag: string, groups: readonly string[]): Promise<void>;
  /** One of the lost came back. Rejects where it can't be written. */
  take(block: RecoveredBlock): Promise<void>;
}

export interface MendingOptions {
  readonly crypto: Pick<Crypto, "sha256" | "verify">;
  readonly store: Pick<Store, "final" | "blocks" | "startingWith" | "read" | "write">;
  readonly handle: (event: Event) => Promise<void>;
  /** Whether another participant may have what is final in the group. */
  readonly isShared: (group: string) => boolean;
  readonly nameOf: (group: string) => string;
  readonly notice: (error: VertebraError) => void;
}

interface LostInGroup {
  readonly tag: string;
  /** Position to the monotonic ms at which it was found. */
  readonly positions: Map<number, number>;
  /** Of these what nobody was told of yet. */
  readonly untold: Set<number>;
  told: number;
}

/** Positions remembered of a group: as many as a participant asks for. What is beyond is found again. */
const remembered = 1_024;
/** Notices of one group until it is whole again, and how long what is found is gathered for one. */
const noticesPerGroup = 8;
const gatherMs = 200;
/** How long after it was found a reader waits for a block: with an owner near it takes a round trip. */
const patienceMs = 5_000;
const lookEveryMs = 50;
/** Blocks read at once, and the ids of produced entries that a repeat is looked for among (`chain/repeats`). */
const readTogether = 16;
const idsLookedAt = 1_024;

export function createMending(options: MendingOptions): Mending {
  const { crypto, store } = options;
  const lost = new Map<string, LostInGroup>();
  let begun = false;

  function found(tag: string, group: string, from: number, to: number): void {
    const known = lost.get(group) ?? { tag, positions: new Map(), untold: new Set(), told: 0 };
    lost.set(group, known);
    for (let position = from; position <= to && known.positions.size < remembered; position++) {
      if (known.positions.has(position)) continue;
      known.positions.set(position, performance.now());
      if (known.untold.size === 0) setTimeout(() => tell(group, known), gatherMs).unref();
      known.untold.add(position);
      ask(tag, group, position);
    }
  }

  function tell(group: string, known: LostInGroup): void {
    const found = [...known.untold].sort((one, other) => one - other);
    known.untold.clear();
    for (let at = 0; at < found.length && known.told < noticesPerGroup; at++) {
      const from = found[at]!;
      while (found[at + 1] === found[at]! + 1) at++;
      known.told++;
      options.notice(damagedBlocks(options.nameOf(group), from, found[at]!, options.isShared(group)));
    }
  }

  function ask(world: string, group: string, position: number): void {
    if (!begun) return;
    // A driver that has stopped says so by itself.
    options.handle({ kind: "lost", world, group: fromHex(group), position }).catch(() => {});
  }

  async function take({ world: tag, group: id, position, firstEntry, count, proof, entries }: RecoveredBlock) {
    const group = toHex(id);
    const known = lost.get(group);
    if (known === undefined || !known.positions.has(position)) return;
    const [before] = position === 0 ? [] : await store.blocks(tag, group, position - 1, 1);
    const [after] = await store.blocks(tag, group, position + 1, 1);
    // In a group of one owner only the block before it says where it begins; when that one is back, this one is asked for again.
    const begins = firstEntry ?? (position === 0 ? 0 : before && before.firstEntry + before.header.count);
    if (begins === undefined) return;
    const repeats = await repeatsIn(store, tag, group, position, entries ?? []);
    const value = encodeFinalRecord({ firstEntry: begins, count, proof, entries, repeats });
    const block = readFinalBlock(crypto, group, position, { value, checked: true });
    const fits = block !== undefined && (!before || followsOn(before, block)) && (!after || followsOn(block, after));
    if (!fits) return options.notice(doesNotFit(options.nameOf(group), position));
    await store.write(new Map([[finalKey(tag, group, position), value]]), new Set());
    known.positions.delete(position);
    if (known.positions.has(position + 1) && firstEntry === null) ask(tag, group, position + 1);
    if (known.positions.size > 0) return;
    tell(group, known);
    lost.delete(group);
    options.notice(whole(options.nameOf(group)));
  }

  async function blocks(tag: string, group: string, from: number, count: number) {
    const all = await store.blocks(tag, group, from, count);
    for (const [first, last] of gapsIn(all)) found(tag, group, from + first, from + last);
    return all;
  }

  async function read(key: string): Promise<Uint8Array | undefined> {
    const value = await store.read(key);
    if (value === undefined && isFinalKey(key)) {
      const { tag, group, position } = placeOf(key);
      // What is missing may be no more than out of reach for a moment: this tells one from the other.
      if (position < store.final(tag, group).blocks) await blocks(tag, group, position, 1).catch(() => {});
    }
    return value;
  }

  async function lastReadable(tag: string, group: string): Promise<void> {
    const all = store.final(tag, group).blocks;
    let count = 1;
    for (let end = all; end > 0 && all - end < remembered; ) {
      const from = Math.max(0, end - count);
      const [first] = await blocks(tag, group, from, end - from);
      if (first !== undefined) return;
      end = from;
      count = readTogether;
    }
  }

  async function mended(_tag: string, group: string, position: number): Promise<boolean> {
    const isLost = () => lost.get(group)?.positions.get(position);
    if (!begun || !options.isShared(group)) return false;
    for (let since = isLost(); since !== undefined; since = isLost()) {
      if (performance.now() - since > patienceMs) return false;
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
    return true;
  }

  return {
    reader: { final: store.final, startingWith: store.startingWith, blocks, mended, read },
    async begin(tag, groups) {
      begun = true;
      for (const [group, { tag: world, positions }] of lost) for (const at of positions.keys()) ask(world, group, at);
      for (const group of groups) await lastReadable(tag, group);
    },
    take,
  };
}

/** The first and the last index of each run of what is missing. */
function* gapsIn(found: readonly unknown[]): Generator<readonly [number, number]> {
  for (let at = 0; at < found.length; at++) {
    if (found[at] !== undefined) continue;
    const first = at;
    while (at + 1 < found.length && found[at + 1] === undefined) at++;
    yield [first, at];
  }
}

/** Which entries repeat an id that was final before, of which a history that lost the record says nothing. */
async function repeatsIn(
  store: Pick<Store, "blocks">,
  tag: string,
  group: string,
  position: number,
  entries: readonly Uint8Array[],
): Promise<number[]> {
  const ids = entries.map((entry) => readProduced(entry).id);
  if (ids.every((id) => id === null)) return [];
  const seen = new Set<string>();
  for (let end = position; end > 0 && seen.size < idsLookedAt; end -= readTogether) {
    const from = Math.max(0, end - readTogether);
    for (const block of (await store.blocks(tag, group, from, end - from)).reverse()) {
      for (const entry of block?.entries ?? []) {
        const { id } = readProduced(entry);
        if (id !== null && seen.size < idsLookedAt) seen.add(toHex(id));
      }
    }
  }
  return ids.flatMap((id, index) => {
    if (id === null) return [];
    const repeats = seen.has(toHex(id));
    seen.add(toHex(id));
    return repeats ? [index] : [];
  });
}

function damagedBlocks(group: string, from: number, to: number, shared: boolean): VertebraError {
  const which = from === to ? `Block ${from}` : `Blocks ${from} to ${to}`;
  const others = "They are asked of the other owners. What comes after is not lost. Look at the disk.";
  const alone =
    "Nobody else has them: put back a copy of this world's store/history, if there is one, and look at the disk.";
  return new VertebraError(
    "history-damaged",
    `${which} of group ${group} can't be read: the history in the store is damaged there`,
    shared ? others : alone,
  );
}

function doesNotFit(group: string, position: number): VertebraError {
  return new VertebraError(
    "history-contradicted",
    `What another participant gave for block ${position} of group ${group} does not fit the blocks beside it`,
    "More owners of this group lie than its quorum can bear, or the history of the store is of another world. Look at both.",
  );
}

function whole(group: string): VertebraError {
  return new VertebraError(
    "history-mended",
    `What was damaged of group ${group} is here again, as other owners have it`,
    "Nothing is to be done, but for sagas that stood still for it: they go on when the gateway is started again.",
  );
}
