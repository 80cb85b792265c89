import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encode } from "../../firmware/core/wire/cbor";
import { encodeFrame, kinds } from "../../firmware/link/frames";
import { nodeRandom } from "../../gateway/participant/platform";
import { createWorld, plainWorld, type World } from "../../gateway/world/world";
import { freePort } from "./free-port";
import { crypto, encodedReading, gatewayOf, pulled, type TestGateway, worldOfBoard } from "./worlds";

const patience = { timeout: 20_000 };

let parent: string;
const opened: TestGateway[] = [];
const closing: (() => void)[] = [];
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "vertebra-tcp-"));
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()));
  for (const close of closing.splice(0)) close();
  rmSync(parent, { recursive: true });
});

async function start(world: World, ...links: string[]): Promise<TestGateway> {
  const gateway = await gatewayOf(world, links, true);
  opened.push(gateway);
  return gateway;
}

async function stop(gateway: TestGateway): Promise<void> {
  opened.splice(opened.indexOf(gateway), 1);
  await gateway.close();
}

/** A world, and its two members: the second is a gateway with what a board was provisioned with. */
function twoMembers(name = "world"): [World, World] {
  const world = createWorld(crypto, nodeRandom(), join(parent, name), plainWorld(1));
  return [world, worldOfBoard(world, "board-1", join(parent, `${name}-2`))];
}

function push(gateway: TestGateway, load: number) {
  const group = gateway.world.catalog.group("machine");
  return gateway.channel.push(group, encodedReading(group, load));
}

const loads = async (gateway: TestGateway) => (await pulled(gateway, "machine")).map(({ entry }) => entry?.load);

describe("two gateways of a world over TCP", () => {
  it("agree on what each of them pushes, in one order", async () => {
    const [one, other] = twoMembers();
    const port = await freePort();
    const left = await start(one, `listen://127.0.0.1:${port}`);
    const right = await start(other, `tcp://127.0.0.1:${port}`);
    const pushes = await Promise.all([push(left, 1), push(right, 2), push(left, 3), push(right, 4)]);
    const sequences = await Promise.all(pushes.map((pushed) => pushed.final));
    expect([...sequences].sort()).toEqual([0, 1, 2, 3]);
    await expect.poll(() => loads(right), patience).toHaveLength(4);
    expect(await loads(left)).toEqual(await loads(right));
    expect(left.told).toEqual(["board-1 up"]);
    expect([...left.notices, ...right.notices]).toEqual([]);
  });

  it("meet and go on whatever pieces the network makes of what they say", { timeout: 60_000 }, async () => {
    const [one, other] = twoMembers();
    const port = await freePort();
    let sizes = [1];
    const inPieces = (bytes: Buffer) => {
      const pieces: Buffer[] = [];
      for (let at = 0; at < bytes.length; ) {
        const size = sizes[pieces.length % sizes.length]!;
        pieces.push(bytes.subarray(at, at + size));
        at += size;
      }
      return pieces;
    };
    const wire = await throughWire(port, inPieces);
    const left = await start(one, `listen://127.0.0.1:${port}`);
    const right = await start(other, `tcp://127.0.0.1:${wire.port}`);
    let load = 0;
    const pieces = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(pieces, async (drawn) => {
        sizes = drawn;
        wire.cut();
        const pushes = await Promise.all([push(left, load++), push(right, load++)]);
        await Promise.all(pushes.map(({ final }) => final));
      }),
      { numRuns: 10, examples: [[[1]], [[3, 1, 200]]] },
    );
    expect([...(await loads(left))].sort((a, b) => Number(a) - Number(b))).toEqual([...Array(load).keys()]);
    expect(left.status().links).toMatchObject([{ resumed: true, stats: { handshakes: 1, framesDamaged: 0 } }]);
  });

  it("go on where they stopped when the connection is cut between them", async () => {
    const [one, other] = twoMembers();
    const port = await freePort();
    const wire = await throughWire(port);
    const left = await start(one, `listen://127.0.0.1:${port}`);
    const right = await start(other, `tcp://127.0.0.1:${wire.port}`);
    await (await push(right, 1)).final;
    wire.cut();
    await expect.poll(() => left.told, patience).toEqual(["board-1 up", "board-1 link-closed", "board-1 up"]);
    await (await push(right, 2)).final;
    await expect.poll(() => loads(left), patience).toEqual([1, 2]);
    for (const gateway of [left, right]) {
      const [link] = gateway.status().links;
      expect(link).toMatchObject({ resumed: true, stats: { handshakes: 1, resumed: 1 } });
    }
    expect([...left.notices, ...right.notices]).toEqual([]);
  });

  it("take up a session whose old connection still seems to stand at the one that listens", async () => {
    const [one, other] = twoMembers();
    const port = await freePort();
    const wire = await throughWire(port);
    const left = await start(one, `listen://127.0.0.1:${port}`);
    const right = await start(other, `tcp://127.0.0.1:${wire.port}`);
    await (await push(right, 1)).final;
    wire.cutOneSide();
    await (await push(right, 2)).final;
    await expect.poll(() => loads(left), patience).toEqual([1, 2]);
    const { links, doors } = left.status();
    expect(links).toMatchObject([{ kind: "accepted", stats: { handshakes: 1, resumed: 1 } }]);
    expect(doors).toMatchObject([{ strangers: 0, turnedAway: 0 }]);
  });

  it("notice a connection on which nothing comes through any more, and go on over another", {
    timeout: 60_000,
  }, async () => {
    const [one, other] = twoMembers();
    const port = await freePort();
    const wire = await throughWire(port);
    const left = await start(one, `listen://127.0.0.1:${port}`);
    const right = await start(other, `tcp://127.0.0.1:${wire.port}`);
    await (await push(right, 1)).final;
    wire.freeze();
    await (await push(right, 2)).final;
    await expect.poll(() => loads(left), patience).toEqual([1, 2]);
    expect(right.told).toEqual(["gateway up", "gateway link-silent", "gateway up"]);
    for (const { links } of [left.status(), right.status()]) expect(links).toMatchObject([{ stats: { resumed: 1 } }]);
  });

  it("lose nothing and double nothing where either is ended and begun again under load, 50 times", {
    timeout: 120_000,
  }, async () => {
    const [one, other] = twoMembers();
    const port = await freePort();
    const begin = {
      left: () => start(one, `listen://127.0.0.1:${port}`),
      right: () => start(other, `tcp://127.0.0.1:${port}`),
    };
    const now = { left: await begin.left(), right: await begin.right() };
    const sealed = new Set<number>();
    const pushed: Promise<unknown>[] = [];
    let load = 0;
    const pushTo = (gateway: TestGateway) => {
      const value = load++;
      const done = push(gateway, value).then((entry) => {
        sealed.add(value);
        return entry;
      });
      pushed.push(done.catch(() => {}));
      return done;
    };
    for (let round = 0; round < 50; round++) {
      const side = round % 2 === 0 ? "left" : "right";
      const both = [pushTo(now.left), pushTo(now.right)];
      // Ended amid a handshake, amid what follows on it, and while all is quiet.
      if (round % 5 === 0) await Promise.all(both.map(async (each) => (await each).final));
      else await new Promise((resolve) => setTimeout(resolve, 40 * (round % 5)));
      await stop(now[side]);
      now[side] = await begin[side]();
    }
    const last = await Promise.all([pushTo(now.left), pushTo(now.right)]);
    await Promise.all(last.map(({ final }) => final));
    await Promise.all(pushed);
    const missing = (found: unknown[]) => [...sealed].filter((value) => !found.includes(value));
    await expect.poll(async () => missing(await loads(now.left)), patience).toEqual([]);
    // What was under way where one ended may become final yet.
    const rows = () => Promise.all([loads(now.left), loads(now.right)]);
    const alike = async () => new Set((await rows()).map((row) => row.join())).size === 1;
    await expect.poll(alike, patience).toBe(true);
    const found = await loads(now.left);
    expect(new Set(found).size).toBe(found.length);
  });

  it("are one neighbour to each other over two links, and go on by the one that is left", async () => {
    const [one, other] = twoMembers();
    const [first, second] = [await freePort(), await freePort()];
    const wire = await throughWire(first);
    const left = await start(one, `listen://127.0.0.1:${first}`, `tcp://127.0.0.1:${second}`);
    const right = await start(other, `listen://127.0.0.1:${second}`, `tcp://127.0.0.1:${wire.port}`);
    const standing = (gateway: TestGateway) => gateway.status().links.filter(({ avatar }) => avatar).length;
    await expect.poll(() => [standing(left), standing(right)], patience).toEqual([2, 2]);
    await (await push(left, 1)).final;
    wire.close();
    await expect.poll(() => [standing(left), standing(right)], patience).toEqual([1, 1]);
    expect(left.told).toEqual(["board-1 up", "board-1 up", "board-1 link-closed"]);
    await Promise.all((await Promise.all([push(left, 2), push(right, 3)])).map(({ final }) => final));
    await expect.poll(async () => [...(await loads(left))].sort(), patience).toEqual([1, 2, 3]);
    await expect.poll(() => loads(right), patience).toEqual(await loads(left));
  });
});

describe("a gateway that dials", () => {
  const failing = async (other: World, place: string) => {
    const gateway = await start(other, `tcp://${place}`);
    await expect.poll(() => gateway.notices, patience).toHaveLength(1);
    return gateway.notices[0];
  };

  it("says once that nobody listens, and is there as soon as somebody does", async () => {
    const [one, other] = twoMembers();
    const port = await freePort();
    const right = await start(other, `tcp://127.0.0.1:${port}`);
    await expect.poll(() => right.notices, patience).toEqual(["connect-refused"]);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await start(one, `listen://127.0.0.1:${port}`);
    await expect.poll(() => right.told, patience).toEqual(["gateway up"]);
    expect(right.notices).toEqual(["connect-refused"]);
  });

  it("says that a host has no address", async () => {
    expect(await failing(twoMembers()[1], "no-such-host.invalid:7000")).toBe("connect-host");
  });

  it("says where it dialed itself", async () => {
    const port = await freePort();
    const [one] = twoMembers();
    const gateway = await start(one, `listen://127.0.0.1:${port}`, `tcp://127.0.0.1:${port}`);
    await expect.poll(() => gateway.notices, patience).toEqual(["connect-self"]);
    expect(gateway.told).toEqual([]);
  });

  it("says that the other is of another world, as that one does", async () => {
    const port = await freePort();
    const left = await start(twoMembers("one")[0], `listen://127.0.0.1:${port}`);
    expect(await failing(twoMembers("other")[1], `127.0.0.1:${port}`)).toBe("link-other-world");
    expect(left.notices).toEqual(["link-other-world"]);
    expect(left.told).toEqual([]);
  });

  it.each([
    ["says nothing", () => {}, "connect-silent"],
    ["is a web server", (socket: Socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"), "connect-ended"],
    ["speaks a later version", (socket: Socket) => socket.write(laterPreamble()), "link-version"],
  ] as const)("says what is wrong with who is there and %s", { timeout: 40_000 }, async (_, answers, code) => {
    const server = createServer(answers);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    expect(await failing(twoMembers()[1], `127.0.0.1:${port}`)).toBe(code);
    server.close();
  });
});

describe("a gateway that listens", () => {
  it("says that its port is in use, and listens as soon as it is free", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const left = await start(twoMembers()[0], `listen://127.0.0.1:${port}`);
    await expect.poll(() => left.notices, patience).toEqual(["listen-in-use"]);
    server.close();
    await expect.poll(() => left.status().doors[0]!.open, patience).toBe(true);
  });

  it("lets each member in four times, and no fifth time, and nothing flaps", async () => {
    const [one, other] = twoMembers();
    const port = await freePort();
    const left = await start(one, `listen://0.0.0.0:${port}`);
    const right = await start(other, ...[1, 2, 3, 4, 5, 6].map((host) => `tcp://127.0.0.${host}:${port}`));
    await expect.poll(() => left.notices, patience).toEqual(["listen-full"]);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(left.told).toEqual(Array(4).fill("board-1 up"));
    expect(right.told).toEqual(Array(4).fill("gateway up"));
    expect(right.notices).toEqual(["connect-ended", "connect-ended"]);
    expect(left.status().links).toHaveLength(4);
  });

  it("says that an address is none of this machine", async () => {
    const left = await start(twoMembers()[0], "listen://192.0.2.7:7000");
    await expect.poll(() => left.notices, patience).toEqual(["listen-host"]);
  });
});

const laterPreamble = () => encodeFrame(kinds.preamble, encode([2, new Uint8Array(16), new Uint8Array(8)]));

/** Connections to `port` through a wire that can be cut, at both ends or at that of who dialed alone; and freeze, so that they only seem to stand. */
async function throughWire(port: number, cutInto: (bytes: Buffer) => Buffer[] = (bytes) => [bytes]) {
  /** In order, each piece in a turn of its own. */
  const pass = (bytes: Buffer, to: Socket) => {
    const before = passed.get(to) ?? Promise.resolve();
    passed.set(
      to,
      cutInto(bytes).reduce(async (last, piece) => {
        await last;
        if (to.writable) to.write(piece);
        await new Promise(setImmediate);
      }, before),
    );
  };
  const passed = new Map<Socket, Promise<void>>();
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const [from, to] of [pair, [far, near]] as const) {
      from.on("data", (bytes) => pass(bytes, to));
      from.on("error", () => {});
      from.on("close", () => held.has(to) || to.destroy());
    }
  });
  const held = new Set<Socket>();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => {
    for (const each of [...pairs].flat()) each.destroy();
    pairs.clear();
  };
  const close = () => {
    server.close();
    cut();
  };
  closing.push(close);
  return {
    port: (server.address() as { port: number }).port,
    cut,
    freeze() {
      for (const each of [...pairs].flat()) each.pause();
      pairs.clear();
    },
    cutOneSide() {
      for (const [near, far] of pairs) {
        held.add(far);
        near.destroy();
      }
    },
    close,
  };
}
