import { definitionsGroup } from "../../firmware/core/definitions/definition";
import type { VertebraError } from "../../firmware/core/errors";
import { Credentials } from "../../firmware/core/identity/credentials";
import {
  decodeWorldProvision,
  encodeWorldProvision,
  noSagas,
  type Provision,
  type ProvisionedWorld,
} from "../../firmware/core/identity/provision";
import { worldTag } from "../../firmware/core/identity/world";
import { type Blank, type BlankAction, createBlank, receiveByBlank, sayBlank } from "../../firmware/link/blank";
import { encodeFrame, kinds } from "../../firmware/link/frames";
import { createPreamble } from "../../firmware/link/preamble";
import type { Crypto } from "../../firmware/ports";
import {
  alarmProvisioner,
  commit,
  createProvisioner,
  type MadeIdentity,
  offerWorld,
  type Provisioner,
  type ProvisionerAction,
  receiveByProvisioner,
} from "../../gateway/avatars/provisioner";
import { identityOf, seeded, seededRandom, worldA } from "./pair";

/** A blank board and a gateway that provisions it, on one wire, in virtual time. */

/** What the wire makes of a write on its way: the pieces that arrive. */
export type Wire = (from: "board" | "gateway", bytes: Uint8Array) => readonly Uint8Array[];

export interface FirstStart {
  readonly board: { blank: Blank; kept: Provision | undefined; readonly notices: VertebraError[] };
  readonly provisioner: Provisioner;
  /** Whom the gateway was told of before it let the board keep that. */
  readonly made: MadeIdentity[];
  readonly written: Uint8Array[];
  outcome: "member" | VertebraError | undefined;
  /** Lets so many ms pass. */
  run(ms: number): void;
  /** The board loses what it does not keep. */
  cutPower(): void;
}

export function offeredWorld(crypto: Crypto, stewards = 1): ProvisionedWorld {
  const all = Array.from({ length: stewards }, (_, who) => crypto.signer(new Uint8Array(32).fill(100 + who)).publicKey);
  const nothing = { pacts: [], groups: [], readings: [], sagas: noSagas, followers: [] };
  return { worldId: worldA, stewards: all, definitions: definitionsGroup(crypto, all), ...nothing };
}

/** A board's way from an offered world to who it is in it. */
export function identified(crypto: Crypto, refuses: () => VertebraError | undefined = () => undefined) {
  return (world: Uint8Array, seed: Uint8Array) => {
    const refusal = refuses();
    if (refusal !== undefined) throw refusal;
    return new Credentials(crypto, seed, decodeWorldProvision(world).worldId);
  };
}

export function startFirst(
  crypto: Crypto,
  seed: number,
  wire: Wire = (_, bytes) => [bytes],
  refuses: () => VertebraError | undefined = () => undefined,
  world: ProvisionedWorld = offeredWorld(crypto),
): FirstStart {
  const random = seededRandom(seeded(seed));
  const identity = identityOf(crypto, 9);
  let now = 0;
  let boardAt = 0;
  let gatewayAt = 0;
  const blank = () => createBlank({ crypto, random, kind: "rv32", identityIn: identified(crypto, refuses) });
  const start: FirstStart = {
    board: { blank: blank(), kept: undefined, notices: [] },
    provisioner: createProvisioner({ crypto, random, identity, place: "/dev/ttyACM0", now }),
    made: [],
    written: [],
    outcome: undefined,
    run(ms) {
      for (const until = now + ms; now < until && start.outcome === undefined; now += 50) {
        if (now >= boardAt) speak();
        if (now >= gatewayAt) ofGateway(alarmProvisioner(start.provisioner, now));
      }
    },
    cutPower() {
      if (start.board.kept === undefined) start.board.blank = blank();
      boardAt = now + 200;
    },
  };

  function speak(): void {
    boardAt = now + 1_000;
    if (start.board.kept === undefined) ofBoard(sayBlank(start.board.blank, now));
    else toGateway(encodeFrame(kinds.preamble, createPreamble(random, worldTag(crypto, worldA), 0)));
  }

  function toGateway(bytes: Uint8Array): void {
    start.written.push(bytes);
    for (const part of wire("board", bytes)) ofGateway(receiveByProvisioner(start.provisioner, part, now));
  }

  function ofBoard(actions: readonly BlankAction[]): void {
    for (const action of actions) {
      if (action.kind === "write") toGateway(action.bytes);
      else if (action.kind === "notice") start.board.notices.push(action.error);
      else if (action.kind === "keep")
        start.board.kept ??= { seed: action.seed, worlds: [decodeWorldProvision(action.world)] };
    }
  }

  function ofGateway(actions: readonly ProvisionerAction[]): void {
    for (const action of actions) {
      if (action.kind === "write") {
        start.written.push(action.bytes);
        for (const part of wire("gateway", action.bytes)) {
          if (start.board.kept === undefined) ofBoard(receiveByBlank(start.board.blank, part));
        }
      } else if (action.kind === "wake") gatewayAt = action.at;
      else if (action.kind === "blank") ofGateway(offerWorld(start.provisioner, encodeWorldProvision(world)));
      else if (action.kind === "prepared") {
        start.made.push(action.made);
        ofGateway(commit(start.provisioner));
      } else start.outcome = action.kind === "member" ? "member" : action.error;
    }
  }

  return start;
}
