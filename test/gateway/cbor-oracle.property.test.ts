import { Decoder } from "cbor-x";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Cbor, encode } from "../../firmware/core/wire/cbor";
import { cbor } from "../core/arbitraries";

const oracle = new Decoder({ mapsAsObjects: false, useRecords: false, int64AsNumber: false } as object);

/** Our value as cbor-x gives it: floats bare, and integers of 64 bits as bigint where it makes them so. */
function asOracle(value: Cbor): unknown {
  if (Array.isArray(value)) return value.map(asOracle);
  if (value instanceof Map) return new Map([...value].map(([key, each]) => [asOracle(key), asOracle(each)]));
  if (value instanceof Uint8Array) return [...value];
  if (typeof value === "object" && value !== null) return (value as { float: number }).float;
  return value;
}

/** What cbor-x gave, with its Buffers as arrays and with bigints that are safe integers as numbers. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return new Map([...value].map(([key, each]) => [plain(key), plain(each)]));
  if (typeof value === "bigint" && Number.isSafeInteger(Number(value))) return Number(value);
  return value;
}

describe("cbor-x, which knows nothing of us", () => {
  it("reads what we encode as what we meant", () => {
    fc.assert(
      fc.property(cbor, (value) => {
        expect(plain(oracle.decode(encode(value)))).toEqual(asOracle(value));
      }),
      { numRuns: 1000 },
    );
  });
});
