import { describe, expect, it } from "vitest";
import published from "../../docs/wire/saga.json";
import { decodeState, encodeState, sagaStatePact } from "../../firmware/core/saga/state";
import {
  behaviorOf,
  decodeBehavior,
  decodeDescription,
  decodeStage,
  encodeBehavior,
  encodeDescription,
  encodeStage,
} from "../../firmware/core/saga/structures";
import { nobleCrypto } from "../../firmware/device/noble";
import { sagaVectors, samplesOf } from "./vectors";

const crypto = nobleCrypto();
const { behavior, stage, description, state } = samplesOf(crypto);
const { policy } = sagaStatePact("states", "two-thirds");

describe("the structures of a saga", () => {
  it("are read as they were written", () => {
    expect(decodeBehavior(encodeBehavior(behavior))).toEqual(behavior);
    expect(decodeStage(encodeStage(stage))).toEqual(stage);
    expect(decodeDescription(encodeDescription(description))).toEqual(description);
    expect(decodeState(encodeState(state, policy))).toEqual(state);
  });

  it("have the published bytes", () => {
    expect(sagaVectors(crypto)).toEqual(published);
  });

  it("name a behavior's source by pieces of 4 KiB, and refuse one above 64 KiB", () => {
    expect(behavior.chunks).toHaveLength(2);
    const source = new Uint8Array(65_537);
    expect(() => behaviorOf(crypto, "big", 1, source, behavior.limits)).toThrow("has 65537 bytes of source");
  });

  it("are refused where a description has no stages, or a key without the reach for it", () => {
    expect(() => decodeDescription(encodeDescription({ ...description, stages: [] }))).toThrow("are none");
    expect(() => decodeDescription(encodeDescription({ ...description, reach: "saga" }))).toThrow(
      "goes with the reach 'key'",
    );
    expect(() => decodeDescription(encodeDescription({ ...description, reach: "world" as never }))).toThrow(
      "is none of",
    );
  });

  it("are refused where pacts are out of order or there twice", () => {
    const twice = { ...stage, accessedPacts: [stage.behavior, stage.behavior] };
    expect(() => decodeStage(encodeStage(twice))).toThrow("is out of order or there twice");
  });
});
