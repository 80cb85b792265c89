import { describe, expect, it } from "vitest";
import { createSagaWorld, done, type Plan, provisionOf, stateIn } from "./world";

/** A saga that waits for an answer between its stages; its version is what it leaves. */
const ofVersion = (version: number, reach: NonNullable<Plan["reach"]>): Plan => ({
  version,
  reach,
  pacts: ["order", "answer"],
  stages: [
    { behavior: "ask", consumes: "order" },
    { behavior: "note", consumes: "answer", correlate: ["order"] },
  ],
  behaviors: {
    ask: (run) => done([...((stateIn(run) as number[]) ?? []), run.behavior.version]),
    note: (run) => done([...(stateIn(run) as number[]), run.behavior.version * 10]),
  },
});

/** A world that knows version 1, and from its next start on version 2 too. */
function worldOfTwo(reach: NonNullable<Plan["reach"]>) {
  const world = createSagaWorld(ofVersion(1, reach));
  const second = provisionOf(ofVersion(2, reach));
  return {
    world,
    define(name: string) {
      const both = (part: "behaviors" | "stages" | "descriptions") => [...world.provision[part], ...second[part]];
      world.crash(name);
      world.start(name, {
        ...world.provision,
        behaviors: both("behaviors"),
        stages: both("stages"),
        descriptions: both("descriptions"),
      });
    },
  };
}

const left = (world: ReturnType<typeof worldOfTwo>["world"]) =>
  world.states().map(({ state }) => stateIn({ state } as never));

describe("a saga of which a new version is defined", () => {
  it("ends its invocations on the version with which they began", () => {
    const { world, define } = worldOfTwo("invocation");
    world.push("order", 1, 1);
    world.run(5_000);
    for (const name of world.members.keys()) define(name);
    world.push("answer", 1, 1);
    world.run(20_000);
    expect(left(world)).toEqual([[1], [1, 10]]);
  });

  it("begins new invocations with the newest, and each entry begins one", () => {
    const { world, define } = worldOfTwo("invocation");
    for (const name of world.members.keys()) define(name);
    world.push("order", 1, 1);
    world.push("answer", 1, 1);
    world.run(20_000);
    expect(left(world)).toEqual([[2], [2, 20]]);
  });

  it("goes on with the state that the version before left", () => {
    const { world, define } = worldOfTwo("saga");
    world.push("order", 1, 1);
    world.push("answer", 1, 1);
    world.run(20_000);
    for (const name of world.members.keys()) define(name);
    world.push("order", 2, 1);
    world.push("answer", 2, 1);
    world.run(40_000);
    expect(left(world).at(-1)).toEqual([1, 10, 2, 20]);
  });

  it("begins one invocation of an entry though not all know the version yet: that of the first final state", () => {
    const first = createSagaWorld(ofVersion(1, "invocation"));
    first.push("order", 1, 1);
    first.run(500);
    const late = first.runs[0]!.member;
    const { world, define } = worldOfTwo("invocation");
    for (const name of world.members.keys()) if (name !== late) define(name);
    world.hears = ({ name }) => (name === late ? 10 : 50);
    world.push("order", 1, 1);
    world.push("answer", 1, 1);
    world.run(20_000);
    define(late);
    world.run(60_000);
    for (const name of world.members.keys()) expect(world.underWay(name)).toBe(0);
    // The second is void: whoever knew both found the first one final.
    expect(left(world)).toEqual([[1], [2], [1, 10]]);
  });

  it("that was deployed keeps who does not know it yet from doing again what others do by it", () => {
    const world = createSagaWorld(ofVersion(1, "invocation"));
    const second = provisionOf(ofVersion(2, "invocation"));
    const first = { ...world.provision, from: new Map<string, number>() };
    const both = {
      ...first,
      behaviors: [...first.behaviors, ...second.behaviors],
      stages: [...first.stages, ...second.stages],
      descriptions: [...first.descriptions, ...second.descriptions],
    };
    const [late, ...others] = [...world.members.keys()];
    for (const name of world.members.keys()) world.crash(name);
    for (const name of others) world.start(name, both);
    for (let number = 1; number <= 5; number++) world.push("order", number, 1);
    world.run(5_000);
    world.start(late!, first);
    for (let number = 1; number <= 5; number++) world.push("answer", number, 1);
    world.run(60_000);
    const runsOfLate = () => world.runs.filter(({ member }) => member === late).length;
    expect(runsOfLate()).toBe(0);
    expect(left(world)).toHaveLength(10);
    world.crash(late!);
    world.start(late!, both);
    world.push("order", 6, 1);
    world.push("answer", 6, 1);
    world.run(90_000);
    for (const name of world.members.keys()) expect(world.underWay(name)).toBe(0);
    expect(left(world)).toHaveLength(12);
    expect(left(world).every((state) => String((state as number[])[0]) === "2")).toBe(true);
  });
});
