import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Definition } from "../../firmware/core/definitions/definition";
import { VertebraError } from "../../firmware/core/errors";
import { isExpelled } from "../../firmware/core/identity/membership";
import { decodeProvision } from "../../firmware/core/identity/provision";
import { toHex } from "../../firmware/core/wire/bytes";
import { addBoard, addGroup, define } from "../../gateway/channels/defining";
import { expelMember, expulsionOf } from "../../gateway/channels/expelling";
import { nodeRandom } from "../../gateway/participant/platform";
import { boardOf, createWorld, openWorld, plainWorld, readDefinition } from "../../gateway/world/world";
import { crypto, pulled, startedGateways, type TestGateway } from "./worlds";

let parent: string;
let directory: string;
const { start: started, stop, stopAll } = startedGateways();
const never = () => new AbortController().signal;
const board = new TextDecoder().decode(readDefinition("linux"));

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "vertebra-expelling-"));
  directory = join(parent, "world");
  createWorld(crypto, nodeRandom(), directory, plainWorld(3));
});
afterEach(async () => {
  await stopAll();
  rmSync(parent, { recursive: true });
});

const start = () => started(openWorld(crypto, directory));
const expel = (gateway: TestGateway, name: string, dry = false) => expelMember(gateway, { name, dry }, never());
const membershipOf = (gateway: TestGateway) => gateway.participant.membership(gateway.world.tag);

describe("expelling a board", () => {
  it("is refused where it is of nobody, of itself, or was done, and then defines nothing", async () => {
    const gateway = await start();
    await expect(expel(gateway, "board-9")).rejects.toMatchObject({ code: "member-unknown" });
    await expect(expel(gateway, "gateway")).rejects.toMatchObject({ code: "expel-self" });
    expect((await expel(gateway, "board-1", true)).defined.map(({ sequence }) => sequence)).toEqual([null, null]);
    expect(await pulled(gateway, "definitions")).toEqual([]);
    await expel(gateway, "board-1");
    await expect(expel(gateway, "board-1")).rejects.toMatchObject({ code: "member-expelled" });
    await expect(expel(gateway, "board-1", true)).rejects.toMatchObject({ code: "member-expelled" });
    expect((await pulled(gateway, "definitions")).map(({ entry }) => entry)).toMatchObject([
      { kind: "epoch", members: expect.arrayContaining(["gateway", "board-2", "board-3"]) },
      { kind: "expel", member: "board-1", epoch: 1 },
    ]);
  });

  it("leaves it no part in what is defined later", async () => {
    const gateway = await start();
    await expel(gateway, "board-1");
    const asked = { name: "pair", pact: "machine", owners: ["gateway", "board-1"], readings: [], dry: true };
    await expect(addGroup(gateway, asked, never())).rejects.toMatchObject({ code: "member-expelled" });
    await expect(addBoard(gateway, { name: "board-1", board, labels: [], dry: true }, never())).rejects.toMatchObject({
      code: "name-taken",
    });
  });

  it("of two that are asked for at once gives each an epoch of its own, the later one with a new secret", async () => {
    const gateway = await start();
    await Promise.all([expel(gateway, "board-1"), expel(gateway, "board-2")]);
    expect(gateway.world.catalog.expelled.map(({ epoch }) => epoch)).toEqual([1, 2]);
    const { epoch, keyed, epochs } = membershipOf(gateway);
    expect([epoch, keyed, new Set([...epochs.values()].map(({ secret }) => toHex(secret!))).size]).toEqual([2, 2, 2]);
    // The one that came too late is told, and counts for nobody.
    expect(gateway.notices).toEqual(["expel-epoch"]);
  });

  it("is begun anew where something ended the gateway after it had sealed the secrets", async () => {
    const first = await start();
    const { avatar } = boardOf(first.world, "board-1");
    await define(first, expulsionOf(first, avatar).slice(0, -1), never());
    await stop(first);
    const second = await start();
    expect(membershipOf(second).epoch).toBe(0);
    await expel(second, "board-1");
    expect([membershipOf(second).keyed, isExpelled(membershipOf(second), avatar)]).toEqual([1, true]);
  });

  it("holds after a restart, and with a journal that was begun anew from what is final", async () => {
    const first = await start();
    await expel(first, "board-1");
    await expel(first, "board-2");
    const secrets = ({ epochs }: ReturnType<typeof membershipOf>) =>
      [...epochs].map(([number, { secret, expelled }]) => [number, toHex(secret!), toHex(expelled!)]);
    const before = secrets(membershipOf(first));
    await stop(first);
    const second = await start();
    expect(secrets(membershipOf(second))).toEqual(before);
    await stop(second);
    renameSync(join(directory, "store", "journal"), join(directory, "store", "journal.given-up"));
    const third = await start();
    expect(secrets(membershipOf(third))).toEqual(before);
    await expel(third, "board-3");
    expect(membershipOf(third).keyed).toBe(3);
  });

  it("needs the keys of all who remain: of boards that an earlier version made their provisions", async () => {
    const config = join(directory, "world.json");
    const text = readFileSync(config, "utf8").replaceAll(/,\s*"key": "[0-9a-f]{64}"/g, "");
    writeFileSync(config, text);
    const gateway = await start();
    expect(gateway.world.catalog.members.map(({ key }) => key)).toEqual([undefined, undefined, undefined, undefined]);
    const { provisionFile } = boardOf(gateway.world, "board-2");
    renameSync(provisionFile, `${provisionFile}.away`);
    await expect(expel(gateway, "board-1")).rejects.toMatchObject({ code: "member-key" });
    await expel(gateway, "board-2");
    await expel(gateway, "board-1");
    expect(membershipOf(gateway).keyed).toBe(2);
  });

  it("in a world of many seals to every one of them, and expels nobody where a part of that is refused", async () => {
    const gateway = await start();
    const many = Array.from({ length: 200 }, (_, index): Definition => {
      const avatar = crypto.signer(crypto.sha256(Uint8Array.of(index))).publicKey;
      return { kind: "member", name: `m${index}`, avatar, board: "linux", labels: [], key: avatar };
    });
    for (let at = 0; at < many.length; at += 8) await define(gateway, many.slice(at, at + 8), never());
    let pushes = 0;
    const full: typeof gateway.channel.push = async (...asked) => {
      if (++pushes === 2) throw new VertebraError("buffer-full", "It is full", "Wait.");
      return gateway.channel.push(...asked);
    };
    const refusing = { ...gateway, channel: { ...gateway.channel, push: full } };
    await expect(expel(refusing, "m7")).rejects.toMatchObject({ code: "buffer-full" });
    expect(membershipOf(gateway).epoch).toBe(0);
    const before = gateway.world.catalog.taken;
    expect((await expel(gateway, "m7")).defined.map(({ kind }) => kind)).toEqual(["epoch", "epoch", "epoch", "expel"]);
    const told = (await pulled(gateway, "definitions", before)).map(({ entry }) => entry);
    expect(told.flatMap((entry) => entry?.members ?? [])).toHaveLength(203);
  }, 60_000);

  it("lets who is added later come in the epoch of that time", async () => {
    const gateway = await start();
    await expel(gateway, "board-1");
    const { provisionFile } = await addBoard(gateway, { name: "porch", board, labels: [], dry: false }, never());
    const [world] = decodeProvision(new Uint8Array(readFileSync(provisionFile!))).worlds;
    expect(world!.epoch).toEqual({ number: 1, secret: membershipOf(gateway).epochs.get(1)!.secret });
    await expel(gateway, "porch");
    expect(membershipOf(gateway).keyed).toBe(2);
  });
});
