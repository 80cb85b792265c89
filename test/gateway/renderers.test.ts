import { afterEach, describe, expect, it, vi } from "vitest";
import { VertebraError } from "../../firmware/core/errors";
import { showSummary } from "../../gateway/cli/demo";
import { createLog, print, printJson, printJsonLine, printNotice, reportError, say } from "../../gateway/cli/output";
import { showPact } from "../../gateway/cli/pact";
import { showPushed } from "../../gateway/cli/push";
import { showRollout } from "../../gateway/cli/rollout";
import { showDiff } from "../../gateway/cli/rollout-diff";
import { showHistory } from "../../gateway/cli/rollout-history";
import { showRehearsed } from "../../gateway/cli/saga";
import { showSagas } from "../../gateway/cli/saga-list";
import { showReplay } from "../../gateway/cli/saga-replay";
import { showTold } from "../../gateway/cli/saga-show";
import { timelineLines } from "../../gateway/cli/saga-timeline";
import { showSaga } from "../../gateway/cli/saga-versions";
import { showStatus } from "../../gateway/cli/status";
import { entryLine } from "../../gateway/cli/tail";
import { showVerified } from "../../gateway/cli/verify";
import { showWaiting } from "../../gateway/cli/why";
import { showWorld } from "../../gateway/cli/world";
import { createBoardReport } from "../../gateway/demo/board-report";
import { createOrder } from "../../gateway/demo/order";
import { createThermostat } from "../../gateway/demo/thermostat";
import { renderMoment } from "../../gateway/demo/view";
import { filesIn, textOf } from "../house/sources";

/** What a member, a behavior or a board may have put into any text that is shown. */
const poisons = [
  "\u001b[2J\u001b[H",
  "\n       end  done: all is well",
  "\r",
  "\u009b2J",
  "\u007f",
  "\u202egnp",
  "\u2028",
  "\u0007",
  "\t",
];
const steering = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

const entry = {
  state: "final",
  pact: "note",
  group: "note",
  sequence: 3,
  issuer: "board-1",
  avatar: "aa",
  time: 5,
  entry: { text: "t" },
} as const;
const begun = { group: "order", sequence: 1, issuer: "gateway", time: 1_700_000_000_000, entry: { number: "1" } };
const waited = { entry: 5, turn: 6, run: 7, intent: 8, vain: null };
const outputs = [
  { kind: "entry", group: "note", entry: { text: "t" }, sequence: 4, reversed: false, comes: true },
  { kind: "operation", capability: "servo", operation: { degrees: "90" } },
] as const;
const state = {
  sequence: 2,
  stage: 0,
  behavior: "collect",
  undoes: false,
  status: "done",
  by: "board-1",
  time: 1_700_000_000_500,
};
const waits = { for: "turn", sentence: "board-1 runs it", block: "ab".repeat(32), deadline: 1_700_000_009_000 };
const told = {
  ...{
    id: "12".repeat(32),
    saga: "order",
    version: 1,
    status: "running",
    turned: null,
    error: "no stock",
    stages: ["collect"],
  },
  ...{ stateGroup: "order-states", begun, waits },
  states: [{ ...state, said: "it said", consumed: begun, waited, before: ["board-2"], outputs, state: { left: "x" } }],
  lost: [{ sequence: 4, behavior: "collect", status: "done", by: "board-2", time: 1, reason: "it came second" }],
};
const pact = {
  name: "note",
  version: 1,
  extends: null,
  fields: [],
  policy: { quorum: "all", ordered: true, writers: "owners" },
};
const id = new Uint8Array(32);
const known = { id, pact, fields: [{ name: "text", type: { kind: "enum", values: ["a", "b"] }, unit: "m", min: 0 }] };
const catalog = {
  ...{
    pacts: [known],
    groups: [{ name: "note", id, pact: known, owners: [id] }],
    members: [{ name: "gateway", avatar: id }],
  },
  memberName: () => "gateway\u001b[2J\n",
};
const verified = {
  ...{
    file: "f",
    final: true,
    pact: "note v1",
    quorum: "all",
    group: "ab",
    owners: ["cd"],
    block: "ef",
    issuer: "01",
    counter: 1,
  },
  ...{ position: 0, firstEntry: 0, count: 1, time: 0, certifiedBy: ["cd"], closedBy: ["cd"], entries: [{ text: "t" }] },
};
const refusal = { code: "c", message: "it is gone", remedy: "r" };
const carried = { upMs: 61_000, resumed: true, bytesIn: 2_048, bytesOut: 1, retransmissions: 0, roundTripMs: 1.5 };
const links = [
  { kind: "serial", address: "/dev/ttyUSB0", state: "closed", peer: null, error: refusal, upMs: null },
  { kind: "accepted", address: "tcp://10.0.0.2:1", state: "up", peer: "board-1", error: null, ...carried, queued: 9 },
];
const door = { address: "listen://0.0.0.0:0", port: 7, open: false, error: refusal, strangers: 1, turnedAway: 2 };
const status = {
  ...{
    world: "w",
    avatar: "a",
    highestFinalizableGeneration: 1,
    highestCertifiedGeneration: 2,
    attempt: 0,
    directory: "/d",
    links,
    doors: [door],
  },
  membership: { epoch: 1, expelled: ["board-1"] },
  groups: [{ name: "note", finalEntries: 1, finalBlocks: 1, pendingBlocks: 0, buffered: 0, observesUntil: 4 }],
};
const metablock = {
  view: "1.0",
  issuer: "gateway",
  missingToCertify: ["board-1"],
  children: [{ view: "2.0", missingToClose: ["board-1"] }],
};
const waiting = { state: "waiting", sentence: "it waits for board-1", metablocks: [metablock] };
const board = { ...createBoardReport("board-1"), engine: "XS", crypto: "sodium" };
const order = { ...createOrder(), blocks: 1, entries: 1 };
const moment = {
  ...{
    world: "w",
    directory: "/tmp/w",
    seconds: 1,
    generation: 1,
    attempt: 0,
    throughput: 1,
    thermostat: createThermostat(),
  },
  ...{ boards: [board], groups: [{ name: "note", order }], footer: "Ctrl-C ends" },
  last: [{ where: "note/1", issuer: "board-1", content: "text t" }],
};
const latencyMs = { median: 1, p99: 2 };
const summary = {
  ...{ ok: false, failures: ["board-1: it is not final"], seconds: 1, world: "w", gateway: { crypto: "node" } },
  boards: [
    {
      name: "board-1",
      engine: "XS",
      crypto: "sodium",
      pushed: 1,
      sealed: 1,
      finalized: 1,
      perFinalEntry: {},
      latencyMs,
    },
  ],
  thermostat: { readings: 1, operated: 1, expired: 0, latencyMs, pulled: null },
  ...{ groups: [{ name: "note", blocks: 1, entries: 1 }], totals: {}, generations: {} },
};
const rehearsed = {
  ...{ finals: 1, computation: [], replayed: 1 },
  moments: [
    { at: 1, kind: "entry", pact: "note", entry: { text: "t" }, produced: true },
    { at: 2, kind: "state", stage: "collect", status: "done", error: "e", state: "s" },
    { at: 3, kind: "operation", capability: "servo", operation: "90", outcome: "done" },
    { at: 4, kind: "log", stage: "collect", text: "it said" },
  ],
};
const world = { catalog, directory: "/tmp/w", tag: "t", boards: [{ name: "board-1", provisionFile: "/tmp/w/p" }] };
const saga = {
  name: "order",
  version: 1,
  stages: ["collect"],
  running: 1,
  done: 0,
  failed: 0,
  cancelled: 0,
  standsStill: true,
};
const versions = {
  ...{ saga: "watch", undeployed: null },
  versions: [
    { version: 1, definition: 12, size: 64_000, stands: "deployed", open: null, rings: null, all: true },
    { version: 2, definition: 1_345, size: 900, stands: "rolling out", open: 1, rings: 3, all: false },
  ],
  members: [{ name: "board-12", begins: 2, ran: 1, told: { version: 2, state: "installed" } }],
};
const rollout = {
  ...{ rollout: 7, saga: "watch", version: 2, state: "paused", open: 1, cells: 2 },
  rings: [{ size: 4, good: 1, failed: 1, minSuccess: 95 }],
  members: [
    { name: "board-12", cell: 2, ring: 1, state: "failed", runs: 12, failures: 3, reason: "no such room ".repeat(9) },
  ],
};
const history = {
  ...{ rollout: 7, saga: "watch", version: 2, state: "taken back", why: "2 failed, and 1 may" },
  steps: [{ definition: 1_345, time: 1_700_000_000_000, by: "gateway", what: "opened", open: 2 }],
  failed: [{ name: "board-12", reason: "no such room" }],
};
const compared = [{ sequence: 0, behavior: "collect", status: "done", by: "board-1", agrees: false, gave: "other" }];
const trouble = { code: "c", message: "it failed", remedy: "Do this" };
const asError = ({ code, message, remedy }: typeof trouble) => new VertebraError(code, message, remedy);

// biome-ignore lint/suspicious/noExplicitAny: each sample is what its renderer takes, poisoned.
const renderers: readonly (readonly [string, unknown, (sample: any) => void])[] = [
  ["tail", entry, (each) => print(entryLine(each))],
  ["tail --json", entry, printJson],
  ["status", status, showStatus],
  ["why", waiting, showWaiting],
  ["push", { state: "waiting", group: "note", sentence: "it waits" }, showPushed],
  ["push, final", { state: "final", group: "note", block: "ab", counter: 1, sequence: 1 }, showPushed],
  ["pact list", known, (each) => showPact(catalog as never, each)],
  ["world show", world, showWorld],
  ["verify", verified, (each) => showVerified(each, { owner: [] })],
  ["saga list", { sagas: [saga], invocations: [told] }, showSagas],
  ["saga show", told, showTold],
  ["saga timeline", told, (each) => print(timelineLines(each).flatMap((line) => [line, " | "]))],
  ["saga replay", compared, (each) => showReplay(each, each)],
  ["saga test", rehearsed, (each) => showRehearsed(saga as never, each, ["wrong"], true)],
  ["saga versions", versions, showSaga],
  ["rollout status", rollout, showRollout],
  ["rollout history", history, showHistory],
  ["rollout diff", { saga: "w", from: 1, to: 2, parts: ["reach: a is b"], source: ["@@", "-a", "+b"] }, showDiff],
  ["demo", summary, showSummary],
  ["demo, live", moment, (each) => print(renderMoment(each).flatMap((line) => [line, " | "]))],
  ["board run", "final note/1", print],
  ["board run --json", '{"event":"x"}', printJsonLine],
  ["what a board complains of", "it failed", say],
  ["a notice", trouble, (each) => printNotice(asError(each), false)],
  ["a notice as JSON", trouble, (each) => printNotice(asError(each), true)],
];

/** The same with a poison in each text but those that tell a program what it is. */
function poisoned(value: unknown, poison: string): unknown {
  if (typeof value === "string") return `${value}${poison}`;
  if (Array.isArray(value)) return value.map((each) => poisoned(each, poison));
  if (value === null || typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, name === "kind" ? each : poisoned(each, poison)]),
  );
}

let output = "";
function outputOf(shows: () => void): string {
  output = "";
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, "write").mockImplementation((text) => {
      output += text;
      return true;
    });
  }
  try {
    shows();
    return output;
  } finally {
    vi.restoreAllMocks();
  }
}
afterEach(() => vi.restoreAllMocks());

describe("what a command shows of others", () => {
  for (const [name, sample, show] of renderers) {
    it(`steers no terminal and forges no line, whatever they wrote: ${name}`, () => {
      const clean = outputOf(() => show(sample)).split("\n");
      expect(clean.join("").length).toBeGreaterThan(0);
      for (const poison of poisons) {
        const lines = outputOf(() => show(poisoned(sample, poison))).split("\n");
        expect(lines).toHaveLength(clean.length);
        expect(lines.filter((line) => steering.test(line))).toEqual([]);
      }
    });
  }

  it("fits 80 columns where it is a table of versions or of a rollout", () => {
    const shown = outputOf(() => {
      showSaga(versions as never);
      showRollout(rollout as never);
      showHistory(history as never);
    }).split("\n");
    expect(shown.length).toBeGreaterThan(10);
    expect(shown.filter((line) => line.length > 80)).toEqual([]);
  });

  it("is shown with its last words, an error of another's text among them, each line of it beneath the first", () => {
    const error = new VertebraError("c", "It failed:\u001b[2J\nall is well", "Do this");
    expect(outputOf(() => reportError(error, false))).toBe(
      "vertebra: It failed:\\u001b[2J\n  all is well.\n  Do this.\n",
    );
    expect(outputOf(() => reportError(error, true)).trim()).not.toMatch(steering);
  });
});

describe("what is printed without end", () => {
  it("waits for its reader: a line is printed when there is room for the next", async () => {
    const write = vi.spyOn(process.stdout, "write").mockReturnValue(false);
    let printed = false;
    const printing = Promise.all([print("one"), printJson({ two: 2 })]).then(() => {
      printed = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(printed).toBe(false);
    write.mockReturnValue(true);
    process.stdout.emit("drain");
    await printing;
    await print("three");
    expect(write.mock.calls.map(([text]) => text)).toEqual(["one\n", '{"two":2}\n', "three\n"]);
  });

  it("leaves lines out where it waits for no reader, and counts them", () => {
    const written: string[] = [];
    vi.spyOn(process.stdout, "write").mockImplementation((text) => written.push(`${text}`) > 0);
    const waiting = vi.spyOn(process.stdout, "writableLength", "get").mockReturnValue(2 ** 21);
    const log = createLog(true);
    for (const event of ["final", "final", "final"]) log({ event });
    expect(written).toEqual([]);
    waiting.mockReturnValue(0);
    log({ event: "up" });
    expect(written).toEqual(['{"event":"unread","lines":3}\n', '{"event":"up"}\n']);
  });
});

describe("the way to a terminal", () => {
  it("is one: no other file of the gateway writes to the standard output or error", () => {
    const writers = filesIn("gateway").filter((file) =>
      /process\.(stdout|stderr)\.write|console\.(log|error|warn|info)|\.pipe\(process\.std|stdio: "inherit"|"inherit"\]/.test(
        textOf(file),
      ),
    );
    expect(writers).toEqual(["gateway/cli/output.ts"]);
  });
});
