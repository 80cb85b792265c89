import { describe, expect, it } from "vitest";
import { help, readOptions, UsageError } from "./options";

describe("the simulator's command line", () => {
  it("runs hostile worlds from seed 1 on where nothing is said", () => {
    expect(readOptions([])).toMatchObject({ kind: "hostile", first: 1, seeds: null, seed: null, help: false });
  });

  it("names in its help every option that it takes", () => {
    for (const name of [
      "seeds",
      "first",
      "minutes",
      "load",
      "signatures",
      "seed",
      "trace",
      "shrink",
      "mutants",
      "record",
    ])
      expect(help).toContain(`--${name}`);
  });

  const refused: readonly (readonly [what: string, args: readonly string[], words: RegExp])[] = [
    ["an option that it does not know", ["--sed", "3"], /Unknown option '--sed'.*--help/],
    ["an option without its value", ["--seeds"], /seeds.*--help/],
    ["a number that is none", ["--seed", "4x"], /--seed is a whole number from 1 .*"4x".*--help/],
    ["a number below 1", ["--seeds", "0"], /--seeds is a whole number from 1/],
    ["a world that it does not know", ["--world", "mars"], /"mars".*esp32-radio/],
    ["signatures of another kind", ["--signatures", "none"], /real or cheap, not "none"/],
    ["a word that belongs to nothing", ["1000"], /--seeds 1000/],
    ["the trace of no world", ["--trace"], /say which by --seed/],
    ["two bounds at once", ["--seeds", "5", "--minutes", "1"], /leave one of them out/],
  ];
  for (const [what, args, words] of refused) {
    it(`refuses ${what}, and says what to type`, () => {
      expect(() => readOptions(args)).toThrow(UsageError);
      expect(() => readOptions(args)).toThrow(words);
    });
  }
});
