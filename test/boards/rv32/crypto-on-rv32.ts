import { fromHex, toHex } from "../../../firmware/core/wire/bytes";
import { decodeText } from "../../../firmware/core/wire/text";
import { hostCrypto } from "../../../firmware/device/ports";
import type { Native } from "../../../firmware/native/native";
import { type Case, resultOf } from "./crypto-cases";

/** Does on the board what the cases in its flash ask for, and prints what came of each, a line for each. */

declare const native: Native;

const crypto = hostCrypto(native, ({ message }) => native.print(message));
native.print(crypto.engine);
for (const each of JSON.parse(decodeText(native.readFile("cases"))) as Case[]) {
  native.print(resultOf(crypto, each, fromHex, toHex));
}
native.exit(0);
