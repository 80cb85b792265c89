import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBoard } from "../../firmware/core/capability/board";
import { decodeOperation } from "../../firmware/core/capability/interfaces";
import { VertebraError } from "../../firmware/core/errors";
import { encodeText } from "../../firmware/core/wire/text";
import { boardOf, sample } from "./sample-board";

const { actuators } = boardOf(sample);
const definition = JSON.stringify(sample);

/** What `act` gives, or undefined where it is refused for people to understand. */
function given<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof VertebraError) || error.code === "assertion" || error.remedy === "") throw error;
    return undefined;
  }
}

describe("the decoders of capabilities", () => {
  it("give of any JSON a setting within bounds, or say what is wrong", () => {
    const operation = fc.oneof(
      fc.json({ maxDepth: 3 }),
      fc.double().map((value) => JSON.stringify({ degrees: value })),
      fc.string(),
    );
    fc.assert(
      fc.property(operation, (json) => {
        for (const actuator of actuators) {
          const setting = given(() => decodeOperation(actuator, encodeText(json)));
          if (typeof setting !== "number") continue;
          expect(setting).toBeGreaterThanOrEqual(actuator.min);
          expect(setting).toBeLessThanOrEqual(actuator.max);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("give of bytes that are no text no setting", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        for (const actuator of actuators) given(() => decodeOperation(actuator, bytes));
      }),
      { numRuns: 500 },
    );
  });

  it("give of a damaged board.json a board whose safe states are within bounds, or say what is wrong", () => {
    const damaged = fc
      .tuple(fc.nat({ max: definition.length - 1 }), fc.constantFrom("", "0", "9", "-", "}", "]", '"', "e", "x", ","))
      .map(([at, other]) => definition.slice(0, at) + other + definition.slice(at + 1));
    fc.assert(
      fc.property(damaged, (json) => {
        for (const { interface: its, safe, min, max } of given(() => decodeBoard(encodeText(json)))?.actuators ?? []) {
          if (its === "relay" || its === "digital") expect(typeof safe).toBe("boolean");
          else expect(Number(safe) >= min && Number(safe) <= max).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});
