import { createConnection } from "node:net";
import { VertebraError } from "../../firmware/core/errors";
import { asVertebraError, errnoOf } from "../system/errors";
import { hostAndPort } from "./address";
import type { Line } from "./line";
import type { OpenPort, PortEvents } from "./port";
import { portOver } from "./socket-port";

const longestRetryMs = 15_000;
/** How long a host may take to answer that is dialed, and then the handshake with it. */
const connectMs = 10_000;
const patienceMs = 15_000;

/** A connection that is dialed: this end leads, so that it is the one to ask for the session of before. */
export function tcpLine(host: string, port: number): Line {
  const place = hostAndPort(host, port);
  return {
    open: (events) => dial(host, port, place, events),
    longestRetryMs,
    dialed: {
      patienceMs,
      noSession: () => noSession(place),
      refused: (reason) => refused(place, reason),
    },
  };
}

function dial(host: string, port: number, place: string, events: PortEvents): Promise<OpenPort> {
  const socket = createConnection({ host, port, noDelay: true });
  return new Promise((resolve, reject) => {
    const late = setTimeout(
      () => socket.destroy(Object.assign(new Error(), { code: "ETIMEDOUT", errno: -1 })),
      connectMs,
    );
    socket.once("close", () => clearTimeout(late));
    socket.once("error", (error) => reject(dialError(place, host, error)));
    socket.once("connect", () => {
      clearTimeout(late);
      resolve(portOver(socket, events, () => ended(place)));
    });
  });
}

/** Each says what to look at; all of them may pass. */
function dialError(place: string, host: string, error: Error): VertebraError {
  switch (errnoOf(error)) {
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new VertebraError(
        "connect-host",
        `No address of ${host} can be found, which is to be dialed for ${place}`,
        "Check the name (getent hosts tells what this machine knows of it), or give the address itself.",
      );
    case "ECONNREFUSED":
      return new VertebraError(
        "connect-refused",
        `Nobody listens at ${place}`,
        "Start the gateway there, with --listen and an address that others reach: 127.0.0.1 is reached from its own machine alone.",
      );
    case "ETIMEDOUT":
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return new VertebraError(
        "connect-unreachable",
        `${place} can't be reached`,
        "Check the address, that its machine is on, and what is on the way: a firewall keeps silent, too.",
      );
    default:
      return asVertebraError(error, `${place} can't be dialed`);
  }
}

function ended(place: string): VertebraError {
  return new VertebraError(
    "connect-ended",
    `The other end of ${place} has ended the connection`,
    "Look whether a gateway of this world runs there, and what it says: it lets in its members, and each of them a few times.",
  );
}

function noSession(place: string): VertebraError {
  return new VertebraError(
    "connect-silent",
    `Something is at ${place} that does not speak as a gateway does`,
    "Check the port: it is to be that of a gateway's --listen.",
  );
}

function refused(place: string, { code, message, remedy }: VertebraError): VertebraError {
  if (code !== "link-own-avatar") return new VertebraError(code, `${place}: ${message}`, remedy);
  return new VertebraError(
    "connect-self",
    `${place} leads to this gateway itself, or to another with the same seed`,
    "Name another gateway's address. If that is one, a seed must live in one place: provision one of the two anew.",
  );
}
