import type { PeerId } from "../../firmware/core/events";
import { arrivals, hinder, isSwallowed, type LinkState, mayStand } from "./links";
import { give, isUp, type Member, type Transport, type World } from "./world";

/** How long one who was cut off is left alone, as by a board's cable. */
const cutMs = 30_000;

interface Session {
  /** The peer's number at each end. */
  readonly peers: readonly [PeerId, PeerId];
}

/** Links that carry whole messages, of which some are lost, doubled or overtaken. */
export function messageTransport(world: World, links: readonly LinkState[]): Transport {
  const sessions = new Map<LinkState, Session>();

  function connect(link: LinkState): void {
    const [one, other] = link.ends;
    const session: Session = { peers: [one.nextPeer++, other.nextPeer++] };
    sessions.set(link, session);
    for (const [self, peer, other] of [
      [link.ends[0], session.peers[0], link.ends[1]],
      [link.ends[1], session.peers[1], link.ends[0]],
    ] as const) {
      self.peers.set(peer, other.name);
      give(world, self, { kind: "connected", world: world.tag, peer, avatar: other.avatar });
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
      if (isSwallowed(link, from, bytes)) return;
      for (const at of arrivals(world, link, from, bytes.length)) {
        world.schedule.at(at, () => {
          if (sessions.get(link) !== session || !isUp(link.ends[to])) return;
          give(world, link.ends[to], { kind: "message", peer: session.peers[to], bytes });
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
