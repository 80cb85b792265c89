import { VertebraError } from "../errors";
import { textFromUtf8, utf8FromText } from "./bulk";

/** UTF-8, strict both ways: what is not the one encoding of some text is refused (PROTOCOL 1, "text that is valid UTF-8"). */

/** Throws `text-surrogate` for a lone surrogate, which no UTF-8 can carry. */
export function encodeText(text: string): Uint8Array {
  const bytes = utf8FromText(text);
  if (bytes === undefined) {
    throw new VertebraError("text-surrogate", "the text holds half of a surrogate pair", "Give whole characters.");
  }
  return bytes;
}

/** Throws `text-utf8` for overlong, truncated or stray bytes, surrogates, and code points above 10ffff. */
export function decodeText(bytes: Uint8Array): string {
  const text = textFromUtf8(bytes);
  if (typeof text === "number") {
    throw new VertebraError("text-utf8", `the text is not UTF-8 at byte ${text}`, "Its sender must send valid UTF-8.");
  }
  return text;
}
