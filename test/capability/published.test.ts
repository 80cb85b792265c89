import { describe, expect, it } from "vitest";
import {
  capabilitiesPact,
  decodePublished,
  encodePublished,
  publishedBy,
} from "../../firmware/core/capability/published";
import { encodeEntry } from "../../firmware/core/pact/entry";
import { decodePact, encodePact } from "../../firmware/core/pact/pact";
import { refusal } from "../core/refusal";
import { boardOf, sample } from "./sample-board";

const { fields, policy } = capabilitiesPact("two-thirds");

describe("what a participant publishes", () => {
  it("is how many it has of each interface, each by its name, and what kind of board it is", () => {
    const leg = { name: "leg", interface: "servo", pin: 20, safe: 0 };
    const published = publishedBy(boardOf({ ...sample, capabilities: [...sample.capabilities, leg] }));
    expect([...published]).toEqual([
      ["board", "esp32"],
      ["relay", 1],
      ["digital", 1],
      ["lamp", 1],
      ["pwm", 1],
      ["fan", 1],
      ["servo", 2],
      ["arm", 1],
      ["motor", 1],
      ["drive", 1],
      ["leg", 1],
      ["analog", 1],
      ["celsius", 1],
    ]);
  });

  it("travels as an entry of its pact", () => {
    const published = publishedBy(boardOf(sample));
    expect(new Map([...decodePublished(encodePublished(published))].sort())).toEqual(new Map([...published].sort()));
    expect(decodePact(encodePact(capabilitiesPact("majority"))).fields).toEqual(fields);
  });

  it("is read from nothing that breaks the pact, is no number, or has a name twice or none", () => {
    const read = (amounts: [string, number][], kinds: [string, string][]) =>
      refusal(() => decodePublished(encodeEntry(fields, [new Map(amounts), new Map(kinds)], policy)));
    expect(read([["servo", 2]], [["board", "pico"]])).toBe("accepted");
    expect(read([["servo", Number.NaN]], [])).toMatch(/capability 'servo' is NaN/);
    expect(read([["servo", 1]], [["servo", "x"]])).toMatch(/capability 'servo' is both an amount and a kind/);
    expect(read([["", 1]], [])).toMatch(/^pact-name/);
    expect(read([["a b", 1]], [])).toMatch(/^pact-name/);
    expect(refusal(() => decodePublished(Uint8Array.of(0x80)))).toMatch(/^entry-shape/);
  });

  it("is bounded, and the most of a board fits", () => {
    const many = Array.from({ length: 65 }, (_, index) => [`c${index}`, 1] as const);
    expect(refusal(() => encodePublished(new Map(many)))).toMatch(/^entry-/);
    const capabilities = Array.from({ length: 32 }, (_, index) => ({
      ...{ name: `${index}`.padEnd(64, "x"), pin: index, safe: false },
      interface: index % 2 === 0 ? "relay" : "digital",
    }));
    const published = publishedBy(boardOf({ ...sample, capabilities, inputs: [] }));
    expect(decodePublished(encodePublished(published)).size).toBe(35);
  });
});
