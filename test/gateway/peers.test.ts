import { describe, expect, it } from "vitest";
import { VertebraError } from "../../firmware/core/errors";
import type { Event } from "../../firmware/core/events";
import { createPeers, cutMs } from "../../gateway/participant/peers";

const avatar = (byte: number) => new Uint8Array(32).fill(byte);
const room = { bytes: 1_000, delay: 0 };
const gone = new VertebraError("link-closed", "", "");
const lies = new VertebraError("peer-cut-off", "", "");

/** What the participant is told, in short, and what goes out by which link. */
function start() {
  const given: string[] = [];
  const sent: string[] = [];
  const cuts: string[] = [];
  let now = 0;
  const short = (event: Event) => {
    if (event.kind === "connected") return `connected ${event.peer}, avatar ${event.avatar[0]}, epoch ${event.epoch}`;
    if (event.kind === "message") return `message of ${event.peer}: ${event.bytes[0]}`;
    return event.kind === "disconnected" || event.kind === "room" ? `${event.kind} ${event.peer}` : event.kind;
  };
  const handle = async (event: Event) => void given.push(short(event));
  const clock = { now: () => ({ monotonic: now, wall: 0 }) };
  const peers = createPeers("world", clock, handle, { link: () => {}, notice: () => {} });
  const link = (name: string, rank: number) => {
    const events = peers.eventsOf(() => name, rank);
    const channel = { send: () => void sent.push(name), cut: () => void cuts.push(name) };
    return {
      up: (of: number, epoch = 0) => events.up(avatar(of), epoch, channel, room),
      message: (session: number, byte: number) => events.message(session, Uint8Array.of(byte)),
      room: (session: number) => events.room(session, room),
      down: (session: number) => events.down(session, gone),
    };
  };
  const sendTo = (peer: number) => {
    sent.length = 0;
    peers.send(peer, Uint8Array.of(1));
    return sent.slice();
  };
  const pass = (ms: number) => {
    now += ms;
  };
  return { given, cuts, link, sendTo, cut: (peer: number) => peers.cut(peer, lies), pass };
}

describe("an avatar with two links", () => {
  it("is one peer, spoken to over one link, and heard over both", async () => {
    const { given, link, sendTo } = start();
    const [one, other] = [link("one", 1), link("other", 1)];
    const first = one.up(7);
    const second = other.up(7);
    await one.message(first, 1);
    await other.message(second, 2);
    other.room(second);
    expect(given).toEqual(["connected 1, avatar 7, epoch 0", "message of 1: 1", "message of 1: 2"]);
    expect(sendTo(1)).toEqual(["one"]);
  });

  it("is greeted anew over the other where the one that it is spoken to over ends, and not where the other does", () => {
    const { given, link, sendTo } = start();
    const [one, other] = [link("one", 1), link("other", 1)];
    const first = one.up(7);
    other.down(other.up(7));
    other.up(7);
    expect(given).toHaveLength(1);
    one.down(first);
    expect(given.slice(1)).toEqual(["disconnected 1", "connected 2, avatar 7, epoch 0"]);
    expect([sendTo(1), sendTo(2)]).toEqual([[], ["other"]]);
    one.up(7);
    expect(given).toHaveLength(3);
  });

  it("is spoken to over the network rather than a serial line, whichever comes first", () => {
    const { link, sendTo } = start();
    const [serial, network] = [link("serial", 0), link("network", 1)];
    serial.up(7);
    const session = network.up(7);
    expect(sendTo(2)).toEqual(["network"]);
    network.down(session);
    expect(sendTo(3)).toEqual(["serial"]);
  });

  it("is spoken to by the key of the later epoch, whatever the link", () => {
    const { given, link } = start();
    const [serial, network] = [link("serial", 0), link("network", 1)];
    network.up(7, 1);
    serial.up(7, 2);
    expect(given.slice(1)).toEqual(["disconnected 1", "connected 2, avatar 7, epoch 2"]);
  });

  it("is cut off on both, heard no more, and let in again when it was away for a while", async () => {
    const { given, cuts, link, cut, pass } = start();
    const [one, other] = [link("one", 1), link("other", 1)];
    const first = one.up(7);
    const second = other.up(7);
    cut(1);
    expect(cuts).toEqual(["one", "other"]);
    await other.message(second, 2);
    one.down(first);
    other.down(second);
    expect(given).toEqual(["connected 1, avatar 7, epoch 0", "disconnected 1"]);
    one.up(7);
    expect(cuts).toEqual(["one", "other", "one"]);
    expect(given).toHaveLength(2);
    link("third", 1).up(8);
    expect(given).toHaveLength(3);
    pass(cutMs);
    one.up(7);
    expect(given).toHaveLength(4);
  });
});
