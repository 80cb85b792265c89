import { describe, expect, it } from "vitest";
import { VertebraError } from "../../firmware/core/errors";
import { createWriters, noteRefused, noteSealed, runWriters } from "../../firmware/device/writers";

const group = new Uint8Array(32);

describe("what a board pushes by itself", () => {
  it("is refused for as long as a sensor says what its pact doesn't bear, and goes on after", () => {
    const values = [5, 2000, 7];
    const read = () => {
      const value = values.shift()!;
      if (value > 1000) throw new VertebraError("entry-bound", `${value} is too much`, "Look at its wire.");
      return Uint8Array.of(value);
    };
    const said: string[] = [];
    const writers = createWriters(
      [{ group, everyMs: 1000, read }],
      (_group, entry, token) => {
        said.push(`pushed ${entry[0]}`);
        noteSealed(
          writers,
          { kind: "sealed", group, block: Uint8Array.of(token), counter: token, tokens: [token] } as never,
          0,
        );
      },
      (token, error) => {
        said.push(error.message);
        noteRefused(writers, token);
      },
    );
    for (const now of [0, 1000, 2000]) runWriters(writers, now);
    expect(said).toEqual(["pushed 5", "2000 is too much", "pushed 7"]);
    expect(writers.counts).toMatchObject({ pushed: 3, refused: 1, sealed: 2 });
  });
});
