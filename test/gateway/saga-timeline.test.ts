import { describe, expect, it } from "vitest";
import { withId } from "../../firmware/core/pact/produced";
import { toHex } from "../../firmware/core/wire/bytes";
import { onlyStory } from "../../gateway/channels/sagas";
import { timelineLines } from "../../gateway/cli/saga-timeline";
import type { BlocksOf } from "../../gateway/saga/past";
import { readStories } from "../../gateway/saga/stories";
import { type Told, tellStory } from "../../gateway/saga/timeline";
import type { Names, Present } from "../../gateway/saga/waiting";
import { rendered } from "../../gateway/system/text";
import { avatarOf, createSagaWorld, done, failed, lease, type Plan, type SagaWorld } from "../saga/world";

/** An order is reserved, and shipped when it is paid for; both on whichever of three members has its turn. */
const plan: Plan = {
  pacts: ["order", "payment", "label"],
  stages: [
    { behavior: "reserve", consumes: "order", produces: ["label"], compensate: "release" },
    { behavior: "ship", consumes: "payment", produces: ["label"], correlate: ["order"], deadline: 60_000 },
  ],
  behaviors: {
    reserve: (run) => done({ left: 2 }, ["label", run.entry!.values[0] as number, 1]),
    ship: (run) => ((run.entry!.values[1] as number) < 5 ? failed("too little") : done({ left: 2 }, ["label", 7, 2])),
    release: () => done({ left: 3 }),
  },
};

const members = ["ada", "bea", "cyd"];

/** Each entry a block; `clock` is what an issuer's clock shows. */
function blocksOf(world: SagaWorld, clock: (time: number) => number): BlocksOf {
  return async function* (group) {
    const { entries, times } = world.logs.get(toHex(group))!;
    for (const [index, { sequence, issuer, entry, id }] of entries.entries()) {
      const block = { group, issuer, firstEntry: sequence, count: 1, entries: [withId({ entry, id })], repeats: [] };
      yield { ...block, time: clock(times[index]!) };
    }
  };
}

async function toldOf(
  world: SagaWorld,
  clock = (time: number) => time,
  present: Partial<Present> = {},
): Promise<Told[]> {
  const names: Names = {
    group: (id) => world.logs.get(toHex(id))!.name,
    member: (avatar) => members.find((name) => toHex(avatarOf(name)) === toHex(avatar)) ?? "outside",
  };
  const { definitions } = world.member("ada").runtime.ledger;
  const stories = await readStories(definitions, blocksOf(world, clock), "");
  return stories.stories.map((story) => {
    return tellStory(stories, story, names, { sealed: [], now: 0, idle: new Map(), ...present });
  });
}

/** Its only invocation as the command prints it, with `ID` for its id. */
async function linesOf(world: SagaWorld, clock = (time: number) => time): Promise<string[]> {
  const [told] = await toldOf(world, clock);
  return timelineLines(told!).map((line) => rendered(line, false).replace(told!.id.slice(0, 8), "ID"));
}

/** Who has the first turn for a stage that nothing is required for, of the order with number 7. */
function firstInTurn(): string {
  const world = createSagaWorld(plan);
  world.push("order", 7, 1);
  world.run(500);
  return world.runs[0]!.member;
}

describe("a timeline", () => {
  it("tells who ran what, when, how long it waited, what it put out and what was undone", async () => {
    const world = createSagaWorld(plan);
    world.push("order", 7, 1);
    world.run(3_000);
    world.push("payment", 7, 4);
    world.run(20_000);
    const [one, two, three] = world
      .log("states")
      .entries.map(({ issuer }) => members.find((name) => toHex(avatarOf(name)) === toHex(issuer))!);
    expect(await linesOf(world)).toEqual([
      "saga v1 ID failed, 1970-01-01 00:16:40 UTC",
      "     begun  by outside: order/0 order 7, amount 1",
      `    +35 ms  reserve  done         ${one}`,
      "              took order/0, waited 10 ms for its turn, ran 25 ms",
      "              → label/0 order 7, amount 1",
      `    +3.0 s  ship     failed       ${two}`,
      "              waited 3.0 s for payment/0, 10 ms for its turn, ran 25 ms",
      "              too little",
      `    +3.1 s  release  compensated  ${three}`,
      "              waited 10 ms for its turn, ran 25 ms",
      "       end  too little; stage 0 undone by release",
    ]);
  });

  it("tells whom a state was made in place of", async () => {
    const gone = firstInTurn();
    const world = createSagaWorld(plan);
    world.crash(gone);
    world.push("order", 7, 1);
    world.run(500 + 2 * lease);
    const [line, why] = (await linesOf(world)).slice(2);
    expect(line).toMatch(new RegExp(`reserve  done +\\w+, in place of ${gone}$`));
    expect(why).toBe("              took order/0, waited 1.0 s for its turn, ran 25 ms");
  });

  it("tells which states lost, and why", async () => {
    const late = firstInTurn();
    const world = createSagaWorld(plan);
    world.run(5);
    world.push("order", 7, 1);
    world.run(27);
    world.cutOff(late);
    world.run(500 + 2 * lease);
    world.heal(late);
    world.run(20_000);
    const lost = (await linesOf(world)).filter((line) => line.includes("does not count"));
    expect(lost).toEqual([
      expect.stringMatching(new RegExp(`reserve done by ${late} does not count: no entry waits to initiate it$`)),
    ]);
  });

  it("tells an intent with its operation, and then what came of it", async () => {
    const requires = [{ capability: "servo", condition: null }];
    const operation = { kind: "operation", capability: "servo", operation: new TextEncoder().encode("90") } as const;
    const turn = () => ({
      ...done(null, ["label", 7, 1]),
      outputs: [operation, ...done(null, ["label", 7, 1]).outputs],
    });
    const stages = [{ behavior: "turn", consumes: "order", produces: ["label"], requires }];
    const world = createSagaWorld({ ...plan, stages, behaviors: { turn } });
    world.publish("bea", new Map([["servo", 1]]));
    world.acts = () => "refused";
    world.push("order", 7, 1);
    world.run(10_000);
    expect((await linesOf(world)).slice(2)).toEqual([
      "    +35 ms  turn  intent       bea",
      "              took order/0, waited 10 ms for its turn, ran 25 ms",
      "              ⚙ servo 90",
      "    +70 ms  turn  refused      bea, 35 ms after the intent",
      "              it jams",
      "              → label (never came to be) order 7, amount 1",
      "       end  it jams",
    ]);
  });

  it("tells what a reversal took back", async () => {
    const [reserve, ship] = plan.stages;
    const { compensate: _, ...plain } = reserve!;
    const world = createSagaWorld({ ...plan, stages: [plain, ship!] });
    world.push("order", 7, 1);
    world.push("payment", 7, 4);
    world.run(20_000);
    const lines = await linesOf(world);
    expect(lines).toContain("              → label/0 (reversed) order 7, amount 1");
    expect(lines.at(-1)).toBe("       end  too little; stage 0 reversed");
  });

  it("tells no time where the issuers have no clock", async () => {
    const world = createSagaWorld(plan);
    world.push("order", 7, 1);
    world.run(500);
    const lines = await linesOf(world, () => 0);
    expect(lines[0]).toBe("saga v1 ID running");
    expect(lines[2]).toMatch(/^ {9}\? {2}reserve {2}done/);
    expect(lines[3]).toBe("              took order/0");
  });
});

describe("why an invocation waits", () => {
  const waits = async (world: SagaWorld) => (await toldOf(world)).map((told) => told.waits?.sentence ?? "");

  it("is an entry, until its deadline", async () => {
    const world = createSagaWorld(plan);
    world.push("order", 7, 1);
    world.run(500);
    expect((await linesOf(world)).at(-1)).toBe(
      "       now  waits until an entry of payment with order 7 is final; deadline +1 min 0 s",
    );
  });

  it("is whose turn it is", async () => {
    const world = createSagaWorld(plan);
    for (const name of members) world.cutOff(name);
    world.push("order", 7, 1);
    world.run(5_000);
    const first = firstInTurn();
    expect(await waits(world)).toEqual([
      expect.stringMatching(new RegExp(`^${first} \\(after 5 s each: \\w+, \\w+\\) runs reserve on order/0$`)),
    ]);
  });

  it("is that an owner says so, once its deadline has passed", async () => {
    const world = createSagaWorld(plan);
    world.push("order", 7, 1);
    world.run(500);
    const [told] = await toldOf(world, (time) => time, { now: 1_000_000 + 61_000 });
    expect(told!.waits).toMatchObject({
      for: "deadline",
      sentence: "an owner of states says that the deadline has come",
    });
  });

  it("is none of those who take no part in the saga any more", async () => {
    const world = createSagaWorld(plan);
    for (const name of members) world.cutOff(name);
    world.push("order", 7, 1);
    world.run(5_000);
    const [first] = [firstInTurn()];
    const [book] = world.member("ada").runtime.ledger.books.keys();
    const idle = new Map([[book!, avatarOf(first)]]);
    const [told] = await toldOf(world, (time) => time, { idle });
    expect(told!.waits!.sentence).toMatch(/^\w+ \(after 5 s each: \w+\) runs reserve on order\/0$/);
    expect(told!.waits!.sentence).not.toContain(first);
  });

  it("is an entry that a state consumed and that is not final here", async () => {
    const world = createSagaWorld(plan);
    world.push("order", 7, 1);
    world.run(500);
    world.push("payment", 7, 9);
    world.run(1_000);
    world.log("payment").entries.length = 0;
    const [told] = await toldOf(world);
    expect(told!.waits).toMatchObject({
      for: "seen",
      sentence: "payment/0, which a state of this saga consumed, is final here too",
    });
  });

  it("is that what was said is not final yet", async () => {
    const other = createSagaWorld(plan);
    other.push("order", 7, 1);
    other.run(500);
    const [state] = other.states();
    const sealed = [{ block: new Uint8Array(32).fill(7), issuer: avatarOf("bea"), state: state! }];
    const world = createSagaWorld(plan);
    for (const name of members) world.cutOff(name);
    world.push("order", 7, 1);
    world.run(5_000);
    const [told] = await toldOf(world, (time) => time, { sealed });
    expect(told!.waits).toEqual({
      ...{ for: "finality", sentence: "reserve done, sealed by bea, is final", deadline: null },
      block: "07".repeat(32),
    });
  });

  it("is that nobody can run it", async () => {
    const requires = [
      { capability: "servo", condition: { min: 2 } },
      { capability: "board", condition: { oneOf: ["esp32", "pico"] } },
    ];
    const world = createSagaWorld({ ...plan, stages: [{ ...plan.stages[0]!, requires }] });
    world.push("order", 7, 1);
    world.run(5_000);
    expect(await waits(world)).toEqual([
      "somebody has servo of at least 2 and board esp32 or pico, which nobody here publishes, and runs reserve on order/0",
    ]);
  });

  it("is another invocation that has the state they share", async () => {
    const world = createSagaWorld({ ...plan, reach: "saga" });
    world.push("order", 7, 1);
    world.push("order", 8, 1);
    world.run(5_000);
    const [first] = await toldOf(world);
    expect((await waits(world))[1]).toBe(`${first!.id.slice(0, 8)} has ended, with which it shares its state`);
  });

  it("is what came of an intent", async () => {
    const operation = { kind: "operation", capability: "servo", operation: new TextEncoder().encode("90") } as const;
    const turn = () => ({ ...done(null), outputs: [operation] });
    const requires = [{ capability: "servo", condition: null }];
    const world = createSagaWorld({
      ...{ ...plan, stages: [{ behavior: "turn", consumes: "order", requires }], behaviors: { turn } },
    });
    world.publish("bea", new Map([["servo", 1]]));
    world.acts = () => undefined;
    world.push("order", 7, 1);
    world.run(500);
    expect(await waits(world)).toEqual(["bea, who made the intent final, says what came of it"]);
  });
});

describe("the stories that are told of many invocations", () => {
  it("are those under way, and of those that have ended the latest", async () => {
    const world = createSagaWorld(plan);
    for (let number = 1; number <= 30; number++) {
      world.push("order", number, 1);
      world.run(world.now + 200);
      if (number !== 3) world.push("payment", number, number % 2 === 0 ? 4 : 5);
      world.run(world.now + 400);
    }
    const told = await toldOf(world);
    const numbers = told.map(({ begun }) => begun.entry.order);
    expect(numbers).toEqual([3, ...Array.from({ length: 19 }, (_, index) => index + 12)]);
    expect(told.map(({ status }) => status).slice(0, 4)).toEqual(["running", "failed", "done", "failed"]);
    const { definitions } = world.member("ada").runtime.ledger;
    const { counts } = await readStories(
      definitions,
      blocksOf(world, (time) => time),
      "none",
    );
    expect([...counts.values()]).toEqual([{ done: 14, failed: 15, cancelled: 0 }]);
  });

  it("are found by digits of their ids that name one alone", async () => {
    const world = createSagaWorld(plan);
    for (const number of [1, 2]) world.push("order", number, 1);
    world.run(500);
    const { definitions } = world.member("ada").runtime.ledger;
    const read = (prefix: string) =>
      readStories(
        definitions,
        blocksOf(world, (time) => time),
        prefix,
      );
    const all = await read("");
    const [one, other] = all.stories.map(({ invocation }) => invocation.key);
    expect(onlyStory(await read(one!), one!).invocation.key).toBe(one);
    const ambiguous = { message: "2 invocations have ids that begin with ", code: "invocation-ambiguous" };
    const remedy = `Say which: ${one!.slice(0, 16)}, ${other!.slice(0, 16)}.`;
    expect(() => onlyStory(all, "")).toThrow(expect.objectContaining({ ...ambiguous, remedy }));
    expect(() => onlyStory({ stories: [] }, "12345")).toThrow(expect.objectContaining({ code: "invocation-unknown" }));
  });
});
