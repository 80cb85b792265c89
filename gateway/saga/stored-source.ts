import { contentKey } from "../../firmware/core/block/records";
import type { SagaDefinition } from "../../firmware/core/definitions/saga-definition";
import { toHex } from "../../firmware/core/wire/bytes";
import type { Sha256 } from "../../firmware/core/wire/hash";
import { sourceFrom } from "../../firmware/sandbox/deployment";
import type { Store } from "../participant/store";

/** The hash in hex and the text of a deployed saga's source; undefined while pieces of it are not here. Errors: those of `sourceFrom`. */
export async function storedSource(
  crypto: Sha256,
  store: Pick<Store, "read">,
  tag: string,
  saga: SagaDefinition,
): Promise<ReturnType<typeof sourceFrom> | undefined> {
  const pieces = new Map<string, Uint8Array>();
  for (const each of saga.chunks) {
    const key = contentKey(tag, toHex(each));
    const piece = await store.read(key);
    if (piece === undefined) return undefined;
    pieces.set(key, piece);
  }
  return sourceFrom(crypto, saga, (key) => pieces.get(key), tag);
}
