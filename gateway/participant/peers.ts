import type { VertebraError } from "../../firmware/core/errors";
import type { Event, PeerId } from "../../firmware/core/events";
import { toHex } from "../../firmware/core/wire/bytes";
import type { AvatarId } from "../../firmware/core/wire/types";
import type { Clock, Room } from "../../firmware/ports";

/** A session on a link, numbered over all links of a gateway. */
export type SessionId = number;

/** What a link tells of the avatar at its other end. */
export interface PeerEvents {
  /** A session stands, by the key of this epoch. */
  up(avatar: AvatarId, epoch: number, channel: PeerChannel, room: Room): SessionId;
  /** What the link has room for now. */
  room(session: SessionId, room: Room): void;
  /** Resolves when the participant has dealt with it: until then the link is to give it nothing more. */
  message(session: SessionId, bytes: Uint8Array): Promise<void>;
  down(session: SessionId, error: VertebraError): void;
  notice(error: VertebraError): void;
}

/** What a link can do for the participant. */
export interface PeerChannel {
  send(message: Uint8Array): void;
  /** Ends the session, and stays away for a while. */
  cut(reason: VertebraError): void;
}

/** What is told to people of links, by their names. */
export interface LinkEvents {
  /** A session came to stand on a link, or went down: `error` says why. */
  link(address: string, avatar: AvatarId, error?: VertebraError): void;
  notice(error: VertebraError): void;
}

export interface Peers {
  /** What the link at this address is to tell. Of two to one avatar that of the higher rank is spoken over. */
  eventsOf(address: () => string, rank: number): PeerEvents;
  send(peer: PeerId, message: Uint8Array): void;
  cut(peer: PeerId, reason: VertebraError): void;
}

interface Session {
  readonly avatar: AvatarId;
  readonly epoch: number;
  readonly rank: number;
  readonly channel: PeerChannel;
  room: Room;
}

/** An avatar with a session: what it says counts wherever it comes in, and it is spoken to over one. */
interface Neighbour {
  /** In the order in which they came. */
  readonly sessions: Session[];
  spoken: Session;
  peer: PeerId;
}

/** How long one who was cut off is left alone, and how many such are remembered: a member can make avatars without end. */
export const cutMs = 30_000;
const mostCutOff = 64;

/**
 * Carries messages between the links of one world and the participant, which knows each avatar as one peer, however many links lead to it: it
 * is told everything once. Where the one that it is spoken to over ends, another takes its place at once, as a new peer, which is greeted anew: so
 * what was under way and is lost is told again.
 */
export function createPeers(
  world: string,
  clock: Clock,
  handle: (event: Event) => Promise<void>,
  events: LinkEvents,
): Peers {
  const sessions = new Map<SessionId, Session>();
  const neighbours = new Map<string, Neighbour>();
  const byPeer = new Map<PeerId, Neighbour>();
  const cutOff = new Map<string, { readonly reason: VertebraError; readonly until: number }>();
  let lastSession = 0;
  let lastPeer = 0;

  /** A driver that stopped tells so itself; links have nobody to tell. */
  const give = (event: Event) => handle(event).catch(() => {});

  /** Undefined for a session with one who was cut off. */
  function neighbourOf(session: Session): Neighbour | undefined {
    const neighbour = neighbours.get(toHex(session.avatar));
    return neighbour?.sessions.includes(session) ? neighbour : undefined;
  }

  function take(session: Session): void {
    const before = neighbours.get(toHex(session.avatar));
    if (before) {
      before.sessions.push(session);
      return void speakOver(before, bestOf(before.sessions));
    }
    const neighbour = { sessions: [session], spoken: session, peer: 0 };
    neighbours.set(toHex(session.avatar), neighbour);
    connect(neighbour);
  }

  function speakOver(neighbour: Neighbour, session: Session): void {
    if (neighbour.spoken === session) return;
    disconnect(neighbour);
    neighbour.spoken = session;
    connect(neighbour);
  }

  function connect(neighbour: Neighbour): void {
    const { avatar, epoch, room } = neighbour.spoken;
    neighbour.peer = ++lastPeer;
    byPeer.set(neighbour.peer, neighbour);
    give({ kind: "connected", world, peer: neighbour.peer, avatar, epoch, room });
  }

  function disconnect({ peer }: Neighbour): void {
    byPeer.delete(peer);
    give({ kind: "disconnected", peer });
  }

  function stayAway(avatar: AvatarId, reason: VertebraError): void {
    cutOff.set(toHex(avatar), { reason, until: clock.now().monotonic + cutMs });
    if (cutOff.size > mostCutOff) cutOff.delete(cutOff.keys().next().value!);
  }

  function leave(session: Session): void {
    const neighbour = neighbourOf(session);
    if (neighbour === undefined) return;
    neighbour.sessions.splice(neighbour.sessions.indexOf(session), 1);
    if (neighbour.sessions.length > 0) return void speakOver(neighbour, bestOf(neighbour.sessions));
    neighbours.delete(toHex(session.avatar));
    disconnect(neighbour);
  }

  return {
    eventsOf: (address, rank) => ({
      up(avatar, epoch, channel, room) {
        const session = { avatar, epoch, rank, channel, room };
        const cut = cutOff.get(toHex(avatar));
        if (cut !== undefined && clock.now().monotonic < cut.until) {
          channel.cut(cut.reason);
          return ++lastSession;
        }
        sessions.set(++lastSession, session);
        events.link(address(), avatar);
        take(session);
        return lastSession;
      },
      room(id, room) {
        const session = sessions.get(id);
        if (session === undefined) return;
        session.room = room;
        const neighbour = neighbourOf(session);
        if (neighbour?.spoken === session) give({ kind: "room", peer: neighbour.peer, room });
      },
      async message(id, bytes) {
        const session = sessions.get(id);
        const neighbour = session && neighbourOf(session);
        if (neighbour) await give({ kind: "message", peer: neighbour.peer, bytes });
      },
      down(id, error) {
        const session = sessions.get(id);
        sessions.delete(id);
        if (session === undefined) return;
        events.link(address(), session.avatar, error);
        leave(session);
      },
      notice: (error) => events.notice(error),
    }),
    send: (peer, message) => byPeer.get(peer)?.spoken.channel.send(message),
    cut(peer, reason) {
      events.notice(reason);
      const neighbour = byPeer.get(peer);
      if (neighbour === undefined) return;
      // It is no neighbour from now on, on whichever link, also where it is the one who dials.
      stayAway(neighbour.spoken.avatar, reason);
      neighbours.delete(toHex(neighbour.spoken.avatar));
      disconnect(neighbour);
      for (const { channel } of neighbour.sessions) channel.cut(reason);
    },
  };
}

/** One of the present epoch before one of an earlier, in which little is told; then by rank; then the one that stands for longest, so that none flaps. */
function bestOf(sessions: readonly Session[]): Session {
  return sessions.reduce((best, next) => {
    const better = next.epoch - best.epoch || next.rank - best.rank;
    return better > 0 ? next : best;
  });
}
