import { slotKey } from "../../firmware/core/block/records";
import { toHex } from "../../firmware/core/wire/bytes";
import { decode } from "../../firmware/core/wire/cbor";
import type { View } from "../../firmware/core/wire/types";
import type { Group, Member, World } from "./world";

/** What a member's store has of a slot that is not final there, as any reader of the record would see it; blocks in hex. */
export interface DurableSlot {
  readonly claim: { readonly block: string; readonly view: View; readonly otherView: View | null } | null;
  readonly lock: { readonly block: string; readonly view: View } | null;
  readonly final: string | null;
}

type ViewItems = readonly [number, number];
type SlotItems = readonly [
  claim: readonly [Uint8Array, ViewItems, ViewItems | null] | null,
  lock: readonly [Uint8Array, ViewItems] | null,
  final: readonly [Uint8Array] | null,
];

const limits = { depth: 8, items: 16_384, length: 1 << 18 };

export function durableSlot({ tag }: World, member: Member, group: Group, position: number): DurableSlot {
  const record = member.store.records().get(slotKey(tag, group.key, position));
  if (record === undefined) return { claim: null, lock: null, final: null };
  const [claim, lock, final] = decode(record, limits) as unknown as SlotItems;
  return {
    claim: claim && { block: toHex(claim[0]), view: readView(claim[1]), otherView: claim[2] && readView(claim[2]) },
    lock: lock && { block: toHex(lock[0]), view: readView(lock[1]) },
    final: final && toHex(final[0]),
  };
}

function readView([sequence, attempt]: ViewItems): View {
  return { sequence, attempt };
}
