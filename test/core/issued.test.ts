import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hasIssued, noteIssued } from "../../firmware/core/chain/issued";
import { noChanges, type World } from "../../firmware/core/chain/world";
import { openDoor } from "./door";
import { createNetwork, type Network } from "./network";

/** PROTOCOL 6: "No view is issued in twice, crash or not." */
describe("who waits in a group for an owner who is gone, while its other owners go on together", () => {
  /** Through so many generations of the others. */
  function waiting(generations: number): Network {
    const network = createNetwork({
      members: ["a", "b", "c", "gone"],
      groups: [
        { name: "others", owners: ["a", "b"] },
        { name: "all", owners: ["a", "b", "c", "gone"] },
      ],
    });
    network.run(1_000);
    network.crash("gone");
    network.push("c", "all", 1);
    for (let round = 0; round < generations; round++) {
      network.push("a", "others", round);
      network.run(network.now + 2_000);
    }
    return network;
  }

  it("knows no more views of its own than some, and all is final when that one is back", () => {
    const network = waiting(60);
    const { participant } = network.members.get("c")!;
    const time = { monotonic: network.now, wall: network.now };
    const { worlds } = openDoor(participant, () => participant.handle({ kind: "alarm" }, time));
    const world = [...worlds.values()][0]!;
    expect(world.issuedForgotten).not.toBeNull();
    expect(world.issuedViews.length).toBeLessThanOrEqual(72);
    network.boot("gone");
    network.connect("a", "gone");
    network.run(network.now + 60_000);
    for (const owner of ["a", "b", "c", "gone"]) expect(network.entriesOf(owner, "all")).toEqual([1]);
  });
});

describe("the views in which a participant issued", () => {
  it("are none of them issued in again, in whatever order they came and however many were forgotten", () => {
    const view = fc.record({ sequence: fc.nat(60), attempt: fc.nat(5) });
    fc.assert(
      fc.property(fc.array(view, { maxLength: 200, size: "max" }), (wanted) => {
        const world = {
          ...{ issued: null, issuedBefore: null, issuedViews: [], issuedForgotten: null },
          ...{ highestFinalizableGeneration: -1, changed: noChanges() },
        } as unknown as World;
        const issued = new Set<string>();
        for (const each of wanted) {
          if (hasIssued(world, each)) continue;
          const name = `${each.sequence}.${each.attempt}`;
          expect(issued.has(name)).toBe(false);
          issued.add(name);
          noteIssued(world, each);
        }
        expect(world.issuedViews.length).toBeLessThanOrEqual(72);
      }),
      { numRuns: 300 },
    );
  });
});
