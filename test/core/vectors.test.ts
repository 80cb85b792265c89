import { describe, expect, it } from "vitest";
import published from "../../docs/wire/vectors.json";
import { nobleCrypto } from "../../firmware/device/noble";
import { wireVectors } from "./vectors";

const vectors = JSON.parse(JSON.stringify(wireVectors(nobleCrypto())));

describe("the published vectors of the wire", () => {
  it("are what this code derives and hashes", () => {
    expect(vectors.derivations).toEqual(published.derivations);
    expect(vectors.hashes).toEqual(published.hashes);
  });

  for (const [index, { rule, hex }] of published.structures.entries()) {
    it(`have the bytes of ${rule} ${index}`, () => {
      expect(vectors.structures[index]).toEqual({ rule, hex });
    });
  }

  it("are all there", () => {
    expect(vectors.structures.length).toBe(published.structures.length);
    expect(published.structures.length).toBeGreaterThan(25);
  });
});
