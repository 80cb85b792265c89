import { describe, expect, it } from "vitest";
import { toHex } from "../../firmware/core/wire/bytes";
import { encodeText } from "../../firmware/core/wire/text";
import { openQuarantine, type Quarantine } from "../../firmware/device/quarantine";
import { openJournal } from "../../firmware/store/journal";
import { noWear } from "../store/all-records";
import { createFormer, writeFormer } from "../store/former";
import { createNor } from "../store/nor";

const behavior = (index: number) => new Uint8Array(32).fill(index);
const names = ({ behaviors }: Quarantine) => [...behaviors.keys()].map((hex) => Number.parseInt(hex.slice(0, 2), 16));

/** A board that can be started again: with the status that ended it, or without where power was lost. */
function board() {
  const { flash } = createNor(16, 4_096);
  return (reset?: number) => openQuarantine(openJournal(flash, new Uint8Array(32), noWear), reset);
}

describe("the quarantine of a board", () => {
  it("is for the behavior that ran when the machine ended at a limit, and says why", () => {
    const start = board();
    const first = start();
    first.begin(behavior(1));
    first.end(behavior(1));
    first.begin(behavior(2));
    expect(start(75).behaviors).toEqual(new Map([[toHex(behavior(2)), "it reached its limit of computation"]]));
    expect(names(start())).toEqual([2]);
  });

  it("is kept from a store of before, whose keys were the behaviors' hashes", () => {
    const before = createNor(16, 4_096, 0);
    const key = `quarantine/${toHex(behavior(3))}`;
    const former = createFormer(before.flash, new Uint8Array(32));
    writeFormer(former, new Map([[key, encodeText("it ended")]]), new Set());
    const { bytes, flash, restore } = createNor(16, 4_096);
    bytes.set(before.bytes);
    restore();
    const start = () => openQuarantine(openJournal(flash, new Uint8Array(32), noWear), undefined);
    for (let times = 0; times < 2; times++) {
      expect(start().behaviors).toEqual(new Map([[toHex(behavior(3)), "it ended"]]));
    }
  });

  it("is for nobody where the machine ended while none ran", () => {
    const start = board();
    const first = start();
    first.begin(behavior(1));
    first.end(behavior(1));
    expect(names(start(71))).toEqual([]);
  });

  it("is not for one that a loss of power cut, but for one that was cut twice in a row", () => {
    const start = board();
    start().begin(behavior(1));
    const second = start();
    expect(names(second)).toEqual([]);
    second.begin(behavior(1));
    second.end(behavior(1));
    start().begin(behavior(1));
    start().begin(behavior(1));
    expect([...start().behaviors.values()]).toEqual(["the machine ended twice in a row while it ran"]);
  });

  it("does not blame one that power cut long ago for what another did", () => {
    const start = board();
    start().begin(behavior(1));
    start().begin(behavior(2));
    expect(names(start(72))).toEqual([2]);
  });

  it("remembers the last 32", () => {
    const start = board();
    for (let index = 0; index < 40; index++) {
      start().begin(behavior(index));
      start(75);
    }
    expect(names(start())).toEqual(Array.from({ length: 32 }, (_, index) => index + 8));
  });
});
