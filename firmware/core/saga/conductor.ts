import type { Crypto, Time } from "../../ports";
import { withSoundWall } from "../clock";
import { VertebraError } from "../errors";
import type { Action, Event, FinalBlock } from "../events";
import { readProduced } from "../pact/produced";
import type { Published } from "../pact/requirement";
import { equal, toHex } from "../wire/bytes";
import type { AvatarId, Hash } from "../wire/types";
import type { GroupKnown, SagaProvision } from "./definitions";
import { type FinalEntry, referenceKey } from "./entries";
import type { SagaAction, SagaEvent } from "./events";
import { concerns, needsHistory } from "./gap";
import { snapshotOf } from "./keeping";
import { type Ledger, standStill } from "./ledger";
import { maxSnapshotBytes } from "./limits";
import { createPublishing, isToBeTold, notePublished, takePublished } from "./publishing";
import { lackingIn, neededFrom, resume } from "./resuming";
import { createSagaRuntime } from "./runtime";
import { createSealing, noteSealed, takeSealed } from "./sealing";
import { decodeSnapshot, encodeSnapshot } from "./snapshot";
import { createTold, isSnapshotDue, noteSnapshot, noteStored, noteTold, storedFrom } from "./told";
import { createWaitsKeeping, decodeWaits, keepsWaitsAt, waitsToKeep } from "./waits";

/**
 * Sagas over a participant: what that says goes in, and what it is to be told comes out. Who drives both gives it every final
 * block, those that were known at the start before `boot`: with a snapshot those that are `needed`, and else all.
 */
export interface Conductor {
  /** What the participant asked of its driver: what is sealed, refused and final is looked at, all else is not for sagas. */
  take(action: Action | ToldFinal, now: Time): Order[];
  handle(event: Exclude<SagaEvent, { readonly kind: "entry" | "refused" | "capabilities" }>, now: Time): Order[];
  /** As those of its runtime: for a conductor of more versions in its place. */
  drain(): void;
  isIdle(): boolean;
  /** Of a saga that was undeployed: whether nothing that anybody began by it is under way, as far as is known here. */
  isOver(): boolean;
  /** The sequence from which on it needs a group's final blocks before `boot`. More does no harm. */
  needed(group: Hash): number;
  /**
   * What the snapshot it was given doesn't say: these sagas will stand still. Who has all final blocks makes a conductor without
   * a snapshot instead.
   */
  readonly lacks: readonly VertebraError[];
  /** What the final entries say; not to be written to. Where a snapshot was given, from `boot` on. */
  readonly ledger: Ledger;
}

/** Of a final block what sagas look at. */
export interface ToldFinal {
  readonly kind: "final";
  readonly block: Pick<FinalBlock, "group" | "firstEntry" | "issuer" | "entries" | "repeats"> &
    Partial<Pick<FinalBlock, "block">>;
}

/** What a conductor asks of its driver. */
export type Order =
  /** Give this to the participant. */
  | { readonly kind: "push"; readonly event: Extract<Event, { readonly kind: "push" }> }
  /** Keep this in the store in place of the last one (`block/records`): the next start is given it. At most 64 KB. */
  | { readonly kind: "keep"; readonly what: keyof Kept; readonly bytes: Uint8Array }
  | Exclude<SagaAction, { readonly kind: "push" }>;

export interface ConductorOptions {
  readonly crypto: Pick<Crypto, "sha256">;
  /** The hex of the worldTag. */
  readonly world: string;
  readonly avatar: AvatarId;
  readonly provision: SagaProvision;
  /** What this participant can do. */
  readonly published: Published;
  /** ms that a rank waits for the one before it. */
  readonly lease: number;
  /** Bytes of memory for what is under way in each saga. */
  readonly room: number;
  /** Whether the source of this hash is here. */
  hasSource(source: Hash): boolean;
  readonly kept: Kept;
  /** Its number among the conductors of its participant, below `mostConductors`: 0 has the sagas that the world was made with. */
  readonly lane: number;
}

/** What was kept last. */
export interface Kept {
  /** null where nothing was, and all final blocks are given. */
  readonly snapshot: Uint8Array | null;
  /** How long what is under way has waited. */
  readonly waits: Uint8Array | null;
}

/** Conductors of one participant; the lane after theirs is for what it tells of rollouts. */
export const mostConductors = 255;
const lanes = mostConductors + 1;

/** Who is refused so tells it again. */
export const healthToken = tokenOf(mostConductors, 0);

/** Sagas push with tokens below zero, so that whoever else pushes has all others; and the conductors of a participant have each their own. */
function tokenOf(lane: number, number: number): number {
  return -1 - (lane + lanes * number);
}

/** The number of a token of this lane; undefined for all others. */
function numberOf(lane: number, token: number): number | undefined {
  const place = -1 - token;
  return place >= 0 && place % lanes === lane ? Math.floor(place / lanes) : undefined;
}

/** The number of what it publishes of itself; that of a push follows. */
const publishingNumber = 0;

/** Throws `saga-…`, `structure-…` or `pact-…` where the provision can't be read; not for a snapshot, which it then `lacks`. */
export function createConductor(options: ConductorOptions): Conductor {
  const { world, avatar, lane } = options;
  const runtime = createSagaRuntime(options);
  const { ledger } = runtime;
  const { definitions, views, books } = ledger;
  const publishing = createPublishing(definitions, avatar, options.published);
  const told = createTold();
  const sealing = createSealing();
  const { value: snapshot, error } = read(options.kept.snapshot, decodeSnapshot);
  const waits = read(options.kept.waits, decodeWaits);
  const keeping = createWaitsKeeping(options.lease);
  const needed = snapshot === null ? new Map<string, number>() : neededFrom(snapshot);
  const lacking = snapshot === null ? new Map<string, VertebraError>() : lackingIn(snapshot, ledger);
  const lacks = error === null ? [...lacking.values()] : [error];
  /** What is given before `boot`: only then is there all that the snapshot left to the store. */
  const held: ToldFinal["block"][] = [];
  let live = false;
  let large = false;
  /** When the runtime is to be woken, and when the driver was last asked to wake. */
  let runtimeWakes = Number.POSITIVE_INFINITY;
  let wakes = Number.POSITIVE_INFINITY;

  function orders(event: SagaEvent, now: Time): Order[] {
    runtimeWakes = Number.POSITIVE_INFINITY;
    return runtime.handle(event, now).flatMap((action): Order[] => {
      if (action.kind === "push") {
        return [{ kind: "push", event: { ...action, world, token: tokenOf(lane, 1 + action.token) } }];
      }
      if (action.kind !== "wake") return [action];
      runtimeWakes = action.at;
      return [];
    });
  }

  /** What has to be kept, and when to wake: for the runtime, or to keep again how long it all has waited. */
  function rest(now: Time): Order[] {
    if (!live) return [];
    const bytes = waitsToKeep(keeping, runtime, now);
    const at = Math.min(runtimeWakes, keepsWaitsAt(keeping, runtime, now));
    const wake: Order[] = at === wakes || at === Number.POSITIVE_INFINITY ? [] : [{ kind: "wake", at }];
    wakes = at;
    return [...keep(), ...(bytes === undefined ? [] : [{ kind: "keep", what: "waits", bytes } as const]), ...wake];
  }

  function takeBlock(block: ToldFinal["block"], now: Time): Order[] {
    const { firstEntry, entries } = block;
    const group = definitions.groups.get(toHex(block.group))!;
    const seen = views.seen.get(group.key) ?? 0;
    if (entries === null) return firstEntry < seen ? [] : missed(group, `entry ${firstEntry} and those after it`);
    const end = firstEntry + entries.length;
    if (end <= seen) return [];
    const notices = firstEntry > seen ? missed(group, `entries ${seen} to ${firstEntry - 1}`) : [];
    const tokenAt = takeSealed(sealing, block);
    const taken = finalEntries(block).flatMap((entry) => takeEntry(entry, tokenAt(entry.sequence - firstEntry), now));
    views.seen.set(group.key, end);
    const matters = [...books.values()].some((book) => concerns(definitions, book, group));
    if (matters) keeping.changed = true;
    if (matters || (publishing !== undefined && equal(group.id, publishing.group)))
      noteTold(told, group.key, bytesOf(block));
    return [...notices, ...taken];
  }

  function takeEntry(entry: FinalEntry, pushedAs: number | null, now: Time): Order[] {
    if (publishing === undefined || !equal(entry.group, publishing.group)) {
      const number = pushedAs === null ? undefined : numberOf(lane, pushedAs);
      return orders({ kind: "entry", entry, token: number === undefined ? null : number - 1 }, now);
    }
    const event = takePublished(publishing, entry);
    if (event instanceof VertebraError) return [noticeOf(event)];
    // What it sealed before a restart may say what was true then, and become final after it was looked at.
    const again = live && equal(entry.issuer, avatar) ? publish() : [];
    return event === undefined ? again : [...again, ...orders(event, now)];
  }

  /** Entries that are final and that nobody will tell here. */
  function missed(group: GroupKnown, which: string): Order[] {
    // What this participant told of itself may be among them: it tells it again.
    if (publishing !== undefined && equal(group.id, publishing.group)) publishing.known = null;
    return [...books.values()].flatMap((book): Order[] => {
      if (book.standsStill || !concerns(definitions, book, group)) return [];
      standStill(book);
      const where = `group ${group.key.slice(0, 16)} (pact '${group.pact.pact.name}')`;
      return [noticeOf(needsHistory(book, `was not told ${which} of ${where}`))];
    });
  }

  function publish(): Order[] {
    if (publishing === undefined || !isToBeTold(publishing)) return [];
    const { group, entry } = publishing;
    return [
      { kind: "push", event: { kind: "push", world, group, entry, id: null, token: tokenOf(lane, publishingNumber) } },
    ];
  }

  function begin(now: Time): Order[] {
    const notices = (snapshot === null ? lacks : resume(runtime, snapshot, lacking, byReference(held))).map(noticeOf);
    if (publishing !== undefined && snapshot !== null) notePublished(publishing, runtime.capable);
    const taken = held.splice(0).flatMap((block) => takeBlock(block, now));
    live = true;
    return [...notices, ...taken, ...publish()];
  }

  /** "From time to time": a store that has the last 64 blocks of each group has what came since. */
  function keep(): Order[] {
    if (!live || !isSnapshotDue(told)) return [];
    noteSnapshot(told);
    const bytes = encodeSnapshot(snapshotOf(runtime, (group) => storedFrom(told, group)));
    const before = large;
    large = bytes.length > maxSnapshotBytes;
    if (!large) return [{ kind: "keep", what: "snapshot", bytes }];
    return before ? [] : [noticeOf(tooLarge(bytes.length))];
  }

  return {
    ledger,
    lacks,
    drain: runtime.drain,
    isIdle: runtime.isIdle,
    isOver: () => live && runtime.isOver(),
    needed: (group) => needed.get(toHex(group)) ?? 0,
    handle(event, time) {
      const now = withSoundWall(time);
      if (event.kind === "alarm") wakes = Number.POSITIVE_INFINITY;
      if (event.kind !== "boot") return [...orders(event, now), ...rest(now)];
      const told = waits.error === null ? [] : [noticeOf(waits.error)];
      return [...told, ...begin(now), ...orders({ kind: "boot", waits: waits.value }, now), ...rest(now)];
    },
    take(action, time) {
      const now = withSoundWall(time);
      if (action.kind === "refused") {
        const number = numberOf(lane, action.token);
        if (number === undefined) return [];
        // A full buffer of this pact keeps the latest: only one who forgot what it signed is refused, and it may push nothing.
        if (number === publishingNumber) return [noticeOf(action.error)];
        return [...orders({ kind: "refused", token: number - 1 }, now), ...rest(now)];
      }
      if (action.kind === "sealed") noteSealed(sealing, action);
      if (action.kind !== "final") return [];
      const { block } = action;
      const key = toHex(block.group);
      if (!definitions.groups.has(key)) return [];
      noteStored(told, key, block.firstEntry, bytesOf(block));
      if (live || snapshot === null) return [...takeBlock(block, now), ...rest(now)];
      if (block.firstEntry + (block.entries?.length ?? 1) > (needed.get(key) ?? 0)) held.push(block);
      return [];
    },
  };
}

function read<T>(
  kept: Uint8Array | null,
  decode: (bytes: Uint8Array) => T,
): { readonly value: T | null; readonly error: VertebraError | null } {
  try {
    return { value: kept && decode(kept), error: null };
  } catch (error) {
    if (!(error instanceof VertebraError) || error.code === "assertion") throw error;
    return { value: null, error };
  }
}

function byReference(blocks: readonly ToldFinal["block"][]): Map<string, FinalEntry> {
  const entries = blocks.flatMap(finalEntries);
  return new Map(entries.map((entry) => [referenceKey([entry.group, entry.sequence]), entry]));
}

function bytesOf({ entries }: ToldFinal["block"]): number {
  return (entries ?? []).reduce((sum, entry) => sum + entry.length, 0);
}

function noticeOf(error: VertebraError): Order {
  return { kind: "notice", error };
}

function tooLarge(length: number): VertebraError {
  return new VertebraError(
    "saga-snapshot-size",
    `What is known of the sagas has ${length} bytes, and the most that is kept is ${maxSnapshotBytes}`,
    "This participant goes on, but can't after a restart if its store has not all final entries. Let fewer invocations run at once, or let a gateway own the states.",
  );
}

export function isOfSagas(token: number): boolean {
  return token < 0;
}

/** The entries of a block that readers are told of. */
export function finalEntries({ group, firstEntry, issuer, entries, repeats }: ToldFinal["block"]): FinalEntry[] {
  return (entries ?? []).flatMap((bytes, index) => {
    if (repeats.includes(index)) return [];
    return [{ group, sequence: firstEntry + index, issuer, ...readProduced(bytes) }];
  });
}
