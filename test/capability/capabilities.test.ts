import { describe, expect, it } from "vitest";
import {
  type CapabilityAction,
  type CapabilityEvent,
  createCapabilities,
  handleCapability,
} from "../../firmware/core/capability/capabilities";
import { allClosed, boardOf, operation, sample } from "./sample-board";

/** Capabilities in virtual time: what is set, in words, since it was last asked. */
function started(boot: Partial<Extract<CapabilityEvent, { kind: "boot" }>> = {}, heard = true) {
  const capabilities = createCapabilities(boardOf(sample));
  const values = new Map<string, unknown>();
  let actions: CapabilityAction[] = [];
  let now = 1000;
  const take = (event: CapabilityEvent) => {
    const taken = handleCapability(capabilities, event, now);
    for (const action of taken) if (action.kind === "set") values.set(action.capability, action.value);
    actions.push(...taken);
    return taken;
  };
  const bench = {
    values,
    take,
    hear: () => void take({ kind: "heard", at: now }),
    input: (name: string, closed: boolean) => take({ kind: "input", name, closed }),
    /** "done", or why not. */
    operate(capability: string, what: unknown, ...others: ReturnType<typeof operation>[]) {
      const taken = take({ kind: "operate", run: 7, operations: [operation(capability, what), ...others] });
      const outcome = taken.find((action) => action.kind === "outcome")!;
      return outcome.outcome === "done" ? "done" : outcome.error;
    },
    /** Lets time go by, with the alarms that were asked for. */
    wait(ms: number) {
      const end = now + ms;
      for (;;) {
        const due = actions.filter((action) => action.kind === "wake").at(-1)?.at;
        if (due === undefined || due > end) break;
        now = Math.max(now, due);
        actions = actions.filter((action) => action.kind !== "wake");
        take({ kind: "alarm" });
      }
      now = end;
    },
    /** "capability value why" of all that was set since. */
    told() {
      const words = actions.flatMap((action) =>
        action.kind === "told" ? [`${action.capability} ${action.value} ${action.why}`] : [],
      );
      actions = actions.filter((action) => action.kind !== "told");
      return words;
    },
  };
  take({ kind: "boot", stopped: false, closed: allClosed, ...boot });
  if (heard) bench.hear();
  bench.told();
  return bench;
}

describe("the capabilities of a board", () => {
  it("go to their safe states at a start, before anything else", () => {
    const actions = handleCapability(
      createCapabilities(boardOf(sample)),
      { kind: "boot", stopped: false, closed: allClosed },
      5,
    );
    expect(actions.filter(({ kind }) => kind === "set")).toEqual([
      { kind: "set", capability: "relay", value: false },
      { kind: "set", capability: "lamp", value: false },
      { kind: "set", capability: "fan", value: 0.1 },
      { kind: "set", capability: "arm", value: 90 },
      { kind: "set", capability: "drive", value: 0 },
    ]);
    expect(actions.slice(5)).toHaveLength(5);
    expect(actions[5]).toEqual({ kind: "told", capability: "relay", value: false, why: "boot" });
  });

  it("are set by an operation, told, and its outcome is done", () => {
    const bench = started();
    const operations = [operation("lamp", { on: true }), operation("arm", { degrees: 45.5 })];
    expect(bench.take({ kind: "operate", run: 3, operations })).toEqual([
      { kind: "set", capability: "lamp", value: true },
      { kind: "set", capability: "arm", value: 45.5 },
      { kind: "told", capability: "lamp", value: true, why: "operated" },
      { kind: "told", capability: "arm", value: 45.5, why: "operated" },
      { kind: "outcome", run: 3, outcome: "done", error: "" },
    ]);
  });

  it("do nothing of what was asked for where one operation of it is refused", () => {
    const bench = started();
    const operations = [operation("lamp", { on: true }), operation("arm", { degrees: 171 })];
    expect(bench.take({ kind: "operate", run: 4, operations })).toEqual([
      {
        ...{ kind: "outcome", run: 4, outcome: "refused" },
        error: "an operation of capability 'arm' has 171 for 'degrees', above its most of 170",
      },
    ]);
  });

  it("are found by their name, or by their interface where it is the only one", () => {
    const bench = started();
    expect(bench.operate("servo", { degrees: 20 })).toBe("done");
    expect(bench.values.get("arm")).toBe(20);
    expect(bench.operate("laser", { on: true })).toBe('this board has no capability "laser"');
    expect(bench.operate("celsius", { on: true })).toBe("capability 'celsius' is read, not operated");
    expect(bench.operate("analog", {})).toBe("capability 'analog' is read, not operated");
    const second = { name: "leg", interface: "servo", pin: 20, safe: 0 };
    const capabilities = createCapabilities(boardOf({ ...sample, capabilities: [...sample.capabilities, second] }));
    handleCapability(capabilities, { kind: "boot", stopped: false, closed: allClosed }, 0);
    const operations = [operation("servo", { degrees: 20 })];
    expect(handleCapability(capabilities, { kind: "operate", run: 1, operations }, 1)).toMatchObject([
      { outcome: "refused", error: "'servo' is arm, leg on this board" },
    ]);
  });

  it("are operated by nobody before the start", () => {
    const operations = [operation("lamp", { on: true })];
    expect(
      handleCapability(createCapabilities(boardOf(sample)), { kind: "operate", run: 1, operations }, 0),
    ).toMatchObject([{ kind: "outcome", outcome: "refused" }]);
  });
});

describe("a lease", () => {
  it("holds so long, and then the capability is safe", () => {
    const bench = started();
    expect(bench.operate("relay", { on: true })).toBe("done");
    bench.wait(4999);
    expect(bench.told()).toEqual(["relay true operated"]);
    bench.wait(1);
    expect(bench.told()).toEqual(["relay false lease"]);
    bench.wait(60_000);
    expect(bench.told()).toEqual([]);
  });

  it("is renewed by operating again", () => {
    const bench = started();
    for (let turn = 0; turn < 4; turn++) {
      bench.hear();
      bench.operate("drive", { speed: 0.5 });
      bench.wait(900);
    }
    expect(bench.values.get("drive")).toBe(0.5);
    bench.wait(100);
    expect(bench.values.get("drive")).toBe(0);
  });

  it("is lost at its time even where the alarm comes late", () => {
    const capabilities = createCapabilities(boardOf(sample));
    handleCapability(capabilities, { kind: "boot", stopped: false, closed: allClosed }, 0);
    handleCapability(capabilities, { kind: "operate", run: 1, operations: [operation("drive", { speed: 1 })] }, 0);
    const operations = [operation("lamp", { on: true })];
    expect(handleCapability(capabilities, { kind: "operate", run: 2, operations }, 3000).slice(0, 2)).toEqual([
      { kind: "set", capability: "drive", value: 0 },
      { kind: "set", capability: "lamp", value: true },
    ]);
  });

  it("is for ever where the board says none", () => {
    const bench = started();
    bench.operate("lamp", { on: true });
    bench.wait(1e9);
    expect(bench.values.get("lamp")).toBe(true);
  });

  it("asks for no alarm where the capability was set to its safe state", () => {
    const bench = started();
    const taken = bench.take({ kind: "operate", run: 1, operations: [operation("relay", { on: false })] });
    expect(taken.some(({ kind }) => kind === "wake")).toBe(false);
  });
});

describe("a link that is silent beyond the limit", () => {
  it("makes a capability safe", () => {
    const bench = started();
    bench.operate("fan", { duty: 0.5 });
    bench.wait(2999);
    expect(bench.values.get("fan")).toBe(0.5);
    bench.wait(1);
    expect(bench.told()).toEqual(["fan 0.5 operated", "fan 0.1 silence"]);
  });

  it("is not silent while another is heard", () => {
    const bench = started();
    bench.operate("fan", { duty: 0.5 });
    for (let turn = 0; turn < 10; turn++) {
      bench.wait(2000);
      bench.hear();
    }
    expect(bench.told()).toEqual(["fan 0.5 operated"]);
  });

  it("keeps it safe until it is operated anew", () => {
    const bench = started();
    bench.operate("fan", { duty: 0.5 });
    bench.wait(5000);
    expect(bench.operate("fan", { duty: 0.5 })).toBe(
      "capability 'fan' stays safe: nothing was heard on the link for 3000 ms",
    );
    bench.hear();
    bench.wait(1000);
    expect(bench.values.get("fan")).toBe(0.1);
    expect(bench.operate("fan", { duty: 0.6 })).toBe("done");
    expect(bench.values.get("fan")).toBe(0.6);
  });

  it("was so although it is told late, with what was heard after it", () => {
    const capabilities = createCapabilities(boardOf(sample));
    handleCapability(capabilities, { kind: "boot", stopped: false, closed: allClosed }, 0);
    handleCapability(capabilities, { kind: "heard", at: 0 }, 0);
    handleCapability(capabilities, { kind: "operate", run: 1, operations: [operation("fan", { duty: 0.5 })] }, 0);
    expect(handleCapability(capabilities, { kind: "heard", at: 3500 }, 4000)[0]).toEqual({
      ...{ kind: "set", capability: "fan", value: 0.1 },
    });
  });

  it("is silent before anything was heard at all", () => {
    const bench = started({}, false);
    expect(bench.operate("fan", { duty: 0.5 })).toMatch(/stays safe/);
    expect(bench.operate("lamp", { on: true })).toBe("done");
  });

  it("is all the same to a capability that names no limit", () => {
    const bench = started();
    bench.operate("lamp", { on: true });
    bench.wait(1e9);
    expect(bench.operate("arm", { degrees: 12 })).toBe("done");
  });

  it("does not count a word from the future", () => {
    const bench = started({}, false);
    bench.take({ kind: "heard", at: 1e9 });
    bench.operate("fan", { duty: 0.5 });
    bench.wait(3000);
    expect(bench.values.get("fan")).toBe(0.1);
  });
});

describe("an interlock", () => {
  it("makes safe what it bars, and nothing else, when it opens", () => {
    const bench = started();
    bench.operate("arm", { degrees: 30 }, operation("drive", { speed: 1 }), operation("lamp", { on: true }));
    bench.told();
    bench.input("rail", false);
    expect(bench.told()).toEqual(["drive 0 interlock"]);
    bench.input("lid", false);
    expect(bench.told()).toEqual(["arm 90 interlock", "drive 0 interlock"]);
    expect(bench.values.get("lamp")).toBe(true);
  });

  it("refuses operations while it is open, and lets nothing move when it closes", () => {
    const bench = started();
    bench.input("lid", false);
    bench.told();
    expect(bench.operate("arm", { degrees: 30 })).toBe("capability 'arm' is barred: 'lid' is open");
    bench.input("lid", true);
    expect(bench.told()).toEqual([]);
    expect(bench.operate("arm", { degrees: 30 })).toBe("done");
  });

  it("is open until it is said to be closed", () => {
    const bench = started({ closed: ["emergency"] });
    expect(bench.operate("arm", { degrees: 30 })).toMatch(/'lid' is open/);
  });
});

describe("an emergency stop", () => {
  it("makes all safe at once, and sets also what is thought to be safe", () => {
    const bench = started();
    bench.operate("lamp", { on: true });
    const taken = bench.take({ kind: "stop" });
    expect(taken.slice(0, 6)).toEqual([
      { kind: "set", capability: "relay", value: false },
      { kind: "set", capability: "lamp", value: false },
      { kind: "set", capability: "fan", value: 0.1 },
      { kind: "set", capability: "arm", value: 90 },
      { kind: "set", capability: "drive", value: 0 },
      { kind: "keep", stopped: true },
    ]);
  });

  it("refuses operations until someone resumes, and then nothing moves by itself", () => {
    const bench = started();
    bench.operate("lamp", { on: true });
    bench.take({ kind: "stop" });
    expect(bench.operate("lamp", { on: true })).toBe("capability 'lamp' is stopped by an emergency stop");
    expect(bench.take({ kind: "resume" })).toEqual([{ kind: "keep", stopped: false }]);
    expect(bench.values.get("lamp")).toBe(false);
    expect(bench.operate("lamp", { on: true })).toBe("done");
  });

  it("is given by an input that stops, and not lifted by its closing", () => {
    const bench = started();
    bench.operate("lamp", { on: true });
    expect(bench.input("emergency", false).map(({ kind }) => kind)).toContain("keep");
    expect(bench.values.get("lamp")).toBe(false);
    expect(bench.take({ kind: "resume" })).toMatchObject([{ kind: "notice", error: { code: "capability-stopped" } }]);
    bench.input("emergency", true);
    expect(bench.operate("lamp", { on: true })).toMatch(/stopped/);
    bench.take({ kind: "resume" });
    expect(bench.operate("lamp", { on: true })).toBe("done");
  });

  it("outlives a restart, as it was kept", () => {
    const bench = started({ stopped: true });
    expect(bench.operate("lamp", { on: true })).toMatch(/stopped/);
    bench.take({ kind: "resume" });
    expect(bench.operate("lamp", { on: true })).toBe("done");
  });

  it("is there from a start on where its input is open, or its wire broken", () => {
    const capabilities = createCapabilities(boardOf(sample));
    const actions = handleCapability(capabilities, { kind: "boot", stopped: false, closed: ["lid", "rail"] }, 0);
    expect(actions.find(({ kind }) => kind === "keep")).toEqual({ kind: "keep", stopped: true });
    const operations = [operation("lamp", { on: true })];
    expect(handleCapability(capabilities, { kind: "operate", run: 1, operations }, 1)).toMatchObject([
      { outcome: "refused" },
    ]);
  });
});

describe("a restart", () => {
  it("leaves nothing as it was operated before", () => {
    const bench = started();
    bench.operate("lamp", { on: true }, operation("relay", { on: true }));
    const again = started();
    again.wait(60_000);
    expect([again.values.get("lamp"), again.values.get("relay")]).toEqual([false, false]);
    expect(again.told()).toEqual([]);
  });
});
