import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createPledges } from "../../gateway/participant/pledges";
import { openedStore } from "./stores";

const owner = new Uint8Array(32).fill(7);
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "vertebra-store-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const nothing: ReadonlySet<string> = new Set();
const put = (...keys: string[]) => new Map(keys.map((key) => [key, new TextEncoder().encode(key)] as const));

describe("the gateway's store", () => {
  it("gives back what was written, after it was closed and opened again", async () => {
    const before = await openedStore(directory, owner);
    await before.write(put("claim/1", "lock/1"), nothing);
    await before.write(put("claim/2"), new Set(["claim/1"]));
    await before.close();
    const store = await openedStore(directory, owner);
    expect([...store.records()].map(([key]) => key).sort()).toEqual(["claim/2", "lock/1"]);
    expect(await store.read("claim/2")).toEqual(new TextEncoder().encode("claim/2"));
    expect(await store.read("claim/1")).toBeUndefined();
    await store.close();
  });

  it("keeps a record that one write both deletes and puts", async () => {
    const store = await openedStore(directory, owner);
    await store.write(put("claim/1"), new Set(["claim/1"]));
    expect(await store.read("claim/1")).toBeDefined();
    await store.close();
  });

  it("forgets pieces of what was deployed when it is told to, those of others stay", async () => {
    const before = await openedStore(directory, owner);
    await before.write(put("content/w/aa", "content/w/bb", "claim/1"), nothing);
    await before.write(put("claim/2"), new Set(["content/w/aa", "content/w/cc", "claim/1"]));
    await before.close();
    const store = await openedStore(directory, owner);
    const there = async (key: string) => (await store.read(key)) !== undefined;
    const keys = ["content/w/aa", "content/w/bb", "claim/1", "claim/2"];
    expect(await Promise.all(keys.map(there))).toEqual([false, true, false, true]);
    await store.close();
  });

  it("keeps what was written for what is to be defined, though another has no use for it any more", () => {
    const { keep, deletable } = createPledges();
    const [one, other] = [keep(["a", "b"]), keep(["b", "c"])];
    const left = () => [...deletable(new Set(["a", "b", "c", "d"]))].join("");
    expect(left()).toBe("d");
    one();
    expect(left()).toBe("ad");
    other();
    expect(left()).toBe("abcd");
  });

  it("gives plain byte arrays, whose slices are copies on every engine", async () => {
    const store = await openedStore(directory, owner);
    await store.write(put("epoch"), nothing);
    expect((await store.read("epoch"))?.constructor).toBe(Uint8Array);
    await store.close();
  });

  it("refuses the store of another participant and says what to do", async () => {
    await (await openedStore(directory, owner)).close();
    await expect(openedStore(directory, new Uint8Array(32))).rejects.toMatchObject({
      code: "store-foreign",
      remedy: expect.stringContaining("a store of its own"),
    });
    await (await openedStore(directory, owner)).close();
  });

  it("refuses to open while another process has it open", async () => {
    const script = `
      const { ClassicLevel } = require("classic-level");
      const level = new ClassicLevel(process.argv[1]);
      level.open().then(() => process.send("open"));
      setInterval(() => level.status, 1000);
    `;
    const child = fork("-e", [script, join(directory, "history")], { execArgv: [] });
    await new Promise((resolve) => child.once("message", resolve));
    await expect(openedStore(directory, owner)).rejects.toMatchObject({ code: "store-busy" });
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));
    await (await openedStore(directory, owner)).close();
  });

  it("refuses a directory that can't be made, with the reason", async () => {
    await expect(openedStore("/proc/vertebra", owner)).rejects.toMatchObject({
      code: "system-enoent",
      message: expect.stringContaining("/proc/vertebra"),
    });
  });
});
