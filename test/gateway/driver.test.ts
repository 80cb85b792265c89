import { describe, expect, it } from "vitest";
import type { Action, Event } from "../../firmware/core/events";
import { type Outcome, startDriver } from "../../gateway/participant/driver";

const clock = { now: () => ({ monotonic: performance.now(), wall: Date.now() }) };
const put = (key: string): Action => ({ kind: "write", puts: new Map([[key, Uint8Array.of(1)]]), deletes: new Set() });
const remove = (key: string): Action => ({ kind: "write", puts: new Map(), deletes: new Set([key]) });
const send = (peer: number): Action => ({ kind: "send", peer, bytes: Uint8Array.of(peer) });
const message = (peer: number): Event => ({ kind: "message", peer, bytes: new Uint8Array(0) });

/** A driver over a store that becomes durable when the test says so, and what happened in order. */
function rig(answer: (event: Event) => Action[]) {
  const story: string[] = [];
  const writes: { resolve(): void; reject(error: Error): void }[] = [];
  const failures: unknown[] = [];
  const driver = startDriver({
    participant: {
      handle(event) {
        story.push(event.kind === "message" ? `event ${event.peer}` : event.kind);
        return answer(event);
      },
    },
    store: {
      write(puts, deletes) {
        story.push(`write ${[...puts.keys()].join()}${[...deletes].map((key) => ` -${key}`).join("")}`);
        return new Promise((resolve, reject) => writes.push({ resolve, reject }));
      },
      read: async (key) => (key === "there" ? Uint8Array.of(7) : undefined),
    },
    clock,
    perform: (outcome: Outcome) => story.push(outcome.kind === "send" ? `send ${outcome.peer}` : outcome.kind),
    failed: (error) => failures.push(error),
  });
  return { driver, story, writes, failures, turn: () => new Promise((resolve) => setImmediate(resolve)) };
}

describe("the driver", () => {
  it("sends nothing before the writes of the same answer are durable", async () => {
    const { driver, story, writes, turn } = rig(() => [put("claim"), send(1)]);
    const done = driver.handle(message(1));
    await turn();
    expect(story).toEqual(["event 1", "write claim"]);
    writes[0]!.resolve();
    await done;
    expect(story).toEqual(["event 1", "write claim", "send 1"]);
  });

  it("lets events that came together share one write, and sends in the order of the events", async () => {
    const { driver, story, writes, turn } = rig((event) =>
      event.kind === "message" ? [put(`claim ${event.peer}`), send(event.peer)] : [],
    );
    const done = Promise.all([1, 2, 3].map((peer) => driver.handle(message(peer))));
    await turn();
    writes[0]!.resolve();
    await done;
    expect(story.slice(3)).toEqual(["write claim 1,claim 2,claim 3", "send 1", "send 2", "send 3"]);
  });

  it("gives what came while a write was under way its own write afterwards", async () => {
    const { driver, story, writes, turn } = rig((event) =>
      event.kind === "message" ? [put(`claim ${event.peer}`), send(event.peer)] : [],
    );
    const first = driver.handle(message(1));
    await turn();
    const second = driver.handle(message(2));
    await turn();
    expect(story).toEqual(["event 1", "write claim 1"]);
    writes[0]!.resolve();
    await first;
    await turn();
    writes[1]!.resolve();
    await second;
    expect(story).toEqual(["event 1", "write claim 1", "send 1", "event 2", "write claim 2", "send 2"]);
  });

  it("lets the later of two events decide about a record", async () => {
    const answers = [[put("a"), put("b")], [remove("a")], [put("a")], [remove("b")]];
    const { driver, story, writes, turn } = rig(() => answers.shift() ?? []);
    const done = Promise.all([1, 2, 3, 4].map((peer) => driver.handle(message(peer))));
    await turn();
    writes[0]!.resolve();
    await done;
    expect(story).toContain("write a -b");
  });

  it("answers a read with the record, or with nothing where there is none", async () => {
    const records: unknown[] = [];
    const { driver, turn } = rig((event) => {
      if (event.kind === "record") records.push([event.request, event.value]);
      if (event.kind !== "boot") return [];
      return [
        { kind: "read", key: "there", request: 1 },
        { kind: "read", key: "gone", request: 2 },
      ];
    });
    await driver.handle({ kind: "boot" });
    await turn();
    expect(records).toEqual([
      [1, Uint8Array.of(7)],
      [2, undefined],
    ]);
  });

  it("wakes the participant at the time of its last wish", async () => {
    const { driver, story } = rig((event) =>
      event.kind === "boot"
        ? [
            { kind: "wake", at: clock.now().monotonic + 60_000 },
            { kind: "wake", at: clock.now().monotonic + 5 },
          ]
        : [],
    );
    await driver.handle({ kind: "boot" });
    await expect.poll(() => story).toEqual(["boot", "alarm"]);
  });

  it("sends nothing when the store fails, tells everyone who waits, and takes nothing more", async () => {
    const { driver, story, writes, failures, turn } = rig(() => [put("claim"), send(1)]);
    const first = driver.handle(message(1));
    await turn();
    const second = driver.handle(message(2));
    writes[0]!.reject(new Error("disk full"));
    await expect(first).rejects.toThrow("disk full");
    await expect(second).rejects.toThrow("disk full");
    await expect(driver.handle(message(3))).rejects.toThrow("disk full");
    expect(failures).toHaveLength(1);
    expect(story).toEqual(["event 1", "write claim"]);
  });

  it("finishes what it was given when it is stopped, and then neither takes events nor wakes", async () => {
    const { driver, story, writes, turn } = rig(() => [
      put("claim"),
      send(1),
      { kind: "wake", at: clock.now().monotonic + 1 },
    ]);
    const done = driver.handle(message(1));
    await turn();
    const stopped = driver.stop();
    writes[0]!.resolve();
    await done;
    await stopped;
    await expect(driver.handle(message(2))).rejects.toThrow("has stopped");
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(story).toEqual(["event 1", "write claim", "send 1"]);
  });
});
