import { describe, expect, it } from "vitest";
import { blocksPerSnapshot, bytesPerSnapshot, storedBlocks, storedBytes } from "../../firmware/core/saga/limits";
import {
  createTold,
  isSnapshotDue,
  noteSnapshot,
  noteStored,
  noteTold,
  storedFrom,
} from "../../firmware/core/saga/told";

describe("what a snapshot of sagas leaves to the store", () => {
  it("is the last blocks of a group, as many as a small store has for sure", () => {
    const told = createTold();
    for (let first = 0; first < 100; first++) noteStored(told, "small", first, 10);
    expect(storedFrom(told, "small")).toBe(100 - storedBlocks);
    for (let first = 0; first < 100; first++) noteStored(told, "large", first, storedBytes / 4);
    expect(storedFrom(told, "large")).toBe(96);
    noteStored(told, "huge", 7, storedBytes + 1);
    expect(storedFrom(told, "huge")).toBe(Number.POSITIVE_INFINITY);
    expect(storedFrom(told, "other")).toBe(Number.POSITIVE_INFINITY);
  });

  it("is made anew after so many blocks of a group, or so many bytes in all", () => {
    const told = createTold();
    for (let block = 1; block < blocksPerSnapshot; block++) {
      noteTold(told, "a", 10);
      noteTold(told, "b", 10);
    }
    expect(isSnapshotDue(told)).toBe(false);
    noteTold(told, "b", 10);
    expect(isSnapshotDue(told)).toBe(true);
    noteSnapshot(told);
    noteTold(told, "a", bytesPerSnapshot / 2);
    expect(isSnapshotDue(told)).toBe(false);
    noteTold(told, "b", bytesPerSnapshot / 2);
    expect(isSnapshotDue(told)).toBe(true);
  });
});
