import type { Action, Event } from "../../firmware/core/events";
import { decodeProvision, encodeProvision, type Provision } from "../../firmware/core/identity/provision";
import { concat } from "../../firmware/core/wire/bytes";
import { type Cbor, decode, encode } from "../../firmware/core/wire/cbor";
import type { Crypto } from "../../firmware/ports";

/** Everything that a participant was given, and a digest of all that it asked for: enough to see on another engine that it does the same. */
export interface Recording {
  readonly provision: Provision;
  readonly events: Recorded[];
  /** The first event that is counted: those before it are of the beginning. */
  countedFrom: number;
  digest: Uint8Array;
}

export interface Recorded {
  /** Monotonic ms. */
  readonly at: number;
  readonly event: Event;
}

/** Final blocks that each participant keeps per group. */
export const finalTail = 16;

/** The wall clock of a participant at this monotonic time. */
export function timeAt(monotonic: number): { readonly monotonic: number; readonly wall: number } {
  return { monotonic, wall: 1_700_000_000_000 + monotonic };
}

export function createRecording(provision: Provision): Recording {
  return { provision, events: [], countedFrom: 0, digest: new Uint8Array(32) };
}

/** The digest of all actions so far, from the one before and the next actions. */
export function nextDigest(crypto: Crypto, digest: Uint8Array, actions: readonly Action[]): Uint8Array {
  return crypto.sha256(concat([digest, encode(actions.map(toCbor))]));
}

export function encodeRecording({ provision, countedFrom, events, digest }: Recording): Uint8Array {
  const given = events.map(({ at, event }) => [at, toCbor(event)]);
  return encode([encodeProvision(provision), countedFrom, given, digest]);
}

export function decodeRecording(bytes: Uint8Array): Recording {
  const most = bytes.length;
  const items = decode(bytes, { depth: 16, items: most, length: most }) as readonly Cbor[];
  const [provision, countedFrom, given, digest] = items as [
    Uint8Array,
    number,
    [number, Map<string, Cbor>][],
    Uint8Array,
  ];
  return {
    provision: decodeProvision(provision),
    events: given.map(([at, event]) => ({ at, event: Object.fromEntries(event) as unknown as Event })),
    countedFrom,
    digest,
  };
}

/** Objects become maps of what they have, errors their code. */
function toCbor(value: unknown): Cbor {
  if (typeof value === "number") return Number.isSafeInteger(value) ? value : { float: value };
  if (value instanceof Uint8Array || typeof value !== "object" || value === null) return value as Cbor;
  if (Array.isArray(value) || value instanceof Set) return [...value].map(toCbor);
  if (value instanceof Map) return [...value].map(toCbor);
  if (value instanceof Error) return (value as Error & { code: string }).code;
  const known = Object.entries(value).filter(([, each]) => each !== undefined);
  return new Map(known.map(([key, each]) => [key, toCbor(each)]));
}
