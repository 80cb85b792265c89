import { decodeEntry, fieldsToObject, gapCount } from "../../firmware/core/pact/entry";
import type { Json } from "../../firmware/core/pact/json";
import { toHex } from "../../firmware/core/wire/bytes";
import type { AvatarId } from "../../firmware/core/wire/types";
import type { Catalog, KnownGroup } from "../world/catalog";

/** An entry as channels give it (PROTOCOL 8): JSON, and the same wherever it is read. */
export interface ToldEntry {
  readonly state: "buffered" | "sealed" | "final";
  readonly pact: string;
  readonly group: string;
  /** Of a final entry: immutable in its group. Others have none yet. */
  readonly sequence: number | null;
  /** The issuer's name, and its AvatarId in hex. */
  readonly issuer: string;
  readonly avatar: string;
  /** ms since 1970 by the issuer's clock, 0 if it has none: told, never relied on. */
  readonly time: number;
  /** Field by field; null where the entry is private and only its header is known here. */
  readonly entry: { readonly [name: string]: Json } | null;
  /** In place of an entry: so many were dropped here by a full buffer. */
  readonly gap?: number;
}

export interface EntryOrigin {
  readonly state: ToldEntry["state"];
  readonly sequence: number | null;
  readonly issuer: AvatarId;
  readonly time: number;
}

export function tellEntry(
  catalog: Catalog,
  group: KnownGroup,
  origin: EntryOrigin,
  encoded: Uint8Array | null,
): ToldEntry {
  const { state, sequence, issuer, time } = origin;
  const told = {
    state,
    pact: group.pact.pact.name,
    group: group.name,
    sequence,
    issuer: catalog.memberName(issuer),
    avatar: toHex(issuer),
    time,
  };
  if (encoded === null) return { ...told, entry: null };
  const gap = gapCount(encoded);
  if (gap !== undefined) return { ...told, entry: null, gap };
  return { ...told, entry: fieldsToObject(group.pact.fields, decodeEntry(group.pact.fields, encoded)) };
}
