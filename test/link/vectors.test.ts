import { describe, expect, it } from "vitest";
import published from "../../docs/wire/link.json";
import { nobleCrypto } from "../../firmware/device/noble";
import { linkVectors } from "./vectors";

describe("the published vectors of the link", () => {
  const vectors = JSON.parse(JSON.stringify(linkVectors(nobleCrypto())));

  it("have the session that this code makes: handshake, record, frame and resumption", () => {
    expect(vectors.session).toEqual(published.session);
    expect(Object.keys(published.session).length).toBeGreaterThan(20);
  });

  it("have the structures that this code makes", () => {
    expect(vectors.structures).toEqual(published.structures);
  });
});
