import { describe, expect, it } from "vitest";
import { scene, wide } from "../core/costs";
import type { Network } from "../core/network";

/** What a peer makes a participant compute is taken from its budget: 32 MB of it here, which a board's engine would take minutes for. */

describe("a peer that makes others work", () => {
  /** 57 KB to be read, again and again: in messages it is far from its budget. */
  function spend({ network }: { readonly network: Network }): void {
    const message = wide(1, 700);
    for (let count = 0; count < 800; count++) network.inject("a", "liar", message);
  }

  it("is not listened to when its budget is spent, and others are", () => {
    const world = scene();
    const { network, costOf } = world;
    spend(world);
    expect(costOf(() => network.inject("a", "liar", wide(2, 4)))).toEqual({ hashes: 0, verifications: 0 });
    network.push("b", "ab", 7);
    network.run(network.now + 15_000);
    expect(network.entriesOf("a", "ab")).toEqual([7]);
  });

  it("is listened to again after a while", () => {
    const world = scene();
    const { network, costOf } = world;
    spend(world);
    network.run(network.now + 10_000);
    expect(costOf(() => network.inject("a", "liar", wide(2, 4))).hashes).toBeGreaterThan(0);
  });
});
