import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VertebraError } from "../../firmware/core/errors";
import { decodeState, encodeState, sagaStatePact } from "../../firmware/core/saga/state";
import {
  decodeBehavior,
  decodeDescription,
  decodeStage,
  encodeBehavior,
  encodeDescription,
  encodeStage,
} from "../../firmware/core/saga/structures";
import { nobleCrypto } from "../../firmware/device/noble";
import { samplesOf } from "./vectors";

const { behavior, stage, description, state } = samplesOf(nobleCrypto());
const { policy } = sagaStatePact("states", "two-thirds");
const structures = [
  {
    name: "behavior",
    bytes: encodeBehavior(behavior),
    again: (bytes: Uint8Array) => encodeBehavior(decodeBehavior(bytes)),
  },
  { name: "stage", bytes: encodeStage(stage), again: (bytes: Uint8Array) => encodeStage(decodeStage(bytes)) },
  {
    ...{ name: "description", bytes: encodeDescription(description) },
    again: (bytes: Uint8Array) => encodeDescription(decodeDescription(bytes)),
  },
  {
    name: "state",
    bytes: encodeState(state, policy),
    again: (bytes: Uint8Array) => encodeState(decodeState(bytes), policy),
  },
];

describe("the decoders of sagas", () => {
  for (const { name, bytes, again } of structures) {
    it(`give for a damaged ${name} the very bytes back, or an error that says what is wrong`, () => {
      fc.assert(
        fc.property(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 255 }), fc.nat({ max: 3 }), (at, byte, kind) => {
          const damaged = kind === 0 ? bytes.slice(0, at) : Uint8Array.from(bytes);
          if (kind > 0) damaged[at] = byte;
          try {
            expect(again(damaged)).toEqual(damaged);
          } catch (error) {
            if (!(error instanceof VertebraError) || error.code === "assertion") throw error;
          }
        }),
        { numRuns: 300 },
      );
    });
  }
});
