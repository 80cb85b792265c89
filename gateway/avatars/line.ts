import type { VertebraError } from "../../firmware/core/errors";
import { cutMs, type PeerEvents } from "../participant/peers";
import { type AvatarStatus, createAvatar, type Platform } from "./avatar";
import type { OpenPort, PortEvents } from "./port";
import { createTrying, firstRetryMs } from "./trying";

/** What is opened from here: a serial port, or a connection that is dialed. */
export interface Line {
  open(events: PortEvents): Promise<OpenPort>;
  readonly longestRetryMs: number;
  /** Of one that is dialed. */
  readonly dialed?: {
    /** How long it may be open without a session. */
    readonly patienceMs: number;
    /** Why there is none. */
    noSession(): VertebraError;
    /** What a person is told where who is there is not let in, or does not let us in. */
    refused(reason: VertebraError): VertebraError;
  };
}

export interface LineStatus extends AvatarStatus {
  readonly open: boolean;
  /** Why it is not open. */
  readonly error: VertebraError | undefined;
}

export interface OpenedLine {
  status(): LineStatus;
  renew(): void;
  /** As a hand pulls the cable out: what is under way on it is lost, and nothing is tried until `plug`. */
  unplug(): void;
  plug(): void;
  close(): Promise<void>;
}

/** An avatar on a line that may come and go: it is opened again until it is there. A person is told why it is not, where one `named` it. */
export function startLine(line: Line, platform: Platform, events: PeerEvents, named: boolean): OpenedLine {
  const { dialed } = line;
  const trying = createTrying(open, line.longestRetryMs, named ? events.notice : undefined);
  let port: OpenPort | undefined;
  let error: VertebraError | undefined;
  /** Whether a session stands, and whether one did since the port was opened. */
  let stands = false;
  let stood = false;
  let patience: NodeJS.Timeout | undefined;
  let stopped = false;

  const avatar = createAvatar({
    ...platform,
    ...(dialed && { leads: true }),
    events,
    up() {
      stands = true;
      stood = true;
      clearTimeout(patience);
      trying.succeeded();
      return true;
    },
    down(reason) {
      stands = false;
      if (reason.code === "link-silent") void openAnew();
      else if (port) expectSession();
    },
    notice(reason) {
      if (dialed === undefined || stands) events.notice(reason);
      else leave(dialed.refused(reason));
    },
    cut(reason) {
      error = reason;
      port?.close();
      if (!stopped) trying.again(cutMs);
    },
  });

  async function open(): Promise<void> {
    // It was plugged in again while it was being opened.
    if (port !== undefined) return;
    try {
      const opened = await line.open({ received: avatar.received, closed });
      if (stopped) return void (await opened.close());
      port = opened;
      error = undefined;
      stood = false;
      avatar.begin(port);
      expectSession();
    } catch (reason) {
      fail(reason as VertebraError);
    }
  }

  function fail(reason: VertebraError): void {
    error = reason;
    if (!stopped) trying.failed(reason);
  }

  function closed(reason?: VertebraError): void {
    port = undefined;
    clearTimeout(patience);
    avatar.end();
    if (reason === undefined) return;
    if (!stood) return void fail(reason);
    error = reason;
    if (!stopped) trying.again(firstRetryMs);
  }

  function expectSession(): void {
    clearTimeout(patience);
    if (dialed) patience = setTimeout(() => leave(dialed.noSession()), dialed.patienceMs);
  }

  function leave(reason: VertebraError): void {
    clearTimeout(patience);
    port?.close();
    fail(reason);
  }

  /** Whoever changed a port's settings may be why nothing is heard, and a connection's other end may be gone unseen. */
  async function openAnew(): Promise<void> {
    const silent = port;
    const meddled = await silent?.meddled?.();
    if (silent === undefined || port !== silent || stands) return;
    if (meddled !== undefined) events.notice(meddled);
    await silent.close();
    if (!stopped) trying.again(firstRetryMs);
  }

  function stop(): Promise<void> | undefined {
    stopped = true;
    trying.stop();
    clearTimeout(patience);
    return port?.close();
  }

  void open();
  return {
    status: () => ({ ...avatar.status(), open: port !== undefined, error }),
    renew: avatar.renew,
    unplug: () => void stop(),
    plug() {
      stopped = false;
      if (port === undefined) trying.again(0);
    },
    async close() {
      await stop();
    },
  };
}
