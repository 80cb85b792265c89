import { ample } from "../../firmware/core/bounds";
import type { VertebraError } from "../../firmware/core/errors";
import { toHex } from "../../firmware/core/wire/bytes";
import type { AvatarId } from "../../firmware/core/wire/types";
import {
  alarmLink,
  closeLink,
  createLink,
  type Link,
  type LinkAction,
  type LinkIdentity,
  type LinkStats,
  linkStats,
  receiveBytes,
  renewLink,
  sendMessage,
  startLink,
} from "../../firmware/link/link";
import type { Clock, Crypto, Random } from "../../firmware/ports";
import type { PeerEvents, SessionId } from "../participant/peers";
import type { OpenPort } from "./port";

export interface AvatarStatus {
  /** Hex of the AvatarId at its other end, while a session stands. */
  readonly avatar: string | undefined;
  /** By the key of which epoch that was made. */
  readonly epoch: number | undefined;
  /** Since when it stands, monotonic ms, and whether it is one that had been cut. */
  readonly since: number | undefined;
  readonly resumed: boolean;
  readonly stats: LinkStats;
  /** Messages that found every queue full, and were left for the next exchange of frontiers. */
  readonly dropped: number;
}

/** One end of a link over a port that may come and go: the link of firmware/link, driven. */
export interface Avatar {
  readonly link: Link;
  /** A port is open: it is spoken over until `end`. */
  begin(port: OpenPort): void;
  received(bytes: Uint8Array): void;
  /** The port has gone; the session is kept for the next. */
  end(): void;
  status(): AvatarStatus;
  /** Somebody was expelled: the session with it ends, and others go on in the epoch that began. */
  renew(): void;
}

/** What all links of a gateway have in common. */
export interface Platform {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly clock: Clock;
  readonly identity: LinkIdentity;
}

export interface AvatarOptions extends Platform {
  /** On a wire that one end dials: whether this is the one. */
  readonly leads?: boolean;
  readonly events: PeerEvents;
  /** A session stands; false where it is not to, and the port is being closed, before the peer knows of it. */
  up(avatar: AvatarId): boolean;
  /** It has ended, or can't be reached; another may follow at once. */
  down(reason: VertebraError): void;
  /** Something that a person should know; while no session stands, why none does. */
  notice(error: VertebraError): void;
  /** The participant wants no more of who is there. */
  cut(reason: VertebraError): void;
}

/** Bytes that wait for room in the link, beyond what the link itself queues: a participant that heeds its room needs none. */
const mostWaiting = 1 << 18;

export function createAvatar(options: AvatarOptions): Avatar {
  const { clock, events } = options;
  const now = () => clock.now().monotonic;
  const link = createLink({ ...options, queue: ample.queue, now: now() });
  let port: OpenPort | undefined;
  let session: { readonly id: SessionId; readonly since: number; readonly up: Up } | undefined;
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let dropped = 0;
  let alarmTimer: NodeJS.Timeout | undefined;

  /** Does what the link asks; resolves when the participant has dealt with the messages among it. */
  async function perform(actions: readonly LinkAction[]): Promise<void> {
    const handled: Promise<void>[] = [];
    for (const action of actions) {
      if (action.kind === "write") port?.write(action.bytes);
      else if (action.kind === "wake") wakeAt(action.at);
      else if (action.kind === "notice") options.notice(action.error);
      else if (action.kind === "message" && session) handled.push(events.message(session.id, action.bytes));
      else if (action.kind === "down") goDown(action.error);
      else if (action.kind === "up") goUp(action);
      else if (action.kind === "room" && session) events.room(session.id, action.room);
    }
    await Promise.all(handled);
  }

  function goUp(up: Up): void {
    if (!options.up(up.avatar)) return;
    session = { id: events.up(up.avatar, up.epoch, { send, cut: options.cut }, up.room), since: now(), up };
  }

  function goDown(reason: VertebraError): void {
    // What waits was meant for the peer as it was; a new session begins with its frontier.
    waiting = [];
    waitingBytes = 0;
    if (session) events.down(session.id, reason);
    session = undefined;
    options.down(reason);
  }

  function wakeAt(at: number): void {
    clearTimeout(alarmTimer);
    alarmTimer = setTimeout(() => perform([...alarmLink(link, now()), ...drain()]), Math.max(0, Math.ceil(at - now())));
  }

  function received(bytes: Uint8Array): void {
    const from = port;
    from?.pause();
    perform([...receiveBytes(link, bytes, now()), ...drain()]).then(() => from?.resume());
  }

  function send(message: Uint8Array): void {
    const actions = waiting.length > 0 ? undefined : sendMessage(link, message, now());
    if (actions) {
      perform(actions);
    } else if (waitingBytes + message.length <= mostWaiting) {
      waiting.push(message);
      waitingBytes += message.length;
    } else {
      dropped++;
    }
  }

  /** Gives the link what waits for room in it. */
  function drain(): LinkAction[] {
    const actions: LinkAction[] = [];
    while (waiting.length > 0) {
      const taken = sendMessage(link, waiting[0]!, now());
      if (!taken) break;
      actions.push(...taken);
      waitingBytes -= waiting.shift()!.length;
    }
    return actions;
  }

  return {
    link,
    received,
    begin(opened) {
      port = opened;
      perform(startLink(link, now()));
    },
    end() {
      port = undefined;
      clearTimeout(alarmTimer);
      perform(closeLink(link));
    },
    status: () => ({
      avatar: session && toHex(session.up.avatar),
      epoch: session?.up.epoch,
      since: session?.since,
      resumed: session?.up.resumed ?? false,
      stats: linkStats(link),
      dropped,
    }),
    renew: () => void perform(renewLink(link, now())),
  };
}

type Up = Extract<LinkAction, { readonly kind: "up" }>;
