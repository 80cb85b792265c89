import { hash } from "node:crypto";
import type { Crypto } from "../../firmware/ports";
import { nodeCrypto } from "../../gateway/participant/crypto";
import { cheapCrypto } from "../core/cheap-crypto";
import type { Platform } from "./simulate";

/** Most of what is hashed is short, and one call for it is faster than three. */
const node: Crypto = { ...nodeCrypto(), sha256: (bytes) => new Uint8Array(hash("sha256", bytes, "buffer")) };

export const platform: Platform = { cheap: () => cheapCrypto(node), real: () => node };
