import type { Native } from "../../firmware/native/native";
import { cheapCrypto } from "../core/cheap-crypto";
import { nobleCrypto } from "../xs/crypto";
import { decodeRecording } from "./recording";
import { replay } from "./replay";

/** The program that the XS host runs: replays the recordings in the files that it is given, and prints a line of JSON for each. */

declare const native: Native;

const crypto = cheapCrypto(nobleCrypto());
for (const file of native.arguments) {
  const replayed = replay(decodeRecording(native.readFile(file)), crypto, () => native.meter());
  native.print(JSON.stringify(replayed));
}
