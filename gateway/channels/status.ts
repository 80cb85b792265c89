import type { VertebraError } from "../../firmware/core/errors";
import { fromHex, toHex } from "../../firmware/core/wire/bytes";
import type { LinkStatus } from "../avatars/links";
import type { Gateway } from "../gateway";
import { nodeClock } from "../participant/platform";

/** A gateway's status with the names that people use; what `vertebra status --json` prints. */
export interface StatusJson {
  readonly directory: string;
  readonly world: string;
  readonly avatar: string;
  readonly engine: string;
  readonly epoch: number;
  /** The epoch of the membership, and who is in the world no more. */
  readonly membership: { readonly epoch: number; readonly expelled: readonly string[] };
  /** HFG and HCG of the patent, and the attempt for the generation after HFG. */
  readonly highestFinalizableGeneration: number;
  readonly highestCertifiedGeneration: number;
  readonly attempt: number;
  readonly groups: readonly {
    readonly name: string;
    readonly id: string;
    readonly pact: string;
    readonly owners: readonly string[];
    readonly finalBlocks: number;
    readonly finalEntries: number;
    readonly buffered: number;
    readonly pendingBlocks: number;
    /** Only observes until so many blocks are final; 0 where it votes. */
    readonly observesUntil: number;
  }[];
  readonly links: readonly {
    readonly kind: LinkStatus["kind"];
    /** A serial port's path, `tcp://HOST:PORT` of one who is dialed, or of one who dialed. */
    readonly address: string;
    /** Who is behind is told definitions alone, by which it goes on in the present epoch of the membership. */
    readonly state: "up" | "behind" | "open" | "closed";
    /** Who is at the other end. */
    readonly peer: string | null;
    readonly error: ErrorJson | null;
    /** For how long the session stands, ms, and whether it is one that had been cut. */
    readonly upMs: number | null;
    readonly resumed: boolean;
    readonly bytesIn: number;
    readonly bytesOut: number;
    readonly framesDamaged: number;
    readonly retransmissions: number;
    /** What an acknowledgement takes on average, ms. */
    readonly roundTripMs: number | null;
    /** Bytes that were given to it, and are not acknowledged. */
    readonly queued: number;
    readonly dropped: number;
  }[];
  /** Where others may dial it. */
  readonly doors: readonly {
    readonly address: string;
    readonly port: number;
    readonly open: boolean;
    readonly error: ErrorJson | null;
    /** Connections without a session: those that there are, and those that ended so. */
    readonly strangers: number;
    readonly turnedAway: number;
  }[];
}

interface ErrorJson {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

export function statusJson(gateway: Gateway): StatusJson {
  const { world } = gateway;
  const { engine, links, doors, groups, ...status } = gateway.status();
  const now = nodeClock().now().monotonic;
  const present = gateway.participant.membership(world.tag).epoch;
  const names = new Map(world.catalog.members.map(({ name, avatar }) => [toHex(avatar), name]));
  return {
    directory: world.directory,
    world: status.world,
    avatar: status.avatar,
    engine,
    epoch: status.epoch,
    membership: {
      epoch: present,
      expelled: world.catalog.expelled.map(({ avatar }) => world.catalog.memberName(avatar)),
    },
    highestFinalizableGeneration: status.highestFinalizableGeneration,
    highestCertifiedGeneration: status.highestCertifiedGeneration,
    attempt: status.attempt,
    groups: groups.map((group) => ({
      name: world.catalog.groupOf(fromHex(group.group))?.name ?? group.group,
      id: group.group,
      pact: group.pact,
      owners: group.owners.map((owner) => names.get(owner) ?? owner),
      finalBlocks: group.finalBlocks,
      finalEntries: group.finalEntries,
      buffered: group.buffered,
      pendingBlocks: group.pendingBlocks,
      observesUntil: group.observesUntil,
    })),
    links: links.map(({ kind, address, open, avatar, epoch, error, since, resumed, stats, dropped }) => ({
      kind,
      address,
      state: epoch !== undefined ? (epoch < present ? "behind" : "up") : open ? "open" : "closed",
      peer: avatar ? (names.get(avatar) ?? avatar) : null,
      error: errorJson(error),
      upMs: since === undefined ? null : Math.round(now - since),
      resumed,
      bytesIn: stats.bytesIn,
      bytesOut: stats.bytesOut,
      framesDamaged: stats.framesDamaged,
      retransmissions: stats.retransmissions,
      roundTripMs: stats.roundTrip === undefined ? null : Math.round(stats.roundTrip * 10) / 10,
      queued: stats.queued,
      dropped,
    })),
    doors: doors.map(({ address, port, open, error, strangers, turnedAway }) => ({
      ...{ address, port, open, strangers, turnedAway },
      error: errorJson(error),
    })),
  };
}

function errorJson(error: VertebraError | undefined): ErrorJson | null {
  return error ? { code: error.code, message: error.message, remedy: error.remedy } : null;
}
