import { describe, expect, it } from "vitest";
import { byteTransport } from "./byte-transport";
import { linkStates } from "./links";
import type { Plan } from "./plan";
import { platform } from "./platform";
import { boot, createWorld, push, type Watcher } from "./world";

/** A board and its gateway over the real link on lines of every speed, both pushing into both of their groups. */

const policy = { quorum: "all", ordered: true, private: false } as const;
const second = 1_000;

interface Outcome {
  readonly final: number;
  readonly pushed: number;
  readonly refused: number;
  /** Given to the links, both ways. */
  readonly bytes: number;
  /** The longest time in which nothing became final. */
  readonly longestStill: number;
}

function planOf(baud: number): Plan {
  const members = ["board", "gateway"];
  return {
    ...{ seed: baud, members, shape: "star", followers: [], wire: "bytes", store: "records", signatures: "cheap" },
    groups: ["own", "shared"].map((name) => ({ name, owners: members, policy })),
    links: [
      {
        ...{ ends: ["board", "gateway"], delays: [1, 1], jitter: 0, reorders: false, loss: 0, duplication: 0 },
        rate: baud / 10_000,
      },
    ],
    clocks: new Map(members.map((name) => [name, { rate: 1, wall: 0 }])),
    ...{ liars: [], forgetful: null, steps: [], length: 0, reconnects: false },
  };
}

/** Each member pushes an entry each `everyMs`; what became final at the gateway in `seconds`. */
function writeOver(baud: number, everyMs: number, seconds: number): Outcome {
  const outcome = { final: 0, pushed: 0, refused: 0, bytes: 0, longestStill: 0 };
  let last = 0;
  const watcher: Watcher = {
    sent(_from, _to, bytes) {
      outcome.bytes += bytes.length;
    },
    delivered(member, action) {
      if (action.kind === "refused") outcome.refused++;
      if (action.kind !== "final" || member.name !== "gateway") return;
      outcome.final += action.block.count;
      outcome.longestStill = Math.max(outcome.longestStill, world.schedule.now() - last);
      last = world.schedule.now();
    },
    ...{ answered() {}, wrote() {}, power() {}, ordered() {}, noted() {} },
  };
  const fail = (what: string) => expect.fail(what);
  const world = createWorld(planOf(baud), platform.cheap(), watcher);
  world.transport = byteTransport(world, linkStates(world), fail);
  for (const member of world.members.values()) boot(world, member);
  const groups = [...world.groups.values()];
  for (let at = 0; at < seconds * second; at += everyMs) {
    for (const member of world.members.values()) {
      const value = outcome.pushed++;
      world.schedule.at(at, () => push(world, member, groups[(at / everyMs) % groups.length]!, value));
    }
  }
  world.schedule.run(seconds * second);
  outcome.longestStill = Math.max(outcome.longestStill, world.schedule.now() - last);
  return outcome;
}

/** Bauds, and what is asked of two minutes in which four entries a second are pushed: so many final, with so few bytes each. */
const asked = [
  [1_200, 12, 1_500],
  [2_400, 60, 800],
  [4_800, 200, 700],
  [9_600, 400, 700],
  [19_200, 450, 900],
  [115_200, 460, 1_100],
] as const;

describe("a line", () => {
  it.each(asked)(
    "of %i baud makes final what it carries, with no more bytes for each the slower it is",
    (baud, least, mostBytes) => {
      const { final, bytes } = writeOver(baud, 500, 120);
      expect(final).toBeGreaterThan(least);
      expect(bytes / final).toBeLessThan(mostBytes);
    },
  );

  it.each([1_200, 4_800, 9_600])("of %i baud goes on where many times more is pushed than it carries", (baud) => {
    const { final, bytes, longestStill } = writeOver(baud, 100, 180);
    expect(bytes / final).toBeLessThan(1_500);
    expect(longestStill).toBeLessThan(100 * second);
  });
});
