import { describe, expect, it } from "vitest";
import { ample } from "../../firmware/core/bounds";
import { avatarSeed } from "../../firmware/core/identity/avatar";
import { createParticipant } from "../../firmware/core/participant";
import { decodeState } from "../../firmware/core/saga/state";
import { fromHex, toHex } from "../../firmware/core/wire/bytes";
import { decodeText, encodeText } from "../../firmware/core/wire/text";
import { createDriver, drive } from "../../firmware/device/driver";
import { packingFor, promisesOf } from "../../firmware/device/keeping";
import { finalBlocks, openSagas } from "../../firmware/device/sagas";
import type { Sandbox } from "../../firmware/device/sandbox";
import { openJournal, readRecord, writeRecords } from "../../firmware/store/journal";
import { cheapCrypto } from "../core/cheap-crypto";
import { noWear } from "../store/all-records";
import { createNor } from "../store/nor";
import { counting } from "./alone";
import { entryOf, provisionOf } from "./world";

/** A board alone in its world, with its journal in flash: of each group that has the last 64 blocks. */

const crypto = cheapCrypto();
const seed = new Uint8Array(32).fill(5);
const worldId = new Uint8Array(32).fill(6);
const avatar = crypto.signer(avatarSeed(crypto, seed, worldId)).publicKey;
const { names, pacts, groups, ...provided } = provisionOf(counting, [avatar]);
const sources = Object.keys(counting.behaviors).map((name) => encodeText(`${name}1`));
const world = { worldId, stewards: [], pacts, groups, readings: [], sagas: { ...provided, sources } };
const keyOf = (name: string) => [...names].find(([, each]) => each === name)![0];

/** Counts the invocations, as the plan's behaviors do. */
const sandbox: Sandbox = (request, _behavior, done) => {
  if (request.kind !== "run") return;
  const { pact, entry } = entryOf("answer", [1, 1]);
  const asks = request.source === "ask1";
  const state = asks ? request.state || "0" : String(Number(request.state) + 1);
  const outputs = asks ? [{ pact: toHex(pact), entry: toHex(entry) }] : [];
  done({ kind: "done", state, outputs, logs: [], computation: 0 });
};

function startBoard(nor: ReturnType<typeof createNor>, room = Number.POSITIVE_INFINITY) {
  const journal = openJournal(nor.flash, crypto.signer(seed).publicKey, noWear, packingFor(crypto, world));
  const records = promisesOf(journal);
  const participant = createParticipant({
    crypto,
    seed,
    worlds: [world],
    bounds: { ...ample, finalTail: 64 },
    records,
  });
  const { world: tag } = participant.avatars()[0]!;
  const notices: string[] = [];
  let now = 0;
  let wake = Number.POSITIVE_INFINITY;
  const clock = { now: () => ({ monotonic: now, wall: now }) };
  const driver = createDriver({
    ...{ participant, clock, send() {}, cut() {} },
    write: (puts, deletes) => writeRecords(journal, puts, deletes),
    read: (key) => readRecord(journal, key),
    deliver: (outcome) => sagas.take(outcome),
    wake: (at) => {
      wake = at;
    },
  });
  const sagas = openSagas({
    ...{
      crypto,
      clock,
      world,
      tag,
      avatar,
      journal,
      push: (event) => drive(driver, event),
      letGo: (stateGroup) => drive(driver, { kind: "let-go", world: tag, stateGroup }),
      published: new Map(),
      mostKept: 65_536,
      known: world,
      room,
    },
    notice: ({ message }) => void notices.push(message),
    openSandbox: () => sandbox,
    act() {},
    wake() {},
  })!;
  drive(driver, { kind: "boot" });
  sagas.handle({ kind: "boot" });
  return {
    ...{ journal, tag, notices },
    order() {
      const { entry } = entryOf("order", [1, 1]);
      const group = fromHex(keyOf("order"));
      drive(driver, { kind: "push", world: tag, group, entry, id: null, token: 1 });
      // Each entry is sealed when it has its age.
      for (let steps = 0; steps < 5; steps++) {
        now = Math.max(now, Math.min(wake, now + 10_000));
        drive(driver, { kind: "alarm" });
      }
    },
    lastState() {
      const states = finalBlocks(journal, tag, [keyOf("states")]);
      return decodeText(decodeState(states.at(-1)!.entries!.at(-1)!).state);
    },
  };
}

describe("a board", () => {
  it("goes on with its sagas from flash, which has of each group the last 64 blocks and what it kept", () => {
    const nor = createNor(256, 4096);
    const first = startBoard(nor);
    for (let each = 0; each < 68; each++) first.order();
    expect(first.lastState()).toBe("68");
    const blocks = finalBlocks(first.journal, first.tag, [keyOf("order")]);
    expect(blocks).toHaveLength(64);
    const second = startBoard(nor);
    second.order();
    expect(second.lastState()).toBe("69");
    expect([...first.notices, ...second.notices]).toEqual([]);
  });

  it("says so, and leaves the saga to others, where flash has not what it kept", () => {
    const nor = createNor(256, 4096);
    const first = startBoard(nor);
    for (let each = 0; each < 66; each++) first.order();
    writeRecords(first.journal, new Map(), new Set([`saga/${first.tag}`]));
    const second = startBoard(nor);
    expect(second.notices[0]).toContain("Saga 'saga' was not told entries 0 to ");
    second.order();
    expect(second.lastState()).toBe("66");
  });
});
