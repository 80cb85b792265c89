import { nodeCrypto } from "../../gateway/participant/crypto";
import { cheapCrypto } from "../core/cheap-crypto";
import type { Platform } from "./simulate";

const node = nodeCrypto();

export const platform: Platform = { cheap: () => cheapCrypto(node), real: () => node };
