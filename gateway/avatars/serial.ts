import { ample } from "../../firmware/core/bounds";
import type { VertebraError } from "../../firmware/core/errors";
import type { PeerId } from "../../firmware/core/events";
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
import type { PeerEvents } from "../participant/peers";
import { type OpenPort, openPort } from "./port";
import { settingsChanged, settingsOf } from "./settings";

export interface SerialStatus {
  readonly path: string;
  readonly open: boolean;
  /** Why it is not open. */
  readonly error: VertebraError | undefined;
  /** Hex of the AvatarId at its other end, while a session stands. */
  readonly avatar: string | undefined;
  /** By the key of which epoch that was made. */
  readonly epoch: number | undefined;
  readonly stats: LinkStats;
  /** Messages that found every queue full, and were left for the next exchange of frontiers. */
  readonly dropped: number;
}

export interface SerialAvatar {
  /** What the first try to open the port gave: nothing, or the error. It goes on trying. */
  readonly firstTry: Promise<VertebraError | undefined>;
  status(): SerialStatus;
  /** Somebody was expelled: the session with it ends, and others go on in the epoch that began. */
  renew(): void;
  /** As a hand pulls the cable out: what is under way on it is lost, and nothing is tried until `plug`. */
  unplug(): void;
  plug(): void;
  close(): Promise<void>;
}

export interface SerialOptions {
  readonly path: string;
  readonly baudRate: number;
  readonly crypto: Crypto;
  readonly random: Random;
  readonly clock: Clock;
  readonly identity: LinkIdentity;
  readonly events: PeerEvents;
}

/** The port is tried again after so many ms, then after twice as long, up to the longest. */
const firstRetryMs = 100;
const longestRetryMs = 2000;
/** How long one who was cut off is left alone. */
const cutMs = 30_000;
/** Bytes that wait for room in the link, beyond what the link itself queues: a participant that heeds its room needs none. */
const mostWaiting = 1 << 18;

/** An avatar on a serial line: the link of firmware/link over a port that may come and go. */
export function startSerial(options: SerialOptions): SerialAvatar {
  const { path, clock, events } = options;
  const now = () => clock.now().monotonic;
  const link: Link = createLink({
    crypto: options.crypto,
    random: options.random,
    identity: options.identity,
    queue: ample.queue,
    now: now(),
  });
  let port: OpenPort | undefined;
  let settings: string | undefined;
  let error: VertebraError | undefined;
  let peer: { readonly id: PeerId; readonly avatar: AvatarId; readonly epoch: number } | undefined;
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let dropped = 0;
  let retryMs = firstRetryMs;
  let retryTimer: NodeJS.Timeout | undefined;
  let alarmTimer: NodeJS.Timeout | undefined;
  let closing = false;
  let plugged = true;

  /** Does what the link asks; resolves when the participant has dealt with the messages among it. */
  async function perform(actions: readonly LinkAction[]): Promise<void> {
    const handled: Promise<void>[] = [];
    for (const action of actions) {
      if (action.kind === "write") port?.write(action.bytes);
      else if (action.kind === "wake") wakeAt(action.at);
      else if (action.kind === "notice") events.notice(action.error);
      else if (action.kind === "message" && peer) handled.push(events.message(peer.id, action.bytes));
      else if (action.kind === "down") goDown(action.error);
      else if (action.kind === "up") goUp(action);
      else if (action.kind === "room" && peer) events.room(peer.id, action.room);
    }
    await Promise.all(handled);
  }

  function goUp({ avatar, epoch, room }: Extract<LinkAction, { kind: "up" }>): void {
    peer = { id: events.up(avatar, epoch, { send, cut }, room), avatar, epoch };
  }

  function goDown(reason: VertebraError): void {
    // What waits was meant for the peer as it was; a new session begins with its frontier.
    waiting = [];
    waitingBytes = 0;
    if (peer) events.down(peer.id, reason);
    peer = undefined;
    if (reason.code === "link-silent") void openAnew();
  }

  /** Whoever changed a port's settings may be why nothing is heard: to open it sets them back. */
  async function openAnew(): Promise<void> {
    const silent = port;
    const found = settings && (await settingsOf(path));
    if (silent === undefined || port !== silent || peer !== undefined) return;
    if (found !== undefined && found !== settings) events.notice(settingsChanged(path));
    await silent.close();
    retry(firstRetryMs);
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

  async function open(): Promise<VertebraError | undefined> {
    try {
      const opened = await openPort(path, options.baudRate, { received, closed });
      if (closing || !plugged) {
        await opened.close();
        return undefined;
      }
      port = opened;
      error = undefined;
      retryMs = firstRetryMs;
      perform(startLink(link, now()));
      settings = await settingsOf(path);
      return undefined;
    } catch (reason) {
      error = reason as VertebraError;
      retry(retryMs);
      retryMs = Math.min(2 * retryMs, longestRetryMs);
      return error;
    }
  }

  function closed(reason?: VertebraError): void {
    port = undefined;
    clearTimeout(alarmTimer);
    perform(closeLink(link));
    if (reason) {
      error = reason;
      retry(firstRetryMs);
    }
  }

  function retry(wait: number): void {
    clearTimeout(retryTimer);
    if (!closing && plugged) retryTimer = setTimeout(open, wait);
  }

  function cut(reason: VertebraError): void {
    error = reason;
    port?.close();
    retry(cutMs);
  }

  return {
    firstTry: open(),
    status: () => ({
      path,
      open: port !== undefined,
      error,
      avatar: peer && toHex(peer.avatar),
      epoch: peer?.epoch,
      stats: linkStats(link),
      dropped,
    }),
    renew() {
      perform(renewLink(link, now()));
    },
    unplug() {
      plugged = false;
      clearTimeout(retryTimer);
      port?.close();
    },
    plug() {
      plugged = true;
      if (port === undefined) retry(0);
    },
    async close() {
      closing = true;
      clearTimeout(retryTimer);
      clearTimeout(alarmTimer);
      await port?.close();
    },
  };
}
