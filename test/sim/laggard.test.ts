import { describe, expect, it } from "vitest";
import { toHex } from "../../firmware/core/wire/bytes";
import { byteTransport } from "./byte-transport";
import { board } from "./compute";
import { hinder, linkStates } from "./links";
import type { Plan } from "./plan";
import { platform } from "./platform";
import { boot, createWorld, push, type Watcher } from "./world";

/** The demo's world on a machine that has much else to do: a gateway and three boards, a group of each pair and one of all, which never rest. */

const members = ["gateway", "one", "two", "three"];
const boardsOf = members.slice(1);
const all = { quorum: "all", ordered: true, private: false } as const;
const second = 1_000;

function planOf(instructions: number): Plan {
  return {
    ...{
      seed: 1,
      members,
      shape: "star",
      followers: ["gateway"],
      wire: "bytes",
      store: "records",
      signatures: "cheap",
    },
    groups: [
      ...boardsOf.map((name) => ({ name, owners: ["gateway", name], policy: all })),
      { name: "shared", owners: members, policy: { ...all, quorum: "two-thirds" } },
    ],
    links: boardsOf.map((name) => ({
      ...{ ends: ["gateway", name] as const, delays: [1, 1] as const, jitter: 0, reorders: false },
      ...{ loss: 0, duplication: 0, rate: 1_000 },
    })),
    clocks: new Map(members.map((name) => [name, { rate: 1, wall: 0 }])),
    compute: new Map(members.map((name) => [name, board(name === "gateway" ? 2e6 : instructions)])),
    ...{ liars: [], forgetful: null, steps: [], length: 0, reconnects: false },
  };
}

/** When entries of each group became final at the gateway, whose board `one` was cut off after half a minute for 20 s. */
function liveThrough(instructions: number): { finals: Map<string, number[]>; back: number; end: number } {
  const finals = new Map<string, number[]>([...boardsOf, "shared"].map((name) => [name, []]));
  const watcher: Watcher = {
    delivered(member, action) {
      if (action.kind !== "final" || member.name !== "gateway") return;
      const group = [...world.groups.values()].find(({ key }) => key === toHex(action.block.group))!;
      for (let entry = 0; entry < action.block.count; entry++) finals.get(group.name)!.push(world.schedule.now());
    },
    ...{ sent() {}, answered() {}, wrote() {}, power() {}, ordered() {}, noted() {} },
  };
  const world = createWorld(planOf(instructions), platform.cheap(), watcher);
  const links = linkStates(world);
  world.transport = byteTransport(world, links, (what) => expect.fail(what));
  for (const member of world.members.values()) boot(world, member);
  const [out, back, end] = [30 * second, 50 * second, 100 * second];
  let value = 0;
  for (const [index, name] of boardsOf.entries()) {
    const write = (group: string, everyMs: number) => {
      for (let at = 100 + 37 * index; at < end; at += everyMs) {
        const number = value++;
        world.schedule.at(at, () => push(world, world.members.get(name)!, world.groups.get(group)!, number));
      }
    };
    write(name, 500);
    write("shared", 1_000);
  }
  world.schedule.run(out);
  const restore = hinder(world, links[0]!, "both");
  world.schedule.run(back);
  restore();
  world.schedule.run(end);
  return { finals, back, end };
}

describe("a board that answers late, in a world that goes on", () => {
  it.each([300_000])(
    "is waited for, and finishes what waits in its own group after its cable was out: %i instructions in a ms",
    (instructions) => {
      const { finals, back, end } = liveThrough(instructions);
      const of = (name: string, from: number, until: number) =>
        finals.get(name)!.filter((at) => at >= from && at < until).length;
      for (const name of ["two", "three"]) {
        for (let from = 0; from < end; from += 35 * second)
          expect(of(name, from, from + 35 * second)).toBeGreaterThan(0);
      }
      expect(of("one", back, back + 35 * second), "soon after it is back").toBeGreaterThan(0);
      expect(of("one", 0, end), "in the end").toBeGreaterThan(90);
      expect(of("shared", back, end)).toBeGreaterThan(20);
    },
  );
});
