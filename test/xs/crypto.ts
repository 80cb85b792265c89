/**
 * What the firmware's tests import as `device/noble` when they run on XS: the library that a board there uses, so that it is tested
 * too and the tests take a tenth of the time; noble where there is none. The vectors are checked with noble itself (`suites`).
 */
import { nobleCrypto as noble } from "../../firmware/device/noble";
import { hostCrypto } from "../../firmware/device/ports";
import type { Native } from "../../firmware/native/native";
import type { Crypto } from "../../firmware/ports";

export function nobleCrypto(): Crypto {
  const { native } = globalThis as { native?: Native };
  return native === undefined ? noble() : hostCrypto(native, () => {});
}
