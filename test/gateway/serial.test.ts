import { execFileSync } from "node:child_process";
import { lutimesSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openPort } from "../../gateway/avatars/port";
import { nodeRandom } from "../../gateway/participant/platform";
import { createWorld, plainWorld } from "../../gateway/world/world";
import { hostOrReason } from "../xs/host";
import { type NullModem, plugIn } from "./null-modem";
import { crypto, encodedReading, gatewayOf, pulled, worldOfBoard } from "./worlds";

const { path: host, reason } = await hostOrReason();
const patience = { timeout: 20_000 };

let parent: string;
const opened: { close(): Promise<void> }[] = [];
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "vertebra-serial-"));
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()));
  rmSync(parent, { recursive: true });
});

type TestGateway = Awaited<ReturnType<typeof gatewayOf>>;
async function start(...parameters: Parameters<typeof gatewayOf>): Promise<TestGateway> {
  const gateway = await gatewayOf(...parameters);
  opened.push(gateway);
  return gateway;
}

async function cable(baud?: number): Promise<NullModem> {
  const modem = await plugIn(host, parent, baud);
  opened.push({ close: () => modem.unplug() });
  return modem;
}

function push(gateway: TestGateway, load: number) {
  const group = gateway.world.catalog.group("machine");
  return gateway.channel.push(group, encodedReading(group, load));
}

const loads = async (gateway: TestGateway) => (await pulled(gateway, "machine")).map(({ entry }) => entry?.load);

describe.skipIf(reason)("two participants on a serial line", () => {
  it("agree on what each of them pushes, in one order", async () => {
    const { ends } = await cable();
    const world = createWorld(crypto, nodeRandom(), join(parent, "world"), plainWorld(1));
    const gateway = await start(world, [ends[0]]);
    const board = await start(worldOfBoard(world, "board-1", join(parent, "board")), [ends[1]]);
    const pushes = await Promise.all([push(gateway, 1), push(board, 2), push(gateway, 3), push(board, 4)]);
    const sequences = await Promise.all(pushes.map((pushed) => pushed.final));
    expect([...sequences].sort()).toEqual([0, 1, 2, 3]);
    await expect.poll(() => loads(board), patience).toHaveLength(4);
    expect(await loads(gateway)).toEqual(await loads(board));
    expect(gateway.told).toEqual(["board-1 up"]);
  });

  it("keep up at 9,600 baud, and say most of it once", { timeout: 60_000 }, async () => {
    const { ends } = await cable(9_600);
    const world = createWorld(crypto, nodeRandom(), join(parent, "world"), plainWorld(1));
    const gateway = await start(world, [ends[0]]);
    const board = await start(worldOfBoard(world, "board-1", join(parent, "board")), [ends[1]]);
    const pushes = [];
    for (let load = 0; load < 12; load++) {
      pushes.push(...(await Promise.all([push(gateway, load), push(board, load)])));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await Promise.all(pushes.map((pushed) => pushed.final));
    await expect.poll(() => loads(board), patience).toHaveLength(24);
    for (const { stats } of [...gateway.status().links, ...board.status().links].filter(({ avatar }) => avatar)) {
      expect(stats.bytesOut / 24).toBeLessThan(1_500);
    }
  });

  it("go on where they stopped when the cable was pulled and put back", async () => {
    const first = await cable();
    const world = createWorld(crypto, nodeRandom(), join(parent, "world"), plainWorld(1));
    const gateway = await start(world, [first.ends[0]]);
    const board = await start(worldOfBoard(world, "board-1", join(parent, "board")), [first.ends[1]]);
    await (await push(board, 1)).final;
    await expect.poll(() => loads(gateway), patience).toEqual([1]);
    await first.unplug();
    await expect.poll(() => gateway.told, patience).toEqual(["board-1 up", "board-1 link-closed"]);
    const sealed = await push(board, 2);
    expect(await loads(gateway)).toEqual([1]);
    await cable();
    expect(await sealed.final).toBe(1);
    await expect.poll(() => loads(gateway), patience).toEqual([1, 2]);
    const [link] = gateway.status().links;
    expect(link!.stats).toMatchObject({ handshakes: 1, resumed: 1 });
  });

  it("tell a peer of another world from one of theirs, and never connect", async () => {
    const { ends } = await cable();
    const one = createWorld(crypto, nodeRandom(), join(parent, "one"), plainWorld(1));
    const other = createWorld(crypto, nodeRandom(), join(parent, "other"), plainWorld(1));
    const gateway = await start(one, [ends[0]]);
    await start(worldOfBoard(other, "board-1", join(parent, "board")), [ends[1]]);
    await expect.poll(() => gateway.notices, patience).toContain("link-other-world");
    expect(gateway.told).toEqual([]);
  });
});

describe("a serial port", () => {
  const nobody = { received() {}, closed() {} };

  it("that isn't there is told, with where to look", async () => {
    await expect(openPort(join(parent, "ttyUSB9"), 115_200, nobody)).rejects.toMatchObject({
      code: "port-missing",
      message: expect.stringContaining("ttyUSB9"),
    });
  });

  it("that is no port at all is told", async () => {
    writeFileSync(join(parent, "file"), "");
    await expect(openPort(join(parent, "file"), 115_200, nobody)).rejects.toMatchObject({ code: "port-failed" });
  });

  it("keeps no gateway from starting when it is missing: that is told where it was named", async () => {
    const world = createWorld(crypto, nodeRandom(), join(parent, "world"), plainWorld(1));
    const gateway = await start(world, [join(parent, "ttyUSB9")], true);
    await expect.poll(() => gateway.notices).toEqual(["port-missing"]);
    await push(gateway, 1);
  });

  it.skipIf(reason)(
    "whose settings another program changed is told and set back, and the link goes on",
    { timeout: 60_000 },
    async () => {
      const { ends } = await cable();
      const world = createWorld(crypto, nodeRandom(), join(parent, "world"), plainWorld(1));
      const gateway = await start(world, [ends[0]]);
      const board = await start(worldOfBoard(world, "board-1", join(parent, "board")), [ends[1]]);
      await (await push(board, 1)).final;
      execFileSync("stty", ["-F", ends[0], "sane"]);
      const sealed = await push(board, 2);
      await expect.poll(() => gateway.notices, { timeout: 30_000 }).toContain("port-settings");
      expect(await sealed.final).toBe(1);
      await expect.poll(() => loads(gateway), patience).toEqual([1, 2]);
    },
  );

  it.skipIf(reason)(
    "whose name a killed board left behind is not mistaken for the terminal that got its number",
    async () => {
      const names = ["killed", "next"].map((name) => join(parent, name));
      for (const name of names) mkdirSync(name);
      const killed = await plugIn(host, names[0]!);
      await killed.unplug();
      const next = await plugIn(host, names[1]!);
      opened.push({ close: () => next.unplug() });
      // The kernel gives the lowest free number, so one of the two was given anew.
      for (const end of killed.ends) {
        await expect(openPort(end, 115_200, nobody)).rejects.toMatchObject({ code: "port-missing" });
      }
      await (await openPort(next.ends[0], 115_200, nobody)).close();
    },
  );

  it.skipIf(reason).each<[string, (path: string, other: string) => void]>([
    ["names another terminal", (path, other) => renameSync(other, path)],
    ["turns out to be left over", (path) => lutimesSync(path, 0, 0)],
  ])("whose name %s by the time that it is open is not taken for the one that was named", async (_, change) => {
    const { ends } = await cable();
    const opening = openPort(ends[0], 115_200, nobody);
    // In this time it is opened, and nobody can be told so yet.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    change(ends[0], ends[1]);
    await expect(opening).rejects.toMatchObject({ code: "port-missing" });
  });

  it.skipIf(reason)("that another program uses is told", async () => {
    const { ends } = await cable();
    const first = await openPort(ends[0], 115_200, nobody);
    await expect(openPort(ends[0], 115_200, nobody)).rejects.toMatchObject({ code: "port-busy" });
    await first.close();
    await (await openPort(ends[0], 115_200, nobody)).close();
  });
});
