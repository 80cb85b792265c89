import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fromHex } from "../../firmware/core/wire/bytes";
import { encodeFrame, kinds } from "../../firmware/link/frames";
import { createPreamble } from "../../firmware/link/preamble";
import { encodeResume1 } from "../../firmware/link/resumption";
import { createStrangers, whence } from "../../gateway/avatars/strangers";
import { nodeRandom } from "../../gateway/participant/platform";
import { createWorld, plainWorld, type World } from "../../gateway/world/world";
import { crypto, encodedReading, gatewayOf, type TestGateway, worldOfBoard } from "./worlds";

const random = nodeRandom();
const patience = { timeout: 20_000 };

describe("those who are connected and have not proved to be members", () => {
  const from = (address: string, dropped: string[]) => ({ from: address, drop: () => dropped.push(address) });

  it("are bounded in number, and a flood from one address displaces itself", () => {
    const dropped: string[] = [];
    const strangers = createStrangers();
    strangers.add(from("member", dropped));
    for (let count = 0; count < 1_000; count++) strangers.add(from("flood", dropped));
    expect(strangers.count).toBe(65);
    expect(new Set(dropped)).toEqual(new Set(["flood"]));
  });

  it("are bounded in number where the flood has many addresses, and who came last stays", () => {
    const dropped: string[] = [];
    const strangers = createStrangers();
    for (let count = 0; count < 10_000; count++) strangers.add(from(`flood ${count % 400}`, dropped));
    strangers.add(from("member", dropped));
    expect(strangers.count).toBe(256);
    expect(dropped).not.toContain("member");
  });

  it("come from a network where their address is an IPv6 one", () => {
    expect(whence("fd00:1:2:3:4:5:6:7")).toBe(whence("fd00:1:2:3::9"));
    expect(whence("fd00:1:2:3::9")).not.toBe(whence("fd00:1:2:4::9"));
    expect(whence("fd00::9")).toBe("fd00:0:0:0");
    expect(whence("::1")).toBe("0:0:0:0");
    expect(whence("::ffff:10.0.0.7")).toBe("10.0.0.7");
    expect(whence("10.0.0.7")).toBe("10.0.0.7");
  });
});

describe("a gateway that listens, among strangers", () => {
  let parent: string;
  let world: World;
  let left: TestGateway;
  let port: number;
  const opened: TestGateway[] = [];
  const sockets = new Set<Socket>();

  beforeEach(async () => {
    parent = mkdtempSync(join(tmpdir(), "vertebra-strangers-"));
    world = createWorld(crypto, random, join(parent, "world"), plainWorld(1));
    left = await gatewayOf(world, ["listen://127.0.0.1:0"]);
    opened.push(left);
    await expect.poll(() => left.status().doors[0]!.open).toBe(true);
    port = left.status().doors[0]!.port;
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await Promise.all(opened.splice(0).map((each) => each.close()));
    rmSync(parent, { recursive: true });
  });

  function dial(...says: readonly Uint8Array[]): Promise<Socket> {
    return new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => {
        for (const bytes of says) socket.write(bytes);
        resolve(socket);
      });
      sockets.add(socket);
      socket.on("data", () => {});
      socket.on("error", () => {});
      socket.once("close", () => {
        sockets.delete(socket);
        resolve(socket);
      });
    });
  }

  async function member(): Promise<TestGateway> {
    const right = await gatewayOf(worldOfBoard(world, "board-1", join(parent, "board")), [`tcp://127.0.0.1:${port}`]);
    opened.push(right);
    return right;
  }

  const ended = (socket: Socket) => expect.poll(() => socket.closed, patience).toBe(true);
  const preamble = () => encodeFrame(kinds.preamble, createPreamble(random, fromHex(world.tag), 0, true));

  it("says nothing to who says nothing, and ends it in time", { timeout: 20_000 }, async () => {
    const socket = await dial();
    await ended(socket);
    expect(socket.bytesRead).toBe(0);
    expect(left.status().doors).toMatchObject([{ strangers: 0, turnedAway: 1 }]);
  });

  it.each<[string, () => Uint8Array[]]>([
    ["a damaged frame", () => [Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7, 0)]],
    ["more than a handshake takes", () => [new Uint8Array(5_000).fill(0x41)]],
    ["the preamble of another world", () => [encodeFrame(kinds.preamble, createPreamble(random, random.bytes(16), 0))]],
    [
      "what a handshake is not",
      () => [preamble(), ...Array.from({ length: 12 }, () => encodeFrame(kinds.message1, random.bytes(48)))],
    ],
  ])("ends it at once with who says %s", async (_, says) => {
    const socket = await dial(...says());
    await expect.poll(() => socket.closed, { timeout: 2_000 }).toBe(true);
    expect(left.told).toEqual([]);
  });

  it("ends with who asks for a session that there is not", async () => {
    const socket = await dial(encodeFrame(kinds.resume1, encodeResume1(random.bytes(8), random.bytes(16))), preamble());
    await ended(socket);
    expect(left.told).toEqual([]);
  });

  it("takes the bytes of anyone, cut anywhere", async () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc
        .constantFrom(kinds.preamble, kinds.message1, kinds.message3, kinds.resume1, kinds.resume3, kinds.record)
        .chain((kind) => fc.uint8Array({ maxLength: 100 }).map((payload) => encodeFrame(kind, payload))),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 6 }), async (says) => {
        const socket = await dial(...says);
        socket.end();
        await expect.poll(() => socket.closed, patience).toBe(true);
      }),
      { numRuns: 60 },
    );
    expect(left.told).toEqual([]);
    await expect.poll(() => left.status().doors[0]!.strangers).toBe(0);
  });

  it("lets a member in while it is flooded, and keeps what it holds within bounds", { timeout: 60_000 }, async () => {
    const before = process.memoryUsage().heapUsed;
    let flooding = true;
    let dialed = 0;
    let most = 0;
    const kindsOfFlood = [
      () => [],
      () => [random.bytes(200)],
      () => [new Uint8Array(3_000).fill(0x42)],
      () => [preamble(), encodeFrame(kinds.message1, random.bytes(48))],
    ];
    const flood = async () => {
      while (flooding) {
        await dial(...kindsOfFlood[dialed++ % kindsOfFlood.length]!());
        most = Math.max(most, left.status().doors[0]!.strangers);
      }
    };
    const floods = Array.from({ length: 20 }, flood);
    await expect.poll(() => dialed, patience).toBeGreaterThan(500);
    const since = Date.now();
    const right = await member();
    await expect.poll(() => left.told, patience).toContain("board-1 up");
    const took = Date.now() - since;
    const group = world.catalog.group("machine");
    await (await right.channel.push(group, encodedReading(group, 1))).final;
    await sleep(1_000);
    flooding = false;
    await Promise.all(floods);
    expect(took).toBeLessThan(10_000);
    expect(dialed).toBeGreaterThan(1_000);
    expect(most).toBeLessThanOrEqual(64);
    expect(left.told).toEqual(["board-1 up"]);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(100 << 20);
    if (process.env.MEASURE) console.log({ took, dialed, most });
  });
});
