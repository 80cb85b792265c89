import { VertebraError } from "../../firmware/core/errors";
import { toHex } from "../../firmware/core/wire/bytes";
import type { AvatarId } from "../../firmware/core/wire/types";
import { type Frame, kinds } from "../../firmware/link/frames";
import { knockSpacing } from "../../firmware/link/limits";
import { decodeResume1 } from "../../firmware/link/resumption";
import { isAskedBy } from "../../firmware/link/session";
import type { PeerEvents } from "../participant/peers";
import { type Avatar, type AvatarStatus, createAvatar, type Platform } from "./avatar";
import type { OpenPort } from "./port";

/** A connection that somebody dialed. */
export interface Wire {
  readonly address: string;
  readonly port: OpenPort;
  /** A session stands on it. */
  proved(): void;
  /** None does any more: what holds for strangers holds for it again. */
  unproved(): void;
  drop(): void;
}

/** This side of a session with one who dials: over one wire after the other, since who dials comes back by another. */
export interface Accepted {
  readonly avatar: Avatar;
  wire: Wire | undefined;
  /** Of its last wire. */
  address: string;
  /** Who it is, in hex, once it has proved that. */
  who: string | undefined;
  stands: boolean;
  forget: NodeJS.Timeout | undefined;
}

export interface AcceptedStatus extends AvatarStatus {
  readonly address: string;
}

/** The sessions of all who dialed. */
export interface Guests {
  /** Whom a wire is of, by the first frame on it: the session that it asks for goes on, also where it seems to stand elsewhere yet. */
  meet(wire: Wire, first: Frame): Accepted;
  /** Its wire has gone: the session is kept for a while. */
  leave(accepted: Accepted): void;
  /** Of those that stand. */
  status(): AcceptedStatus[];
  renew(): void;
  /** Forgets those who are away. */
  close(): void;
}

/** Sessions that may stand, and with one avatar. */
const mostStanding = 256;
const mostOfOne = 4;
/** Sessions that are kept for those who are away, and how long. */
const mostKept = 64;
const keptMs = 600_000;

export function createGuests(
  platform: Platform,
  eventsOf: (address: () => string) => PeerEvents,
  tell: (error: VertebraError) => void,
): Guests {
  const { clock } = platform;
  /** In the order in which they came. */
  const all = new Set<Accepted>();
  const toldAt = new Map<string, number>();

  function meet(wire: Wire, first: Frame): Accepted {
    const accepted = askedFor(first) ?? create();
    accepted.wire?.drop();
    if (accepted.wire) accepted.avatar.end();
    clearTimeout(accepted.forget);
    accepted.wire = wire;
    accepted.address = wire.address;
    accepted.avatar.begin(wire.port);
    return accepted;
  }

  function askedFor({ kind, payload }: Frame): Accepted | undefined {
    if (kind !== kinds.resume1) return undefined;
    try {
      const { id } = decodeResume1(payload);
      return [...all].find(({ avatar }) => isAskedBy(avatar.link.session, id));
    } catch (error) {
      if (!(error instanceof VertebraError)) throw error;
      return undefined;
    }
  }

  function create(): Accepted {
    const events = eventsOf(() => accepted.address);
    const avatar = createAvatar({
      ...platform,
      leads: false,
      events,
      up: (avatar) => letIn(accepted, avatar),
      down(reason) {
        accepted.stands = false;
        if (reason.code === "link-silent") accepted.wire?.drop();
        else accepted.wire?.unproved();
      },
      notice(reason) {
        if (accepted.stands) return events.notice(reason);
        tellOnce(accepted, reason);
        accepted.wire?.drop();
      },
      cut: () => accepted.wire?.drop(),
    });
    const accepted: Accepted = {
      ...{ avatar, wire: undefined, address: "", who: undefined, stands: false, forget: undefined },
    };
    all.add(accepted);
    return accepted;
  }

  function letIn(accepted: Accepted, avatar: AvatarId): boolean {
    const who = toHex(avatar);
    const standing = [...all].filter(({ stands }) => stands);
    const same = standing.filter((other) => other.who === who).length;
    if (standing.length >= mostStanding || same >= mostOfOne) {
      tellOnce(accepted, tooMany(same >= mostOfOne));
      accepted.wire?.drop();
      return false;
    }
    // Who makes a new session has nothing to come back to.
    for (const other of all) if (other.who === who && other !== accepted && other.wire === undefined) forget(other);
    accepted.who = who;
    accepted.stands = true;
    accepted.wire?.proved();
    return true;
  }

  function forget(accepted: Accepted): void {
    clearTimeout(accepted.forget);
    all.delete(accepted);
  }

  /** Whoever can connect must not fill a log. */
  function tellOnce({ address }: Accepted, { code, message, remedy }: VertebraError): void {
    const now = clock.now().monotonic;
    if (now - (toldAt.get(code) ?? Number.NEGATIVE_INFINITY) < knockSpacing) return;
    toldAt.set(code, now);
    tell(new VertebraError(code, `${address}: ${message}`, remedy));
  }

  return {
    meet,
    leave(accepted) {
      accepted.wire = undefined;
      accepted.avatar.end();
      if (accepted.who === undefined) return forget(accepted);
      accepted.forget = setTimeout(() => forget(accepted), keptMs);
      const away = [...all].filter(({ wire }) => wire === undefined);
      if (away.length > mostKept) forget(away[0]!);
    },
    status: () =>
      [...all].filter(({ stands }) => stands).map(({ avatar, address }) => ({ ...avatar.status(), address })),
    renew() {
      for (const { avatar } of all) avatar.renew();
    },
    close() {
      for (const accepted of all) forget(accepted);
    },
  };
}

function tooMany(ofOne: boolean): VertebraError {
  const [most, whose] = ofOne ? [mostOfOne, " with this avatar"] : [mostStanding, ""];
  return new VertebraError(
    "listen-full",
    `${most} sessions${whose} stand here, and another is not let in`,
    ofOne ? "Remove links to here that its gateway does not need." : "Have some of them dial another gateway.",
  );
}
