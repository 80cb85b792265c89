import { decodePublished, encodePublished, isCapabilitiesPact } from "../capability/published";
import { VertebraError } from "../errors";
import { gapCount } from "../pact/entry";
import type { Published } from "../pact/requirement";
import { equal, toHex } from "../wire/bytes";
import type { AvatarId, Hash } from "../wire/types";
import type { Definitions } from "./definitions";
import type { FinalEntry } from "./entries";
import type { SagaEvent } from "./events";

/** What a participant tells the others that it can do: an entry of the capabilities pact, in place of its last one. */
export interface Publishing {
  readonly group: Hash;
  readonly avatar: AvatarId;
  readonly entry: Uint8Array;
  /** What the others know of this participant. */
  known: Uint8Array | null;
  /** How often it may be told yet since this start: two participants with one seed would answer each other without end. */
  left: number;
}

/** More sayings of its own are never under way when a participant starts again. */
const mostTold = 16;

/** Undefined where it shares no group of the capabilities pact: nobody will ask it to run a stage that requires anything. */
export function createPublishing(
  { groups }: Definitions,
  avatar: AvatarId,
  published: Published,
): Publishing | undefined {
  const group = [...groups.values()].find(({ pact }) => isCapabilitiesPact(pact.pact));
  if (group === undefined || !group.owners.some((owner) => equal(owner, avatar))) return undefined;
  return { group: group.id, avatar, entry: encodePublished(published), known: null, left: mostTold };
}

/**
 * What an entry of the capabilities pact tells the saga runtime; nothing where it is a gap, and an error where a liar's quorum let
 * pass what names no capabilities.
 */
export function takePublished(
  publishing: Publishing,
  { issuer, entry }: FinalEntry,
): SagaEvent | VertebraError | undefined {
  if (gapCount(entry) !== undefined) return undefined;
  try {
    const published = decodePublished(entry);
    if (equal(issuer, publishing.avatar)) publishing.known = entry;
    return { kind: "capabilities", avatar: issuer, published };
  } catch (error) {
    if (!(error instanceof VertebraError)) throw error;
    return error;
  }
}

/** What the others knew of this participant when a snapshot was kept. */
export function notePublished(publishing: Publishing, capable: ReadonlyMap<string, Published>): void {
  const own = capable.get(toHex(publishing.avatar));
  if (own !== undefined) publishing.known = encodePublished(own);
}

/** Whether it is to be pushed now; notes that it is. */
export function isToBeTold(publishing: Publishing): boolean {
  const { known, entry, left } = publishing;
  if (left === 0 || (known !== null && equal(known, entry))) return false;
  publishing.left--;
  return true;
}
