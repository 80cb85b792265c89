import { createSagaWorld, done, failed, stateIn } from "../../saga/world";

/** What becomes of two orders of a saga of two stages, of which the second order's can't be shipped: three participants, one after the other gone. */
export function firstSaga(): string[] {
  const world = createSagaWorld({
    pacts: ["order", "request", "shipped"],
    stages: [
      { behavior: "take", consumes: "order", produces: ["request"] },
      { behavior: "ship", consumes: "request", produces: ["shipped"] },
    ],
    behaviors: {
      take: ({ entry }) => done({ taken: entry!.values[1] }, ["request", entry!.values[0] as number, 1]),
      ship: (run) =>
        run.entry!.values[0] === 8
          ? failed("no such place")
          : done({ ...(stateIn(run) as object), shipped: true }, ["shipped", run.entry!.values[0] as number, 2]),
    },
  });
  world.push("order", 7, 3);
  world.run(5_000);
  world.crash("ada");
  world.push("order", 8, 4);
  world.run(60_000);
  world.start("ada");
  world.crash("bea");
  world.run(90_000);
  const states = world.states().map(({ stage, status, error }) => `${stage} ${status} ${error}`.trim());
  return [...states, `shipped ${world.amounts("shipped")}`, `under way ${world.underWay("ada")}`];
}
