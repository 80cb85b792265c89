import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  escapedJson,
  fit,
  jsonText,
  padEnd,
  paint,
  rendered,
  type Text,
  visible,
  widthOf,
} from "../../gateway/system/text";

/** What no terminal is to be given: controls, line ends, directions, halves of characters, what is not to be seen. */
const steering = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\u200b\u2060-\u206f\ufeff\ufff9-\ufffb]/u;

const bad = fc.constantFrom(..."\0\x07\b\t\n\r\x1b\x7f\x9b\u061c\u200e\u202e\u2028\u2029\u2067\ufeff\ud800".split(""));
const words = fc.oneof(
  fc.array(fc.oneof(bad, fc.string({ unit: "binary" })), { maxLength: 8 }).map((parts) => parts.join("")),
  fc.string({ unit: "grapheme" }),
);
const { text } = fc.letrec<{ text: Text }>((tie) => ({
  text: fc.oneof(
    { depthSize: "small" },
    words,
    fc.array(tie("text"), { maxLength: 4 }),
    fc.tuple(fc.constantFrom("red", "bold", "dim"), tie("text")).map(([style, inner]) => paint(style as "red", inner)),
  ),
}));

describe("text for a terminal, whatever others wrote into it", () => {
  it("holds nothing that steers a terminal, but for our own colours", () => {
    fc.assert(
      fc.property(text, (each) => {
        expect(rendered(each, false)).not.toMatch(steering);
        expect(stripVTControlCharacters(rendered(each, true))).toBe(rendered(each, false));
      }),
    );
  });

  it("shows what is harmless as it is, and anything else by its number", () => {
    expect(visible("21.5 °C → “größer”, नमस्ते, 👩‍🔧, \\n")).toBe("21.5 °C → “größer”, नमस्ते, 👩‍🔧, \\n");
    expect(visible("a\u001b[2J\n\u009b\u202e\u{e0001}")).toBe("a\\u001b[2J\\u000a\\u009b\\u202e\\u{e0001}");
  });

  it("is the same when it is shown again", () => {
    fc.assert(
      fc.property(words, (each) => {
        expect(visible(visible(each))).toBe(visible(each));
      }),
    );
  });

  it("is as wide as it is said to be, cut or filled up", () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 40 }), (each, width) => {
        expect(widthOf(fit(each, width))).toBeLessThanOrEqual(width);
        expect(widthOf(padEnd(each, width))).toBeGreaterThanOrEqual(width);
        if (widthOf(each) <= width) expect(rendered(fit(each, width), false)).toBe(rendered(each, false));
      }),
    );
  });
});

describe("JSON, whatever others wrote into it", () => {
  it("reads as what it was, in one line that holds nothing that steers a terminal", () => {
    fc.assert(
      fc.property(fc.dictionary(words, words), (value) => {
        const line = jsonText(value);
        expect(line).not.toMatch(steering);
        expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(escapedJson(line)).toBe(line);
      }),
    );
  });

  it("escapes DEL, C1 and directions, which JSON leaves as they are", () => {
    expect(jsonText({ a: "\u007f\u009b\u202e\u{e0001}" })).toBe('{"a":"\\u007f\\u009b\\u202e\\udb40\\udc01"}');
  });
});
