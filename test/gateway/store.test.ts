import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openStore } from "../../gateway/participant/store";

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
    const before = await openStore(directory, owner);
    await before.write(put("claim/1", "lock/1"), nothing);
    await before.write(put("claim/2"), new Set(["claim/1"]));
    await before.close();
    const store = await openStore(directory, owner);
    expect((await store.records()).map(([key]) => key)).toEqual(["claim/2", "lock/1"]);
    expect(await store.read("claim/2")).toEqual(new TextEncoder().encode("claim/2"));
    expect(await store.read("claim/1")).toBeUndefined();
    await store.close();
  });

  it("keeps a record that one write both deletes and puts", async () => {
    const store = await openStore(directory, owner);
    await store.write(put("claim/1"), new Set(["claim/1"]));
    expect(await store.read("claim/1")).toBeDefined();
    await store.close();
  });

  it("leaves the final blocks out of the records of a boot, and ranges over them in order", async () => {
    const store = await openStore(directory, owner);
    await store.write(
      put("final/w/g/000000000010", "final/w/g/000000000009", "final/w/h/0", "epoch", "generation"),
      nothing,
    );
    expect((await store.records()).map(([key]) => key)).toEqual(["epoch", "generation"]);
    const keys: string[] = [];
    for await (const [key] of store.range("final/w/g/", "final/w/g0")) keys.push(key);
    expect(keys).toEqual(["final/w/g/000000000009", "final/w/g/000000000010"]);
    await store.close();
  });

  it("gives plain byte arrays, whose slices are copies on every engine", async () => {
    const store = await openStore(directory, owner);
    await store.write(put("epoch"), nothing);
    expect((await store.read("epoch"))?.constructor).toBe(Uint8Array);
    await store.close();
  });

  it("refuses the store of another participant and says what to do", async () => {
    await (await openStore(directory, owner)).close();
    await expect(openStore(directory, new Uint8Array(32))).rejects.toMatchObject({
      code: "store-foreign",
      remedy: expect.stringContaining("world directory"),
    });
    await (await openStore(directory, owner)).close();
  });

  it("refuses to open while another process has it open", async () => {
    const script = `
      const { ClassicLevel } = require("classic-level");
      const level = new ClassicLevel(process.argv[1]);
      level.open().then(() => process.send("open"));
      setInterval(() => level.status, 1000);
    `;
    const child = fork("-e", [script, directory], { execArgv: [] });
    await new Promise((resolve) => child.once("message", resolve));
    await expect(openStore(directory, owner)).rejects.toMatchObject({ code: "store-busy" });
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));
    await (await openStore(directory, owner)).close();
  });

  it("refuses a directory that can't be made, with the reason", async () => {
    await expect(openStore("/proc/vertebra", owner)).rejects.toMatchObject({
      code: "store-failed",
      message: expect.stringMatching(/ENOENT|EACCES|EPERM/),
    });
  });
});
