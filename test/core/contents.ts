import { contentKey } from "../../firmware/core/block/records";
import { encodeDefinition } from "../../firmware/core/definitions/definition";
import type { SagaDefinition } from "../../firmware/core/definitions/saga-definition";
import { toHex } from "../../firmware/core/wire/bytes";
import { hash, type Sha256 } from "../../firmware/core/wire/hash";
import { chunkBytes } from "../../firmware/core/wire/limits";
import type { Hash } from "../../firmware/core/wire/types";
import type { Network } from "./network";

/** Sagas that spread over a network: what they do is nothing that anybody here reads. */

export interface Source {
  readonly size: number;
  readonly pieces: readonly { readonly hash: Hash; readonly bytes: Uint8Array }[];
}

/** Of so many bytes, no two pieces of it the same. */
export function sourceOf(crypto: Sha256, size: number, first = 0): Source {
  const bytes = Uint8Array.from({ length: size }, (_, at) => (first + at + Math.floor(at / chunkBytes)) % 251);
  const pieces = [];
  for (let start = 0; start < size; start += chunkBytes) {
    const piece = bytes.slice(start, start + chunkBytes);
    pieces.push({ hash: hash(crypto, "source", piece), bytes: piece });
  }
  return { size, pieces };
}

/** Into the store of a member, before anybody hears of the saga. */
export function putContent(network: Network, name: string, { pieces }: Source): void {
  for (const { hash, bytes } of pieces) {
    network.members.get(name)!.store.set(contentKey(network.tag, toHex(hash)), bytes);
  }
}

/** A steward defines it for the owners of this group. */
export function deploy(
  network: Network,
  steward: string,
  stateGroup: string,
  { size, pieces }: Source,
  more: Partial<SagaDefinition> = {},
): void {
  const group = network.groups.get(stateGroup)!;
  const entry = encodeDefinition({
    ...{ kind: "saga", name: "watch", version: 1, stateGroup: group, groups: [{ group, from: 0 }] },
    ...{ size, chunks: pieces.map(({ hash }) => hash), parts: Uint8Array.of(0x80), staged: false, ...more },
  });
  const about = { world: network.tag, group: network.groups.get("definitions")!, id: null, token: 1 };
  network.give(steward, { kind: "push", ...about, entry });
  network.flush(steward);
}

/** How many pieces a member's store has. */
export function piecesHeld(network: Network, name: string): number {
  return [...network.members.get(name)!.store.keys()].filter((key) => key.startsWith("content/")).length;
}
