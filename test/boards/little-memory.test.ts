import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ample } from "../../firmware/core/bounds";
import { decodeBoard } from "../../firmware/core/capability/board";
import type { VertebraError } from "../../firmware/core/errors";
import {
  type Asked,
  type AskedGroup,
  another,
  boundsFor,
  boundsWithDefined,
  bytesFor,
  bytesOfDeployed,
  leastFor,
  roomy,
} from "../../firmware/core/memory";
import { bytesHeld } from "../../firmware/core/saga/room";
import { hostBounds } from "../../firmware/device/ports";
import { createNetwork, type Network } from "../core/network";
import { createSagaWorld, done } from "../saga/world";

const { memory } = decodeBoard(readFileSync("boards/rv32/board.json"));

function of(...owners: number[]): Asked {
  return { groups: owners.map((each) => ({ owners: each, largestEntry: 64, mine: true })), sagas: 0, deployed: 0 };
}

describe("what a board holds", () => {
  it("is the more the more memory it has, and always fits", () => {
    const asked = of(2, 4);
    let before = boundsFor({ ...memory!, size: memory!.size }, asked);
    for (let size = memory!.size; size < 2 ** 26; size *= 1.5) {
      const bounds = boundsFor({ ...memory!, size }, asked);
      expect(bytesFor(bounds, asked)).toBeLessThanOrEqual(size - memory!.firmware);
      expect(bounds.metablocks).toBeGreaterThanOrEqual(before.metablocks);
      expect(bounds.queue).toBeGreaterThanOrEqual(before.queue);
      // Of more than it remembers a participant would tell again and again.
      expect(bounds.told).toBeGreaterThanOrEqual(bounds.metablocks * 5);
      before = bounds;
    }
    expect(before).toEqual({ ...roomy, told: before.told });
    expect(before.told).toBeGreaterThanOrEqual(roomy.told);
  });

  it("is refused before it begins where it does not fit, with what was asked for, what fits, and what to do", () => {
    for (const asked of [of(2, 4, 4), of(2, 64), { ...of(2, 4), sagas: 2 }]) {
      try {
        boundsFor(memory!, asked);
        expect.unreachable();
      } catch (error) {
        const { code, message, remedy } = error as VertebraError;
        expect(code).toBe("board-memory");
        expect(message).toContain("The board has 520 KB of memory");
        expect(message).toContain(`(of ${asked.groups.map(({ owners }) => owners).join(", ")} owners)`);
        expect(message).toMatch(/\d of the groups fit|the groups fit without sagas/);
        expect(remedy).toMatch(/fewer/);
      }
    }
  });

  it("is at a start all that it was before, however much was defined meanwhile, and no more than fits", () => {
    const anyGroup = fc.record({
      owners: fc.integer({ min: 2, max: 40 }),
      largestEntry: fc.integer({ min: 16, max: 8_192 }),
      mine: fc.boolean(),
    });
    const sagas = fc.integer({ min: 0, max: 4 });
    const kb = fc.integer({ min: 260, max: 2_000 }).map((size) => ({ size: size * 1_024, firmware: 100 * 1_024 }));
    fc.assert(
      fc.property(kb, fc.array(anyGroup, { maxLength: 8 }), sagas, (memory, defined, wanted) => {
        const asked = of(2);
        const hold = (order: readonly AskedGroup[], known: readonly AskedGroup[], more: number, running: number) => {
          const start = boundsWithDefined(memory, asked, known, running);
          let { bounds, spareBytes } = start;
          const held: AskedGroup[] = [];
          for (const each of order) {
            const { bytes, told } = another(bounds, [...asked.groups, ...held], each);
            if (bytes > spareBytes) continue;
            held.push(each);
            spareBytes -= bytes;
            bounds = { ...bounds, told };
          }
          let deployed = 0;
          for (; deployed < more && bytesOfDeployed(bounds) <= spareBytes; deployed++)
            spareBytes -= bytesOfDeployed(bounds);
          const all = { groups: [...asked.groups, ...held], sagas: 0, deployed };
          expect(bytesFor(bounds, all)).toBeLessThanOrEqual(memory.size - memory.firmware);
          return { held, deployed };
        };
        const before = hold(defined, [], wanted, 0);
        // What there was no memory for is known at the next start, too.
        const again = [...before.held, ...defined.filter((each) => !before.held.includes(each))];
        expect(hold(again, again, wanted, wanted).held.slice(0, before.held.length)).toEqual(before.held);
        const same = hold(before.held, before.held, before.deployed, before.deployed);
        expect(same).toEqual(before);
      }),
    );
  });

  it("takes the memory that board.json says, and no more than the machine has", () => {
    const world = { pacts: [], groups: [], sagas: { behaviors: [], stages: [], descriptions: [], sources: [] } };
    const boundsOf = (there: number | undefined, said: typeof memory) =>
      hostBounds(there === undefined ? {} : { memory: there }, { memory: said }, world as never).bounds;
    expect(boundsOf(undefined, undefined)).toEqual(roomy);
    expect(boundsOf(memory!.size, memory).metablocks).toBeLessThan(ample.metablocks);
    expect(() => boundsOf(memory!.size, undefined)).toThrow("does not say how much memory");
    expect(() => boundsOf(memory!.size, { ...memory!, size: 2 ** 20 })).toThrow("1048576 bytes of memory");
  });
});

describe("a saga on a board with the least memory", () => {
  it("goes on for good where few invocations are under way at once: what it remembers of the others has its room", () => {
    const { sagaBytes } = boundsFor({ size: 2 ** 19, firmware: 2 ** 17 }, { ...of(1), sagas: 1, deployed: 0 });
    expect(sagaBytes).toBe(leastFor({ ...of(1), sagas: 1, deployed: 0 }).sagaBytes);
    const world = createSagaWorld({
      members: ["ada"],
      pacts: ["order", "request"],
      stages: [
        { behavior: "take", consumes: "order", produces: ["request"] },
        { behavior: "ship", consumes: "request", produces: [] },
      ],
      behaviors: {
        take: ({ entry }) => done({}, ["request", entry!.values[0] as number, 1]),
        ship: () => done({}),
      },
      room: sagaBytes,
    });
    for (let order = 0; order < 1_200; order++) {
      world.push("order", order, 1);
      world.run(world.now + 200);
    }
    const [book] = world.member("ada").runtime.ledger.books.values();
    expect([book!.standsStill, book!.invocations.size]).toEqual([false, 0]);
    expect(world.statuses()).toHaveLength(2_400);
    // As many as it remembers, and nothing else that grows.
    expect(bytesHeld(book!)).toBeLessThan(0.7 * sagaBytes);
  });
});

const members = ["m0", "m1", "m2", "m3"];
const little = boundsFor(memory!, of(2, 4));

/** Four owners, of whom m1 has little memory. */
function fourOwners(): Network {
  const groups = [{ name: "g", owners: members, policy: { quorum: "two-thirds" as const } }];
  return createNetwork({ members, groups, bounds: { m1: little } });
}

describe("an owner of little memory among others who have much", () => {
  it("follows them when they write faster than it may hold, and all becomes final in one order", () => {
    const network = fourOwners();
    network.run(2_000);
    let most = 0;
    for (let value = 0; value < 60; value++) {
      network.push(members[value % 4]!, "g", value);
      network.run(network.now + 250);
      most = Math.max(most, network.members.get("m1")!.participant.status(network.tag).groups[0]!.pendingBlocks);
    }
    network.run(network.now + 60_000);
    const entries = network.entriesOf("m0", "g");
    expect([...entries].sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, value) => value));
    for (const name of members) expect(network.entriesOf(name, "g")).toEqual(entries);
    expect(most).toBeLessThanOrEqual(little.blocksInFlight + 3 * little.blocksUnasked);
  });

  it("takes what it was away for, and no more blocks at once than it may hold", () => {
    const network = fourOwners();
    network.run(2_000);
    network.disconnect("m0", "m1");
    for (let value = 0; value < 40; value++) {
      network.push(members[[0, 2, 3][value % 3]!]!, "g", value);
      network.run(network.now + 100);
    }
    network.connect("m0", "m1");
    network.run(network.now + 60_000);
    expect(network.entriesOf("m1", "g")).toEqual(network.entriesOf("m0", "g"));
    expect(network.entriesOf("m1", "g")).toHaveLength(40);
  });

  it("buffers as much as it may while it is cut off, lets its writers wait as its pact says, and loses nothing that it took", () => {
    const network = fourOwners();
    network.run(2_000);
    network.disconnect("m0", "m1");
    const asked = 10 * little.bufferEntries;
    for (let value = 0; value < asked; value++) network.push("m1", "g", value);
    const { refused, participant } = network.members.get("m1")!;
    expect(participant.status(network.tag).groups[0]!.buffered).toBeLessThanOrEqual(2 * little.bufferEntries);
    expect(refused.length).toBeGreaterThan(asked / 2);
    expect(new Set(refused.map(({ error }) => error.code))).toEqual(new Set(["buffer-full"]));
    network.run(network.now + 20_000);
    network.connect("m0", "m1");
    network.run(network.now + 60_000);
    expect(network.entriesOf("m0", "g")).toHaveLength(asked - refused.length);
  });
});
