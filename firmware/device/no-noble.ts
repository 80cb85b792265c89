import { VertebraError } from "../core/errors";
import type { Crypto } from "../ports";

/** In the place of `noble` on a board whose firmware has libsodium linked, and no room for the tables of a second library. */
export function nobleCrypto(): Crypto {
  throw new VertebraError(
    "crypto-none",
    "This firmware has no other cryptography than libsodium",
    "Build it with the sources of a release of libsodium.",
  );
}
