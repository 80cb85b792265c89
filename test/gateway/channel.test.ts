import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodedReading, gatewayOf, pulled, reading, worldOfOne } from "./worlds";

let parent: string;
let gateway: Awaited<ReturnType<typeof gatewayOf>>;
beforeEach(async () => {
  parent = mkdtempSync(join(tmpdir(), "vertebra-channel-"));
  gateway = await gatewayOf(worldOfOne(join(parent, "world")));
});
afterEach(async () => {
  await gateway.close();
  rmSync(parent, { recursive: true });
});

const machine = () => gateway.world.catalog.group("machine");
function push(load: number, signal?: AbortSignal) {
  return gateway.channel.push(machine(), encodedReading(machine(), load), signal);
}
const loads = (entries: Awaited<ReturnType<typeof pulled>>) => entries.map(({ entry }) => entry?.load);

describe("a push", () => {
  it("resolves when it is sealed, and tells its sequence when it is final", async () => {
    const first = await push(0.5);
    expect(first.counter).toBe(1);
    expect(await first.final).toBe(0);
    expect(await (await push(0.6)).final).toBe(1);
  });

  it("gives each of many entries in one block its own sequence", async () => {
    const together = await Promise.all([1, 2, 3, 4, 5].map((load) => push(load)));
    const sequences = await Promise.all(together.map((pushed) => pushed.final));
    expect(sequences).toEqual([0, 1, 2, 3, 4]);
    expect(loads(await pulled(gateway, "machine"))).toEqual([1, 2, 3, 4, 5]);
  });

  it("is refused by the field and the bound that it breaks", async () => {
    const bad = gateway.channel.push(machine(), Uint8Array.of(0x80));
    await expect(bad).rejects.toMatchObject({ code: expect.stringMatching(/^entry-/) });
    expect(await pulled(gateway, "machine")).toEqual([]);
  });

  it("is withdrawn when it is given up before it is sealed, and never final", async () => {
    const given = new AbortController();
    const waiting = push(1, given.signal);
    const others = [push(2), push(3, AbortSignal.abort()), push(4)];
    given.abort();
    await expect(waiting).rejects.toMatchObject({ code: "entry-withdrawn" });
    await expect(others[1]).rejects.toMatchObject({ code: "entry-withdrawn" });
    await Promise.all([others[0]!, others[2]!].map(async (each) => (await each).final));
    expect(loads(await pulled(gateway, "machine"))).toEqual([2, 4]);
  });

  it("is final when it was sealed before it is given up", async () => {
    const given = new AbortController();
    const pushed = await push(1, given.signal);
    given.abort();
    expect(await pushed.final).toBe(0);
    expect(loads(await pulled(gateway, "machine"))).toEqual([1]);
  });

  it("is rejected when the gateway ends before it is sealed", async () => {
    const waiting = push(1);
    const rejected = expect(waiting).rejects.toThrow();
    await gateway.close();
    await rejected;
  });
});

describe("a pull", () => {
  it("gives final entries in sequence with pact, group, issuer and time", async () => {
    await (await push(0.5)).final;
    const [entry] = await pulled(gateway, "machine");
    expect(entry).toMatchObject({ state: "final", pact: "machine", group: "machine", sequence: 0, issuer: "gateway" });
    expect(entry!.entry).toEqual(reading(0.5));
    expect(entry!.time).toBeGreaterThan(0);
  });

  it("resumes from any sequence, in the middle of a block too", async () => {
    await Promise.all([0, 1, 2].map((load) => push(load)));
    await (await push(3)).final;
    await Promise.all([4, 5].map((load) => push(load)));
    await (await push(6)).final;
    for (let from = 0; from <= 6; from++) {
      expect(loads(await pulled(gateway, "machine", from))).toEqual([0, 1, 2, 3, 4, 5, 6].slice(from));
    }
    expect(await pulled(gateway, "machine", 7)).toEqual([]);
  });

  it("goes on with what becomes final later, and ends when nobody wants more", async () => {
    const enough = new AbortController();
    const seen: unknown[] = [];
    const following = (async () => {
      const options = { pending: false, follow: true, signal: enough.signal };
      for await (const entry of gateway.channel.pull(machine(), 1, options)) seen.push(entry.sequence);
    })();
    for (const load of [0, 1, 2]) await (await push(load)).final;
    await expect.poll(() => seen).toEqual([1, 2]);
    enough.abort();
    await following;
  });

  it("finds everything again after a restart, and goes on where it was", async () => {
    await (await push(1)).final;
    const { world } = gateway;
    await gateway.close();
    gateway = await gatewayOf(world);
    expect(await (await push(2)).final).toBe(1);
    expect(loads(await pulled(gateway, "machine"))).toEqual([1, 2]);
  });
});
