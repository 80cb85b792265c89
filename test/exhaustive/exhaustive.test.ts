import { describe, expect, it } from "vitest";
import type { Bounds } from "./network";
import { search } from "./search";

const bounds: Bounds = {
  quorum: "all",
  links: "line",
  inOrder: true,
  alarms: 0,
  attempts: 2,
  crashes: 0,
  mostStates: 1_000_000,
  seed: 1,
};

describe("two blocks that compete for one slot, in every order of what can happen", () => {
  it("become final for all three owners, in one order", () => {
    const found = search(bounds);
    expect(found).toMatchObject({ failure: undefined, complete: true });
    expect(found.splitVotes).toBeGreaterThan(0);
    expect(found.finalAtEnd + found.finalLater).toBe(found.ends);
  });

  it("become final where a majority is enough", () => {
    expect(search({ ...bounds, quorum: "majority" })).toMatchObject({ failure: undefined, complete: true });
  });

  it("become final whenever a timer fires, of whomever", () => {
    expect(search({ ...bounds, alarms: 1 })).toMatchObject({ failure: undefined, complete: true });
  });

  it("become final whenever anyone is switched off and on again, as far as a sample shows", () => {
    const found = search({ ...bounds, crashes: 1, mostStates: 20_000 });
    expect(found.failure).toBeUndefined();
    expect(found.ends).toBeGreaterThan(0);
  });

  it("are never final in two orders, whatever an owner lies", () => {
    const liar = { lies: 1, menu: "everything" } as const;
    expect(search({ ...bounds, links: "triangle", liar })).toMatchObject({ failure: undefined, complete: true });
  });

  it("are final in two orders where a liar's certificates make a majority: the search finds what is wrong", () => {
    const liar = { lies: 4, menu: "certificates" } as const;
    const wrong = { ...bounds, quorum: "majority", links: "triangle", alarms: 1, liar, mostStates: 1_000 } as const;
    let seed = 1;
    let found = search({ ...wrong, seed });
    while (found.failure === undefined && seed < 60) found = search({ ...wrong, seed: ++seed });
    expect(found.failure?.what).toBe("A and B have different blocks final in one slot");
    expect(found.failure?.trace.length).toBeGreaterThan(5);
  });
});
