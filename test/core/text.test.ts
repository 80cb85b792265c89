import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../firmware/core/wire/bytes";
import { decodeText, encodeText } from "../../firmware/core/wire/text";
import { refusal } from "./refusal";

describe("UTF-8", () => {
  it("is the same both ways at the borders of each length", () => {
    const borders: readonly (readonly [string, string])[] = [
      ["\u0000", "00"],
      ["\u007f", "7f"],
      ["\u0080", "c280"],
      ["\u07ff", "dfbf"],
      ["\u0800", "e0a080"],
      ["\ud7ff", "ed9fbf"],
      ["\ue000", "ee8080"],
      ["\ufeff", "efbbbf"],
      ["\uffff", "efbfbf"],
      ["\u{10000}", "f0908080"],
      ["\u{10ffff}", "f48fbfbf"],
    ];
    for (const [text, hex] of borders) {
      expect(toHex(encodeText(text))).toBe(hex);
      expect(decodeText(fromHex(hex))).toBe(text);
    }
  });

  it("refuses overlong forms, surrogates, code points above 10ffff, stray and missing bytes", () => {
    const invalid = ["c080", "c1bf", "e09fbf", "f08fbfbf", "eda080", "edbfbf", "f4908080", "f8888080", "80", "bf"];
    for (const hex of [...invalid, "c3", "e6b0", "f09085", "c341", "e6b041", "ff", "fe", "eda080edb080"]) {
      expect([hex, refusal(() => decodeText(fromHex(hex))).split(":")[0]]).toEqual([hex, "text-utf8"]);
    }
  });

  it("refuses half of a surrogate pair, wherever it stands", () => {
    for (const text of ["\ud800", "\udfff", "a\ud83d", "\ude00a", "\ude00\ud83d"]) {
      expect(refusal(() => encodeText(text))).toMatch(/^text-surrogate/);
    }
  });
});
