import { ample } from "../../firmware/core/bounds";
import { VertebraError } from "../../firmware/core/errors";
import type { PeerId } from "../../firmware/core/events";
import { attest, verifyAttestation } from "../../firmware/core/identity/attestation";
import { avatarSeed, noiseStatic } from "../../firmware/core/identity/avatar";
import { worldPsk, worldTag } from "../../firmware/core/identity/world";
import {
  alarmCable,
  type Cable,
  createCable,
  cutOffByCable,
  openCable,
  sendByCable,
} from "../../firmware/device/cable";
import type { LinkIdentity } from "../../firmware/link/link";
import type { Random } from "../../firmware/ports";
import { worldId } from "../core/network";
import { occupy } from "./compute";
import { arrivals, type LinkState } from "./links";
import type { LinkPlan } from "./plan";
import { sealingOnce, watchResumptions } from "./secrets";
import { give, isUp, type Member, type Transport, timeOf, type World, whenIsIt } from "./world";

/** One end of a link: the cable of a board, over a wire whose bytes are lost, doubled and damaged. */
interface End {
  readonly cable: Cable;
  /** The participant's number for the cable's present peer, by the cable's own. */
  readonly peers: Map<PeerId, PeerId>;
  /** What the wire gives it, while it is open. */
  wire: { received(bytes: Uint8Array): void; closed(reason: string): void } | undefined;
  wishes: number;
}

/** Bytes in a hundred writes that arrive with one of their bits turned. */
const damaged = 0.02;

/** Bytes that a slow wire brings together, as a port gives them. */
const pieceBytes = 32;
/** Bytes per ms below which a wire is one on which a frame can be seen to arrive. */
const slowRate = 20;

/** What arrives of a write, in pieces as a slow wire brings them, and how many ms each comes before the last. */
function pieces(bytes: Uint8Array, { rate, reorders }: LinkPlan): (readonly [Uint8Array, number])[] {
  if (rate >= slowRate || reorders) return [[bytes, 0]];
  const cut: (readonly [Uint8Array, number])[] = [];
  for (let from = 0; from < bytes.length; from += pieceBytes) {
    const piece = bytes.subarray(from, from + pieceBytes);
    cut.push([piece, Math.floor((bytes.length - from - piece.length) / rate)]);
  }
  return cut;
}

/** Links that carry bytes between the firmware's own cables: sessions, windows and resumption are real. */
export function byteTransport(world: World, links: readonly LinkState[], fail: (what: string) => void): Transport {
  const { draw, schedule } = world;
  const crypto = sealingOnce(world.crypto, fail);
  const random: Random = { bytes: (count) => Uint8Array.from({ length: count }, () => draw.below(256)) };
  const identities = new Map([...world.members.values()].map((member) => [member, identityOf(world, member)]));
  const ends = new Map<LinkState, [End | undefined, End | undefined]>(
    links.map((link) => [link, [undefined, undefined]]),
  );
  const routes = new Map<Member, Map<PeerId, { readonly end: End; readonly peer: PeerId }>>();
  let resumed = 0;

  function createEnd(link: LinkState, side: 0 | 1): End {
    const member = link.ends[side];
    const other = link.ends[side === 0 ? 1 : 0];
    const { boots } = member;
    const stillOn = () => member.boots === boots && member.participant !== undefined;
    const route = routes.get(member) ?? new Map();
    routes.set(member, route);
    const resumptions = watchResumptions((what) => fail(`${member.name} and ${other.name}: ${what}`));
    const end: End = {
      peers: new Map(),
      wire: undefined,
      wishes: 0,
      cable: createCable({
        ...{ crypto, random, identity: identities.get(member)!, queue: ample.queue },
        clock: { now: () => timeOf(world, member) },
        open(received, closed) {
          if (link.told.size > 0 || member.asleep) throw new VertebraError("serial-missing", "No wire.", "Plug it in.");
          end.wire = { received, closed };
          return {
            write(bytes) {
              resumptions.sent(bytes);
              transmit(link, side, bytes);
              return true;
            },
            close() {
              end.wire = undefined;
            },
          };
        },
        wake(at) {
          const wish = ++end.wishes;
          if (at === Number.POSITIVE_INFINITY) return;
          schedule.at(whenIsIt(world, member, at), () => {
            if (wish !== end.wishes || !stillOn() || member.asleep) return;
            occupy(world, member, () => alarmCable(end.cable));
          });
        },
        up(peer, { avatar, resumed: again, room }) {
          if (!stillOn()) return;
          if (again) {
            resumed++;
            resumptions.resumed();
          }
          const id = member.nextPeer++;
          end.peers.set(peer, id);
          route.set(id, { end, peer });
          member.peers.set(id, other.name);
          give(world, member, { kind: "connected", world: world.tag, peer: id, avatar, room });
        },
        room(peer, room) {
          if (stillOn()) give(world, member, { kind: "room", peer: end.peers.get(peer)!, room });
        },
        message(peer, bytes) {
          if (stillOn()) give(world, member, { kind: "message", peer: end.peers.get(peer)!, bytes });
        },
        down(peer) {
          if (!stillOn()) return;
          const id = end.peers.get(peer)!;
          end.peers.delete(peer);
          route.delete(id);
          member.peers.delete(id);
          give(world, member, { kind: "disconnected", peer: id });
        },
        notice() {},
      }),
    };
    return end;
  }

  function transmit(link: LinkState, from: 0 | 1, bytes: Uint8Array): void {
    const to = from === 0 ? 1 : 0;
    for (const at of arrivals(world, link, from, bytes.length)) {
      const arriving = draw.chance(damaged) && link.plan.loss > 0 ? damage(bytes) : bytes;
      for (const [piece, early] of pieces(arriving, link.plan)) {
        // Bytes don't overtake each other: those of a frame that jitter held up come before the next one's.
        link.broughtAt[from] = Math.max(at - early, link.broughtAt[from]);
        schedule.at(link.plan.reorders ? at : link.broughtAt[from], () => {
          const member = link.ends[to];
          if (member.compute.inbox.length >= (world.plan.queue ?? Infinity)) link.lost++;
          else if (isUp(member)) occupy(world, member, () => ends.get(link)![to]?.wire?.received(piece));
        });
      }
    }
  }

  function damage(bytes: Uint8Array): Uint8Array {
    const copy = bytes.slice(0, draw.chance(0.3) ? draw.below(bytes.length) + 1 : bytes.length);
    copy[draw.below(copy.length)]! ^= 1 << draw.below(8);
    return copy;
  }

  /** What both ends see of a cable that is pulled, and of a board that falls asleep. */
  function unplug(link: LinkState, side: 0 | 1): void {
    const end = ends.get(link)![side];
    const { wire } = end ?? {};
    if (end === undefined || wire === undefined) return;
    end.wire = undefined;
    wire.closed("unplugged");
  }

  return {
    send(from, peer, bytes) {
      const route = routes.get(from)?.get(peer);
      if (route === undefined) return;
      const to = world.members.get(from.peers.get(peer)!)!;
      world.watcher.sent(from, to, bytes);
      sendByCable(route.end.cable, route.peer, bytes);
    },
    cutOff(member, peer) {
      const route = routes.get(member)?.get(peer);
      if (route === undefined) return;
      const reason = new VertebraError("peer-cut-off", "It sent what is invalid.", "Look at it.");
      cutOffByCable(route.end.cable, route.peer, reason);
    },
    changed() {
      for (const link of links) {
        const both = ends.get(link)!;
        for (const side of [0, 1] as const) {
          const member = link.ends[side];
          if (member.participant === undefined) {
            both[side] = undefined;
            routes.delete(member);
          } else if (link.told.size > 0 || member.asleep) unplug(link, side);
          else if (both[side] === undefined) {
            both[side] = createEnd(link, side);
            openCable(both[side].cable);
            // Its alarm may have come while it was asleep.
          } else if (both[side].wire === undefined) alarmCable(both[side].cable);
        }
      }
    },
    resumed: () => resumed,
  };
}

function identityOf({ crypto }: World, { seed, avatar }: Member): LinkIdentity {
  const secret = avatarSeed(crypto, seed, worldId);
  const signer = crypto.signer(secret);
  return {
    worldTag: worldTag(crypto, worldId),
    epoch: 0,
    psk: () => worldPsk(crypto, worldId),
    refuses: () => undefined,
    noiseSecret: noiseStatic(crypto, secret),
    attestation: attest(crypto, seed, worldId),
    avatar: { publicKey: avatar, sign: signer.sign },
    verifyAttestation: (bytes) => verifyAttestation(crypto, worldId, bytes),
  };
}
