import { type AddressInfo, createServer, type Socket } from "node:net";
import { VertebraError } from "../../firmware/core/errors";
import { createFrameReader, readFrames } from "../../firmware/link/frames";
import type { PeerEvents } from "../participant/peers";
import { asVertebraError, errnoOf } from "../system/errors";
import { createTrouble } from "../system/process";
import { type Accepted, type AcceptedStatus, createGuests, type Wire } from "./accepted";
import { hostAndPort } from "./address";
import type { Platform } from "./avatar";
import { portOver } from "./socket-port";
import { createStrangers, type Stranger, whence } from "./strangers";
import { createTrying } from "./trying";

/** Where others may dial this gateway. */
export interface Door {
  status(): DoorStatus;
  renew(): void;
  close(): Promise<void>;
}

export interface DoorStatus {
  /** Of port 0 the one that the system gave. */
  readonly port: number;
  readonly open: boolean;
  readonly error: VertebraError | undefined;
  /** Connections without a session: those that there are, and those that ended so. */
  readonly strangers: number;
  readonly turnedAway: number;
  readonly accepted: readonly AcceptedStatus[];
}

/** How long a connection may be without a session: a handshake takes a few round trips. */
const strangerMs = 10_000;
/** Bytes that it may send until then: a handshake takes about 500 from each side. */
const mostBytes = 4096;
const longestRetryMs = 15_000;

interface Connection extends Wire, Stranger {
  /** What came before its first frame was whole. */
  early: Uint8Array;
  /** Bytes that came while it had no session. */
  bytes: number;
  stood: boolean;
  accepted: Accepted | undefined;
  timer: NodeJS.Timeout | undefined;
}

/** Listens for those who dial; a port that is in use is tried again until it is free. */
export function openDoor(
  host: string,
  port: number,
  platform: Platform,
  eventsOf: (address: () => string) => PeerEvents,
  tell: (error: VertebraError) => void,
): Door {
  const strangers = createStrangers();
  const guests = createGuests(platform, eventsOf, tell);
  const connections = new Set<Connection>();
  let error: VertebraError | undefined;
  let turnedAway = 0;

  const server = createServer({ noDelay: true }, accept);
  const trying = createTrying(() => server.listen(port, host), longestRetryMs, tell);
  server.on("listening", () => {
    error = undefined;
    trying.succeeded();
  });
  const trouble = createTrouble(tell);
  server.on("connection", trouble.over);
  server.on("error", (reason) => {
    if (server.listening) return trouble.met(asVertebraError(reason, "A connection can't be let in"));
    error = listenError(host, port, reason);
    trying.failed(error);
  });
  server.listen(port, host);

  function accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    // It has gone already.
    if (remoteAddress === undefined || remotePort === undefined) return void socket.destroy();
    const opened = portOver(
      socket,
      { received: (bytes) => received(connection, bytes), closed: () => closed(connection) },
      () => new VertebraError("connect-ended", "The connection has ended", "Who dialed comes back."),
    );
    const connection: Connection = {
      from: whence(remoteAddress),
      address: `tcp://${hostAndPort(remoteAddress, remotePort)}`,
      port: opened,
      early: new Uint8Array(0),
      bytes: 0,
      stood: false,
      accepted: undefined,
      timer: undefined,
      drop: () => void opened.close(),
      proved() {
        connection.stood = true;
        clearTimeout(connection.timer);
        strangers.remove(connection);
      },
      unproved: () => limit(connection),
    };
    connections.add(connection);
    limit(connection);
  }

  /** It has no session: so much time and so many bytes are left to it. */
  function limit(connection: Connection): void {
    connection.bytes = 0;
    clearTimeout(connection.timer);
    connection.timer = setTimeout(connection.drop, strangerMs);
    strangers.add(connection);
  }

  /** Nothing is said, nor made, before it has said something. */
  function received(connection: Connection, bytes: Uint8Array): void {
    const { accepted } = connection;
    if (!accepted?.stands) {
      connection.bytes += bytes.length;
      if (connection.bytes > mostBytes) return void connection.drop();
    }
    if (accepted) return void accepted.avatar.received(bytes);
    const early = Buffer.concat([connection.early, bytes]);
    connection.early = early;
    const reader = createFrameReader();
    const [first] = readFrames(reader, early);
    // A network damages nothing.
    if (reader.damaged > 0) return void connection.drop();
    if (first === undefined) return;
    connection.early = new Uint8Array(0);
    connection.accepted = guests.meet(connection, first);
    connection.accepted.avatar.received(early);
  }

  function closed(connection: Connection): void {
    connections.delete(connection);
    clearTimeout(connection.timer);
    strangers.remove(connection);
    const { accepted } = connection;
    if (!connection.stood) turnedAway++;
    // Another may have taken its place.
    if (accepted?.wire === connection) guests.leave(accepted);
  }

  return {
    status: () => ({
      port: (server.address() as AddressInfo | null)?.port ?? port,
      open: server.listening,
      error,
      strangers: strangers.count,
      turnedAway,
      accepted: guests.status(),
    }),
    renew: guests.renew,
    async close() {
      trying.stop();
      const ended = new Promise((resolve) => server.close(resolve));
      await Promise.all([...connections].map((connection) => connection.port.close()));
      guests.close();
      await ended;
    },
  };
}

function listenError(host: string, port: number, error: Error): VertebraError {
  const place = hostAndPort(host, port);
  switch (errnoOf(error)) {
    case "EADDRINUSE":
      return new VertebraError(
        "listen-in-use",
        `Another program listens at ${place}`,
        `End it (ss -ltnp 'sport = :${port}' tells which), or choose another port.`,
      );
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new VertebraError(
        "listen-host",
        `${host} is no address of this machine, and ${place} can't be listened at`,
        "Name one of its own (ip addr tells them), 0.0.0.0 or [::] for all of them.",
      );
    case "EACCES":
      return new VertebraError("listen-forbidden", `This user may not listen at ${place}`, "Choose a port above 1023.");
    default:
      return asVertebraError(error, `${place} can't be listened at`);
  }
}
