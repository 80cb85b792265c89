import { decodeEntry, fieldsToObject, gapCount } from "../../firmware/core/pact/entry";
import type { Json } from "../../firmware/core/pact/json";
import { decodePact } from "../../firmware/core/pact/pact";
import { toHex } from "../../firmware/core/wire/bytes";
import { decodeSyncGroup } from "../../firmware/core/wire/structures";
import type { AvatarId } from "../../firmware/core/wire/types";
import { type Catalog, isOfDefinitions, type KnownGroup } from "../world/catalog";

/** An entry as channels give it (PROTOCOL 8): JSON, and the same wherever it is read. */
export interface ToldEntry {
  /** "unreadable": final entries that the store can't give any more, until other owners gave them again. */
  readonly state: "buffered" | "sealed" | "final" | "unreadable";
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
  /** Of what is unreadable: the sequence of the last of these entries. */
  readonly through?: number;
}

export interface EntryOrigin {
  readonly state: Exclude<ToldEntry["state"], "unreadable">;
  readonly sequence: number | null;
  readonly issuer: AvatarId;
  readonly time: number;
}

/** What is said in place of final entries that can't be read: their issuers are not known here either. */
export function tellUnreadable(group: KnownGroup, sequence: number, through: number): ToldEntry {
  const nobody = { issuer: "", avatar: "", time: 0, entry: null };
  return { state: "unreadable", pact: group.pact.pact.name, group: group.name, sequence, ...nobody, through };
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
  if (isOfDefinitions(catalog, group.id)) return { ...told, entry: tellDefinition(catalog, encoded) };
  return { ...told, entry: fieldsToObject(group.pact.fields, decodeEntry(group.pact.fields, encoded)) };
}

/** What it defines, in the names that people use; of what only later versions know its kind. */
function tellDefinition(catalog: Catalog, encoded: Uint8Array): ToldEntry["entry"] {
  const definition = catalog.read(encoded);
  if (definition === undefined) return { kind: "unknown" };
  const { kind } = definition;
  switch (definition.kind) {
    case "member":
      return {
        ...{ kind, name: definition.name, avatar: toHex(definition.avatar), board: definition.board },
        labels: definition.labels,
      };
    case "pact": {
      const { name, version } = decodePact(definition.pact);
      return { kind, name, version };
    }
    case "retire":
      return { kind, group: catalog.groupOf(definition.group)?.name ?? toHex(definition.group).slice(0, 16) };
    case "group": {
      const { owners } = decodeSyncGroup(definition.group);
      const pact = decodePact(definition.pacts[0]!).name;
      return { kind, name: definition.name, pact, owners: owners.map(catalog.memberName) };
    }
    case "saga": {
      const { name, version, size, staged } = definition;
      return { kind, name, version, size, staged };
    }
    case "rollout": {
      const { name, version, rings } = definition;
      return { kind, name, version, rings: rings.map((ring) => ring.map(catalog.memberName)) };
    }
    case "epoch":
      return { kind, members: definition.sealed.map(({ avatar }) => catalog.memberName(avatar)) };
    case "expel": {
      const { avatar, epoch, time } = definition;
      return { kind, member: catalog.memberName(avatar), avatar: toHex(avatar), epoch, time };
    }
    case "step":
      return { kind, rollout: definition.rollout, open: definition.open };
    case "pause":
      return { kind, rollout: definition.rollout, paused: definition.paused };
    case "stop":
      return { kind, rollout: definition.rollout };
    case "undeploy":
      return { kind, name: catalog.sagaOf(definition.stateGroup) };
  }
}
