import type { VertebraError } from "../../firmware/core/errors";
import type { Event, PeerId } from "../../firmware/core/events";
import type { AvatarId } from "../../firmware/core/wire/types";
import type { Room } from "../../firmware/ports";

/** What a link tells of the avatar at its other end. */
export interface PeerEvents {
  /** A session stands, by the key of this epoch; the number by which the participant will know it. */
  up(avatar: AvatarId, epoch: number, channel: PeerChannel, room: Room): PeerId;
  /** What the link has room for now. */
  room(peer: PeerId, room: Room): void;
  /** Resolves when the participant has dealt with it: until then the link is to give it nothing more. */
  message(peer: PeerId, bytes: Uint8Array): Promise<void>;
  down(peer: PeerId, error: VertebraError): void;
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
  link(path: string, avatar: AvatarId, error?: VertebraError): void;
  notice(error: VertebraError): void;
}

export interface Peers {
  /** What the link called `path` is to tell. */
  eventsOf(path: string): PeerEvents;
  send(peer: PeerId, message: Uint8Array): void;
  cut(peer: PeerId, reason: VertebraError): void;
}

/** Numbers the sessions of all links of one world, and carries messages between them and the participant. */
export function createPeers(world: string, handle: (event: Event) => Promise<void>, events: LinkEvents): Peers {
  const channels = new Map<PeerId, PeerChannel>();
  const avatars = new Map<PeerId, AvatarId>();
  let lastPeer = 0;

  /** A driver that stopped tells so itself; links have nobody to tell. */
  const give = (event: Event) => handle(event).catch(() => {});

  function forget(peer: PeerId): void {
    channels.delete(peer);
    avatars.delete(peer);
  }

  return {
    eventsOf: (path) => ({
      up(avatar, epoch, channel, room) {
        const peer = ++lastPeer;
        channels.set(peer, channel);
        avatars.set(peer, avatar);
        events.link(path, avatar);
        give({ kind: "connected", world, peer, avatar, epoch, room });
        return peer;
      },
      room(peer, room) {
        give({ kind: "room", peer, room });
      },
      message: (peer, bytes) => give({ kind: "message", peer, bytes }),
      down(peer, error) {
        const avatar = avatars.get(peer);
        forget(peer);
        if (avatar) events.link(path, avatar, error);
        give({ kind: "disconnected", peer });
      },
      notice: (error) => events.notice(error),
    }),
    send: (peer, message) => channels.get(peer)?.send(message),
    cut(peer, reason) {
      events.notice(reason);
      channels.get(peer)?.cut(reason);
    },
  };
}
