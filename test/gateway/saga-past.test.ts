import { describe, expect, it } from "vitest";
import { withId } from "../../firmware/core/pact/produced";
import { finalEntries } from "../../firmware/core/saga/conductor";
import type { FinalEntry } from "../../firmware/core/saga/entries";
import { createLedger, takeEntry } from "../../firmware/core/saga/ledger";
import { toHex } from "../../firmware/core/wire/bytes";
import { type PastBlock, pastOf } from "../../gateway/saga/past";
import { createSagaWorld, done, type SagaWorld } from "../saga/world";

/** Orders that were all shipped, more than a ledger holds at once. */
function shippedOrders(count: number): SagaWorld {
  const world = createSagaWorld({
    members: ["ada"],
    pacts: ["order", "payment"],
    stages: [
      { behavior: "sell", consumes: "order", produces: ["payment"] },
      { behavior: "ship", consumes: "payment" },
    ],
    behaviors: {
      sell: (run) => done(null, ["payment", run.entry!.values[0] as number, 1]),
      ship: () => done(null),
    },
  });
  for (let number = 0; number < count; number++) {
    world.push("order", number, 1);
    world.run(world.now + 200);
  }
  return world;
}

async function* blocksOf(world: SagaWorld, group: Uint8Array): AsyncGenerator<PastBlock> {
  for (const { sequence, issuer, entry, id } of world.logs.get(toHex(group))!.entries) {
    const block = { group, issuer, firstEntry: sequence, count: 1, entries: [withId({ entry, id })], repeats: [] };
    yield { ...block, time: 0 };
  }
}

/** What a fresh ledger notices while it reads these entries, and how many invocations are under way at the end. */
function readBy(world: SagaWorld, entries: readonly FinalEntry[]) {
  const ledger = createLedger(world.member("ada").runtime.ledger.definitions, 32, Number.POSITIVE_INFINITY);
  const changes = entries.flatMap((entry) => takeEntry(ledger, entry, 0).changes);
  const underWay = [...ledger.books.values()].reduce((sum, { invocations }) => sum + invocations.size, 0);
  const notices = changes.flatMap((change) => (change.kind === "notice" ? [change.error.code] : []));
  return { underWay, notices, accepted: changes.filter(({ kind }) => kind === "accepted").length };
}

describe("the past of a saga, read again", () => {
  it("has at any time no more under way than there was, however long it is", async () => {
    const world = shippedOrders(1_100);
    const { definitions } = world.member("ada").runtime.ledger;
    const ordered: FinalEntry[] = [];
    const groups = [...definitions.groups.keys()];
    for await (const block of pastOf(definitions, groups, (group) => blocksOf(world, group)))
      ordered.push(...finalEntries(block));
    expect(ordered).toHaveLength(world.finals());
    expect(readBy(world, ordered)).toEqual({ underWay: 0, notices: [], accepted: 2_200 });
    const groupByGroup = [...world.logs.values()].flatMap(({ entries }) => entries);
    expect(readBy(world, groupByGroup).notices).toContain("saga-full");
  });
});
