import { describe, expect, it } from "vitest";
import { decodeEntry } from "../../firmware/core/pact/entry";
import type { Field, Policy } from "../../firmware/core/wire/types";
import { createWriters, noteRefused, noteSealed, runWriters } from "../../firmware/device/writers";

const group = new Uint8Array(32);
const fields: Field[] = [{ name: "water", type: { kind: "u16" }, max: 1000 }];
const policy: Policy = {
  ...{ quorum: "all", ordered: true, private: false, writers: "owners" },
  ...{ retention: 0, largestEntry: 256, whenFull: "wait" },
};

describe("what a board pushes by itself", () => {
  it("is refused for as long as a sensor says what its pact doesn't bear, and goes on after", () => {
    const values = [5, 2000, 7];
    const said: string[] = [];
    const writers = createWriters([{ group, everyMs: 1000, fields, policy, values: [() => values.shift()!] }], {
      push(_group, entry, token) {
        said.push(`pushed ${decodeEntry(fields, entry)}`);
        noteSealed(
          writers,
          { kind: "sealed", group, block: Uint8Array.of(token), counter: token, tokens: [token] } as never,
          0,
        );
      },
      refuse(token, error) {
        said.push(error.message);
        noteRefused(writers, token);
      },
    });
    for (const now of [0, 1000, 2000]) runWriters(writers, now);
    expect(said).toEqual(["pushed 5", "field 'water' is 2000, above its most of 1000", "pushed 7"]);
    expect(writers.counts).toMatchObject({ pushed: 3, refused: 1, sealed: 2 });
  });
});
