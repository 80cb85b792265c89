import type { PeerId } from "../../firmware/core/events";
import { fragmentSize, windowSize } from "../../firmware/link/limits";
import { occupy } from "./compute";
import { createFlow, type Flow } from "./flow";
import { arrivals, hinder, isSwallowed, type LinkState, mayStand } from "./links";
import { give, isUp, type Member, type Transport, type World } from "./world";

/** How long one who was cut off is left alone, as by a board's cable. */
const cutMs = 30_000;

/** Bytes that one who reads slowly has before it of one peer: no more come in until it has read of these, as by the link's window. */
const windowBytes = windowSize * fragmentSize;

/** What arrived at one end and is not read yet. */
interface Unread {
  bytes: number;
  readonly waiting: { readonly bytes: number; readonly read: () => void }[];
}

interface Session {
  /** The peer's number at each end. */
  readonly peers: readonly [PeerId, PeerId];
  readonly unread: readonly [Unread, Unread];
  /** What each end is told of room, where the other reads slowly. */
  readonly flows: readonly [Flow | undefined, Flow | undefined];
}

function noneUnread(): Unread {
  return { bytes: 0, waiting: [] };
}

/** Links that carry whole messages, of which some are lost, doubled or overtaken. */
export function messageTransport(world: World, links: readonly LinkState[]): Transport {
  const sessions = new Map<LinkState, Session>();

  function connect(link: LinkState): void {
    const [one, other] = link.ends;
    const peers = [one.nextPeer++, other.nextPeer++] as const;
    const flows = [flowFrom(link, peers, 0), flowFrom(link, peers, 1)] as const;
    sessions.set(link, { peers, flows, unread: [noneUnread(), noneUnread()] });
    for (const [self, peer, flow, other] of [
      [link.ends[0], peers[0], flows[0], link.ends[1]],
      [link.ends[1], peers[1], flows[1], link.ends[0]],
    ] as const) {
      self.peers.set(peer, other.name);
      const room = flow === undefined ? {} : { room: flow.room };
      give(world, self, { kind: "connected", world: world.tag, peer, avatar: other.avatar, ...room });
    }
  }

  function flowFrom(link: LinkState, peers: Session["peers"], from: 0 | 1): Flow | undefined {
    const [self, other] = [link.ends[from], link.ends[from === 0 ? 1 : 0]];
    if (other.compute.plan === undefined) return undefined;
    return createFlow((room) => {
      if (sessions.get(link)?.peers === peers) give(world, self, { kind: "room", peer: peers[from], room });
    });
  }

  function arrive(member: Member, unread: Unread, bytes: number, read: () => void): void {
    unread.waiting.push({ bytes, read });
    readOn(member, unread);
  }

  function readOn(member: Member, unread: Unread): void {
    while (unread.bytes < windowBytes) {
      const next = unread.waiting.shift();
      if (next === undefined) return;
      unread.bytes += next.bytes;
      occupy(world, member, () => {
        unread.bytes -= next.bytes;
        next.read();
        readOn(member, unread);
      });
    }
  }

  function disconnect(link: LinkState, { peers }: Session): void {
    sessions.delete(link);
    link.arrivedAt.fill(0);
    link.freeAt.fill(0);
    for (const end of [0, 1] as const) {
      if (!link.ends[end].peers.delete(peers[end])) continue;
      give(world, link.ends[end], { kind: "disconnected", peer: peers[end] });
    }
  }

  function linkOf(member: Member, peer: PeerId) {
    for (const [link, session] of sessions) {
      const from = link.ends[0] === member ? 0 : 1;
      if (link.ends[from] === member && session.peers[from] === peer) return { link, session, from } as const;
    }
    return undefined;
  }

  return {
    send(member, peer, bytes) {
      const found = linkOf(member, peer);
      if (found === undefined) return;
      const { link, session, from } = found;
      const to = from === 0 ? 1 : 0;
      world.watcher.sent(member, link.ends[to], bytes);
      const { schedule } = world;
      const times = isSwallowed(link, from, bytes) ? [] : arrivals(world, link, from, bytes.length);
      const read = session.flows[from]?.sent(bytes.length, schedule.now());
      if (times.length === 0) read?.(schedule.now());
      for (const [copy, at] of times.entries()) {
        schedule.at(at, () => {
          if (sessions.get(link) !== session || !isUp(link.ends[to])) return;
          arrive(link.ends[to], session.unread[to], bytes.length, () => {
            if (copy === 0) read?.(schedule.now());
            give(world, link.ends[to], { kind: "message", peer: session.peers[to], bytes });
          });
        });
      }
    },
    cutOff(member, peer) {
      const link = linkOf(member, peer)?.link;
      if (link === undefined) return;
      world.schedule.at(world.schedule.now() + cutMs, hinder(world, link, "told"));
    },
    changed() {
      for (const link of links) {
        const session = sessions.get(link);
        if (session !== undefined && !mayStand(link)) disconnect(link, session);
        else if (session === undefined && mayStand(link)) connect(link);
      }
    },
  };
}
