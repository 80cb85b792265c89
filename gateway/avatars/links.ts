import { VertebraError } from "../../firmware/core/errors";
import type { BlankBoard } from "../../firmware/link/provisioning";
import type { Peers } from "../participant/peers";
import { type LinkAddress, nameOfLink } from "./address";
import type { Platform } from "./avatar";
import { type Door, type DoorStatus, openDoor } from "./door";
import { type Line, type LineStatus, type OpenedLine, startLine } from "./line";
import { openPort } from "./port";
import { type Provisioning, provisionOver } from "./provisioning";
import { serialLine } from "./serial";
import { tcpLine } from "./tcp";

/** All links of a gateway. */
export interface Links {
  /** Opens one more; one that it has already stays as it is. A person is told why it can't be opened, where one `named` it. */
  open(address: LinkAddress, named: boolean): void;
  /** Ends the link that is called so, and whatever it let in. Resolves with whether there was one. */
  shut(name: string): Promise<boolean>;
  /** The line on this serial port, to be pulled out and put back. Throws `port-unknown`. */
  cable(path: string): Pick<OpenedLine, "unplug" | "plug">;
  /** Gives the board on this serial port its identity, as `provisionOver`: no link is on the port meanwhile. */
  provision(
    address: Extract<LinkAddress, { kind: "serial" }>,
    asked: Provisioning,
    signal: AbortSignal,
  ): Promise<BlankBoard | undefined>;
  status(): LinksStatus;
  /** Somebody was expelled. */
  renew(): void;
  close(): Promise<void>;
}

export interface LinksStatus {
  readonly links: readonly LinkStatus[];
  readonly doors: readonly (DoorStatus & { readonly address: string })[];
}

export interface LinkStatus extends LineStatus {
  readonly kind: "serial" | "tcp" | "accepted";
  readonly address: string;
}

/** Of two to one avatar a network carries more than a serial line. */
const ranks = { serial: 0, tcp: 1 };

export function createLinks(
  platform: Platform,
  eventsOf: Peers["eventsOf"],
  tell: (error: VertebraError) => void,
): Links {
  const lines = new Map<string, OpenedLine & { readonly kind: "serial" | "tcp" }>();
  const doors = new Map<string, Door>();

  function openLine(name: string, kind: "serial" | "tcp", line: Line, named: boolean): void {
    const events = eventsOf(() => name, ranks[kind]);
    lines.set(name, { kind, ...startLine(line, platform, events, named) });
  }

  function open(address: LinkAddress, named: boolean): void {
    const name = nameOfLink(address);
    if (lines.has(name) || doors.has(name)) return;
    const { kind } = address;
    if (kind === "serial") openLine(name, kind, serialLine(address.path, address.baudRate), named);
    else if (kind === "tcp") openLine(name, kind, tcpLine(address.host, address.port), named);
    else
      doors.set(
        name,
        openDoor(address.host, address.port, platform, (of) => eventsOf(of, ranks.tcp), tell),
      );
  }

  async function shut(name: string): Promise<boolean> {
    const found = lines.get(name) ?? doors.get(name);
    lines.delete(name);
    doors.delete(name);
    await found?.close();
    return found !== undefined;
  }

  return {
    open,
    shut,
    async provision(address, asked, signal) {
      const had = await shut(address.path);
      try {
        const { path, baudRate } = address;
        return await provisionOver((of) => openPort(path, baudRate, of), platform, path, asked, signal);
      } finally {
        if (had) open(address, false);
      }
    },
    cable: (path) => lines.get(path) ?? noSuchPort(path),
    status() {
      const ofDoors = [...doors].map(([address, door]) => ({ ...door.status(), address }));
      const accepted = ofDoors.flatMap((door) => door.accepted);
      return {
        links: [
          ...[...lines].map(([address, line]) => ({ ...line.status(), kind: line.kind, address })),
          ...accepted.map((each) => ({ ...each, kind: "accepted" as const, open: true, error: undefined })),
        ],
        doors: ofDoors,
      };
    },
    renew() {
      for (const each of [...lines.values(), ...doors.values()]) each.renew();
    },
    async close() {
      await Promise.all([...lines.values(), ...doors.values()].map((each) => each.close()));
    },
  };
}

function noSuchPort(path: string): never {
  throw new VertebraError(
    "port-unknown",
    `This gateway has no serial port ${path}`,
    "Name one that it was started with.",
  );
}
