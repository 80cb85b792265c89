import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VertebraError } from "../../firmware/core/errors";
import { type Conductor, finalEntries, type Order } from "../../firmware/core/saga/conductor";
import { type FinalEntry, referenceKey } from "../../firmware/core/saga/entries";
import { snapshotOf } from "../../firmware/core/saga/keeping";
import { resume } from "../../firmware/core/saga/resuming";
import { createSagaRuntime } from "../../firmware/core/saga/runtime";
import { decodeSnapshot, encodeSnapshot } from "../../firmware/core/saga/snapshot";
import { toHex } from "../../firmware/core/wire/bytes";
import { encodeText } from "../../firmware/core/wire/text";
import { type Draw, seeded } from "../sim/random";
import {
  type Block,
  conductorOf,
  createConductorWorld,
  describeLedger,
  describeOrders,
  lease,
  tailOf,
} from "./conductors";
import { avatarOf, crypto, done, failed, type Plan, stateIn } from "./world";

/** Who starts from what it kept is as one that never ended, and as one that reads all from the start. */

/** Blocks of each group that a store has. */
const tail = 64;

const amountOf = (run: { readonly entry: { readonly values: readonly unknown[] } | null }) =>
  Number(run.entry?.values[1] ?? 0);
const orderOf = (run: { readonly entry: { readonly values: readonly unknown[] } | null }) =>
  Number(run.entry?.values[0] ?? 0);

/** Stock for all orders, one after the other; a payment is produced, and taken where the account has it. */
const actor: Plan = {
  pacts: ["order", "payment", "notice", "account"],
  stages: [
    { behavior: "retrieve", consumes: "order", produces: ["payment", "notice"], compensate: "restock" },
    { behavior: "collect", consumes: "payment", reads: ["account"], produces: ["notice"], deadline: 20_000 },
  ],
  behaviors: {
    retrieve: (run) =>
      amountOf(run) % 7 === 0
        ? failed("sold out")
        : done({ left: left(run) - 1 }, ["notice", orderOf(run), 0], ["payment", orderOf(run), amountOf(run)]),
    restock: (run) => (amountOf(run) % 5 === 0 ? failed("jammed") : done({ left: left(run) + 1 })),
    collect: (run) =>
      Number(run.reads.at(-1)?.values[1] ?? 0) < amountOf(run)
        ? failed("insufficient funds")
        : done(stateIn(run), ["notice", orderOf(run), 1]),
  },
  reach: "saga",
};
const left = (run: Parameters<typeof stateIn>[0]) => (stateIn(run) as { left: number } | undefined)?.left ?? 10;

/** What is asked is answered from outside, or never; states of each number follow on each other. */
const byKey: Plan = {
  pacts: ["order", "report", "account"],
  stages: [
    { behavior: "ask", consumes: "order", produces: ["report"] },
    { behavior: "note", consumes: "account", correlate: ["order"], deadline: 3_000 },
  ],
  behaviors: {
    ask: (run) => done({ asked: amountOf(run), of: stateIn(run) !== undefined }, ["report", orderOf(run), 0]),
    note: (run) => (amountOf(run) % 3 === 0 ? failed("no") : done({ answered: amountOf(run) })),
  },
  reach: "key",
  key: "order",
};

/** A transaction that acts, by whoever has a servo, and reverses what it produced. */
const transaction: Plan = {
  pacts: ["order", "part", "account", "moved"],
  stages: [
    { behavior: "pick", consumes: "order", produces: ["part"] },
    {
      behavior: "move",
      consumes: "part",
      produces: ["moved"],
      requires: [{ capability: "servo", condition: { min: 1 } }],
      compensate: "moveBack",
    },
    { behavior: "confirm", consumes: "account", deadline: 4_000 },
  ],
  behaviors: {
    pick: (run) => done({ picked: orderOf(run) }, ["part", orderOf(run), 1], ["part", orderOf(run), 2]),
    move: (run) => acting(done({ moved: orderOf(run) }, ["moved", orderOf(run), 1]), "there"),
    moveBack: (run) => (amountOf(run) === 1 ? acting(done({ back: true }), "back") : done({ back: true })),
    confirm: (run) => (amountOf(run) % 2 === 0 ? failed("refused by the customer") : done({ confirmed: true })),
  },
};

function acting(result: ReturnType<typeof done>, where: string): ReturnType<typeof done> {
  const operation = { kind: "operation", capability: "servo", operation: encodeText(where) } as const;
  return { ...result, outputs: [operation, ...result.outputs] } as ReturnType<typeof done>;
}

/** Orders and what answers some of them, while participants end and start again. */
function live(plan: Plan, draw: Draw, pushes: number) {
  const world = createConductorWorld(plan, draw, tail);
  for (let each = 0, at = 0; each < pushes; each++) {
    at += draw.below(400);
    world.run(at);
    world.push(draw.chance(0.6) ? "order" : "account", draw.below(4), draw.below(100));
    if (draw.chance(0.1)) world.restart(draw.one(world.members));
  }
  world.run(10_000_000);
  return world;
}

/** Gives it blocks one after the other, answers all that it runs and does, and says all that it asked for. */
function drive(plan: Plan, conductor: Conductor, blocks: readonly Block[], from: number): unknown[] {
  const asked: unknown[] = [];
  let now = from;
  let wake = Number.POSITIVE_INFINITY;
  const time = () => ({ monotonic: now, wall: now });
  const waiting: Parameters<Conductor["handle"]>[0][] = [{ kind: "boot" }];
  const note = (orders: readonly Order[]) => {
    asked.push(...describeOrders(orders));
    for (const order of orders) {
      if (order.kind === "wake") wake = order.at;
      if (order.kind === "act") waiting.push({ kind: "acted", run: order.run, outcome: "done", error: "" });
      if (order.kind !== "run") continue;
      const result = plan.behaviors[order.what.behavior.name]!(order.what, undefined as never);
      waiting.push({ kind: "result", run: order.run, result });
    }
  };
  const settle = () => {
    for (let event = waiting.shift(); event !== undefined; event = waiting.shift())
      note(conductor.handle(event, time()));
    if (wake > now) return;
    wake = Number.POSITIVE_INFINITY;
    note(conductor.handle({ kind: "alarm" }, time()));
  };
  settle();
  for (const block of blocks) {
    now += 300;
    settle();
    note(conductor.take({ kind: "final", block }, time()));
    settle();
  }
  for (let rest = 0; rest < 30; rest++) {
    now += lease;
    settle();
  }
  return asked;
}

/** What a participant keeps that is told these blocks without ever ending, and after how many of them. */
function keptOf({ provision }: ReturnType<typeof live>, blocks: readonly Block[]) {
  const conductor = conductorOf(provision, "ada", null);
  const now = { monotonic: 0, wall: 0 };
  conductor.handle({ kind: "boot" }, now);
  const kept = blocks.flatMap((block, index) =>
    conductor
      .take({ kind: "final", block }, now)
      .flatMap((order) =>
        order.kind === "keep" && order.what === "snapshot" ? [{ snapshot: order.bytes, after: index + 1 }] : [],
      ),
  );
  return { kept, ledger: conductor.ledger };
}

const seeds = fc.integer({ min: 0, max: 1_000_000 });

for (const [name, plan] of Object.entries({ actor, byKey, transaction })) {
  describe(`what is known of a saga (${name})`, () => {
    it("is the same for who starts at any moment from what it kept and 64 blocks, who never ended, and who reads all", () => {
      fc.assert(
        fc.property(seeds, (seed) => {
          const draw = seeded(seed);
          const world = live(plan, draw, 20 + draw.below(10));
          expect(world.underWay()).toEqual([0, 0, 0]);
          expect(world.members.flatMap(({ notices }) => notices)).toEqual([]);
          const { heard } = world.members[0]!;
          const { kept, ledger } = keptOf(world, heard);
          for (let cuts = 0; cuts < 3; cuts++) {
            const cut = draw.chance(0.5) || kept.length === 0 ? draw.below(heard.length + 1) : draw.one(kept).after;
            const snapshot = kept.filter(({ after }) => after <= cut).at(-1)?.snapshot ?? null;
            const resumed = conductorOf(world.provision, "ada", snapshot);
            const reader = conductorOf(world.provision, "ada", null);
            const at = 20_000_000;
            const now = { monotonic: at, wall: at };
            for (const block of tailOf(heard.slice(0, cut), snapshot === null ? heard.length : tail)) {
              expect(resumed.take({ kind: "final", block }, now)).toEqual([]);
            }
            for (const block of heard.slice(0, cut)) reader.take({ kind: "final", block }, now);
            // At times nothing more comes: then it is theirs to do all that is to be done.
            const follows = draw.chance(0.5) ? heard.slice(cut) : [];
            expect(drive(plan, resumed, follows, at)).toEqual(drive(plan, reader, follows, at));
            expect(describeLedger(resumed.ledger)).toEqual(describeLedger(reader.ledger));
            if (follows.length > 0) expect(describeLedger(resumed.ledger)).toEqual(describeLedger(ledger));
          }
        }),
        { numRuns: 3 },
      );
    });

    it("is known again at any moment to the last byte, with entries from the store or without", () => {
      fc.assert(
        fc.property(seeds, (seed) => {
          const draw = seeded(seed);
          const world = live(plan, draw, 25);
          const options = {
            crypto,
            avatar: avatarOf("ada"),
            provision: world.provision,
            lease,
            room: Number.POSITIVE_INFINITY,
            hasSource: () => true,
          };
          const runtime = createSagaRuntime(options);
          const stored = new Map<string, FinalEntry>();
          for (const entry of world.members[0]!.heard.flatMap(finalEntries)) {
            runtime.handle({ kind: "entry", entry, token: null }, { monotonic: 0, wall: 0 });
            stored.set(referenceKey([entry.group, entry.sequence]), entry);
            if (!draw.chance(0.2)) continue;
            const from = draw.chance(0.5) ? Number.POSITIVE_INFINITY : draw.below(40);
            const kept = encodeSnapshot(snapshotOf(runtime, () => from));
            const again = createSagaRuntime(options);
            expect(resume(again, decodeSnapshot(kept), new Map(), stored)).toEqual([]);
            expect(toHex(encodeSnapshot(snapshotOf(again, () => from)))).toBe(toHex(kept));
            expect(describeLedger(again.ledger)).toEqual(describeLedger(runtime.ledger));
          }
        }),
        { numRuns: 3 },
      );
    });
  });
}

describe("a snapshot", () => {
  const snapshots = fc
    .tuple(seeds, fc.constantFrom(actor, byKey, transaction))
    .map(([seed, plan]) => live(plan, seeded(seed), 40).members.flatMap(({ kept }) => kept.slice(-1))[0]!);

  it("gives the very bytes back", () => {
    fc.assert(
      fc.property(snapshots, (kept) => {
        expect(toHex(encodeSnapshot(decodeSnapshot(kept)))).toBe(toHex(kept));
      }),
      { numRuns: 2 },
    );
  });

  it("is refused where it is damaged, or means what it says", () => {
    fc.assert(
      fc.property(
        snapshots,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 100 }),
        (kept, damage) => {
          for (const [at, byte] of damage) {
            const damaged = kept.slice();
            damaged[at % kept.length] = byte;
            try {
              expect(toHex(encodeSnapshot(decodeSnapshot(damaged)))).toBe(toHex(damaged));
            } catch (error) {
              if (!(error instanceof VertebraError)) throw error;
              expect(error.code).toBe("saga-snapshot");
            }
          }
        },
      ),
      { numRuns: 2 },
    );
  });
});
