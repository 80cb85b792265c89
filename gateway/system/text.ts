import { styleText } from "node:util";
import { writeJson } from "./json";

/**
 * Text for a terminal. What others named, wrote or gave as a reason goes into it as it is: `rendered` is the one way out, and shows
 * what would steer a terminal, or hide what is there, by its number.
 */
export type Text = string | Styled | readonly Text[];

export interface Styled {
  readonly style: Style;
  readonly text: Text;
}

export type Style = Parameters<typeof styleText>[0];

/** Controls, line ends, directions and other formats, halves of characters; but for the joiners, without which some scripts can't be read. */
const steering = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

export function paint(style: Style, text: Text): Styled {
  return { style, text };
}

/** As it can be shown in one line of a terminal: `\n` is `\u000a` then. What is shown so once is shown so again. */
export function visible(text: string): string {
  return text.replaceAll(steering, (character) => {
    const code = character.codePointAt(0)!;
    return code > 0xffff ? `\\u{${code.toString(16)}}` : escapedUnit(code);
  });
}

export function rendered(text: Text, colours: boolean): string {
  if (typeof text === "string") return visible(text);
  if (isStyled(text)) {
    const inside = rendered(text.text, colours);
    return colours ? styleText(text.style, inside, { validateStream: false }) : inside;
  }
  return text.map((each) => rendered(each, colours)).join("");
}

/** Characters that it takes. */
export function widthOf(text: Text): number {
  return [...rendered(text, false)].length;
}

/** With spaces after it, as wide as `width` at least. */
export function padEnd(text: Text, width: number): Text {
  return [text, " ".repeat(Math.max(0, width - widthOf(text)))];
}

/** As far as `width` goes, an ellipsis at its end where that is not all of it. */
export function fit(text: Text, width: number): Text {
  return widthOf(text) <= width ? text : [cut(text, Math.max(0, width - 1)), "…"];
}

function cut(text: Text, width: number): Text {
  if (typeof text === "string") return [...visible(text)].slice(0, width).join("");
  if (isStyled(text)) return paint(text.style, cut(text.text, width));
  const parts: Text[] = [];
  let left = width;
  for (const part of text) {
    parts.push(cut(part, left));
    left = Math.max(0, left - widthOf(part));
  }
  return parts;
}

function isStyled(text: Styled | readonly Text[]): text is Styled {
  return "style" in text;
}

/** `240 ms`, `3.2 s`, `4 min 5 s`, `2 h 4 min` or `3 d 2 h`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${ms} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const parts = [
    [86_400_000, "d", 3_600_000, "h"],
    [3_600_000, "h", 60_000, "min"],
    [60_000, "min", 1_000, "s"],
  ] as const;
  const [large, one, small, other] = parts.find(([least]) => ms >= least)!;
  return `${Math.floor(ms / large)} ${one} ${Math.floor((ms % large) / small)} ${other}`;
}

/** JSON in one line, of which a terminal shows every character as it is. */
export function jsonText(value: unknown): string {
  return escapedJson(writeJson(value));
}

/** JSON that another wrote, so. */
export function escapedJson(json: string): string {
  return json.replaceAll(steering, (character) =>
    Array.from({ length: character.length }, (_, unit) => escapedUnit(character.charCodeAt(unit))).join(""),
  );
}

function escapedUnit(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, "0")}`;
}
