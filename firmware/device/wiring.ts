import type { Board as Definition } from "../core/capability/board";
import type { Why } from "../core/capability/capabilities";
import type { Setting } from "../core/capability/interfaces";
import { VertebraError } from "../core/errors";
import type { PeerId } from "../core/events";
import { type Credentials, type Members, shortName } from "../core/identity/credentials";
import type { Membership } from "../core/identity/membership";
import type { Participant } from "../core/participant";
import type { Outcome as StageOutcome } from "../core/saga/events";
import { toHex } from "../core/wire/bytes";
import type { AvatarId, Hash } from "../core/wire/types";
import type { LinkAction } from "../link/link";
import type { Native } from "../native/native";
import type { Clock, Crypto, Random, Room } from "../ports";
import type { Conducting } from "../sandbox/conducting";
import { type Journal, readRecord, writeRecords } from "../store/journal";
import type { Packing } from "../store/values";
import { type Cable, type CableOptions, cutOffByCable, sendByCable, type Wire } from "./cable";
import { type BoardCapabilities, type CapabilityOptions, letGo } from "./capabilities";
import type { Counts } from "./counted";
import { takeDefined, takeExpelled } from "./defined";
import { type Driver, type DriverOptions, drive, type Outcome } from "./driver";
import type { Line } from "./lines";
import { argumentsAgain, type BoardOptions } from "./options";
import { type SimulatedPins, simulatedPins } from "./pins/simulated";
import { hostClock, hostRandom, openWire } from "./ports";
import { noticeOf, tellOutcome } from "./telling";
import type { Pushing, Writers } from "./writers";

/**
 * What the parts of a board ask of each other. These are classes, each with its board: their methods take no RAM, and on a board each
 * function that is made while it starts takes some, with its code.
 */

/** ms until a flash that failed is tried again. */
export const flashAgainMs = 5_000;

/** A board, by its parts: each is there when the next one is made. */
export class Board {
  readonly counts: Counts = { signatures: 0, verified: 0 };
  readonly clock: Clock;
  world = "";
  journal!: Journal;
  cable!: Cable;
  pins: SimulatedPins | undefined;
  capabilities: BoardCapabilities | undefined;
  driver!: Driver;
  writers!: Writers;
  ofWriters!: Alarm;
  packing!: Packing;
  identity!: Credentials;
  sagas: Conducting | undefined;
  /** The pacts and groups of its provision, and those that were defined since. */
  known!: { readonly pacts: Uint8Array[]; readonly groups: Uint8Array[] };
  /** Sagas that were deployed before this start, until `sagas` is there. */
  readonly deployed: Extract<Outcome, { kind: "deployed" | "rollout" | "undeployed" }>[] = [];

  constructor(
    readonly native: Native,
    readonly options: BoardOptions,
    readonly print: (line: Line) => void,
  ) {
    this.clock = hostClock(native);
  }

  notice(error: VertebraError): void {
    this.print(noticeOf(error));
  }

  /** Tells that a capability was set. */
  toldOf(capability: string, value: Setting, why: Why): void {
    this.print({ event: "capability", capability, value, why, at: this.clock.now().wall });
  }

  /** One whose flash fails can promise nothing: it lets go of all, and begins anew with what the flash has then. */
  failed(error: VertebraError): never {
    const { native, options, capabilities } = this;
    this.notice(error);
    if (capabilities) letGo(capabilities);
    const halted = capabilities?.stopped ?? options.halted;
    return native.restart(flashAgainMs, ...argumentsAgain(native.arguments, halted));
  }
}

/** A timer of the platform: of those that are due together the first opened is the first to be called. */
export class Alarm {
  private readonly timer: number;

  constructor(
    private readonly native: Native,
    act: () => void,
  ) {
    this.timer = native.timer.open(act);
  }

  /** Monotonic ms; replaces the time asked for before. */
  set(at: number): void {
    const { timer } = this.native;
    if (at < Number.POSITIVE_INFINITY) timer.set(this.timer, at);
    else timer.stop(this.timer);
  }
}

/** Whether the actuators are stopped, in the journal. */
const haltKey = "board/halted";

/** What the capabilities of a board ask of it. Its pins are simulated, and whether they are stopped is kept in its journal. */
export class ActuatorPorts implements CapabilityOptions {
  readonly clock: Clock;
  readonly pins: SimulatedPins | undefined;
  readonly stopped: boolean;

  constructor(
    private readonly its: Board,
    readonly board: Definition,
    private readonly alarm: Alarm,
  ) {
    this.clock = its.clock;
    this.pins = its.pins;
    this.stopped = readRecord(its.journal, haltKey)?.[0] === 1;
  }

  keep(halted: boolean): void {
    writeRecords(this.its.journal, new Map([[haltKey, Uint8Array.of(halted ? 1 : 0)]]), new Set());
  }

  heardAt(): number {
    return this.its.cable.link.heardAt;
  }

  wake(at: number): void {
    this.alarm.set(at);
  }

  acted(run: number, outcome: StageOutcome, error: string): void {
    this.its.sagas?.handle({ kind: "acted", run, outcome, error });
  }

  told(capability: string, value: Setting, why: Why): void {
    this.its.toldOf(capability, value, why);
  }

  notice(error: VertebraError): void {
    this.its.notice(error);
  }
}

/** For a board that can't start: its actuators go to their safe states, nothing of it is kept, and nothing operates them. */
export class SafePorts implements CapabilityOptions {
  readonly clock: Clock;
  readonly pins: SimulatedPins;
  readonly stopped = true;

  constructor(
    private readonly its: Board,
    readonly board: Definition,
  ) {
    this.clock = its.clock;
    this.pins = its.pins ?? simulatedPins(its.clock);
  }

  keep(): void {}
  wake(): void {}
  acted(): void {}

  heardAt(): number {
    return Number.NEGATIVE_INFINITY;
  }

  told(capability: string, value: Setting, why: Why): void {
    this.its.toldOf(capability, value, why);
  }

  notice(error: VertebraError): void {
    this.its.notice(error);
  }
}

export class CablePorts implements CableOptions {
  readonly clock: Clock;
  readonly random: Random;

  constructor(
    private readonly board: Board,
    readonly crypto: Crypto,
    readonly identity: Credentials,
    readonly queue: number,
    private readonly alarm: Alarm,
  ) {
    this.clock = board.clock;
    this.random = hostRandom(board.native);
  }

  open(received: (bytes: Uint8Array) => void, closed: (reason: string) => void): Wire {
    const { native, options } = this.board;
    return openWire(native, options.wire, received, closed, this.board);
  }

  wake(at: number): void {
    this.alarm.set(at);
  }

  up(peer: PeerId, { avatar, epoch, resumed, room }: Extract<LinkAction, { kind: "up" }>): void {
    const { driver, print, world } = this.board;
    print({ event: "link", up: true, avatar: toHex(avatar), resumed });
    drive(driver, { kind: "connected", world, peer, avatar, epoch, room });
  }

  room(peer: PeerId, room: Room): void {
    drive(this.board.driver, { kind: "room", peer, room });
  }

  message(peer: PeerId, bytes: Uint8Array): void {
    drive(this.board.driver, { kind: "message", peer, bytes });
  }

  down(peer: PeerId, { code, message }: VertebraError): void {
    const { driver, print } = this.board;
    print({ event: "link", up: false, code, message });
    drive(driver, { kind: "disconnected", peer });
  }

  notice(error: VertebraError): void {
    this.board.notice(error);
  }
}

/** Whom a board lets in: of names it knows none. */
export class KnownMembers implements Members {
  readonly membership: Membership;

  constructor(
    private readonly participant: Participant,
    private readonly world: string,
  ) {
    this.membership = participant.membership(world);
  }

  knows(avatar: AvatarId): boolean {
    return this.participant.knows(this.world, avatar);
  }

  nameOf(avatar: AvatarId): string {
    return shortName(avatar);
  }
}

export class DriverPorts implements DriverOptions {
  readonly clock: Clock;

  constructor(
    private readonly board: Board,
    readonly participant: Participant,
    private readonly crypto: Crypto,
    private readonly alarm: Alarm,
  ) {
    this.clock = board.clock;
  }

  /** What is never full by its own reckoning, and is, leaves a participant ahead of its store: it goes on from what is written. */
  write(puts: ReadonlyMap<string, Uint8Array>, deletes: ReadonlySet<string>): void {
    try {
      writeRecords(this.board.journal, puts, deletes);
    } catch (error) {
      if (!(error instanceof VertebraError) || error.code !== "store-full") throw error;
      this.board.failed(error);
    }
  }

  read(key: string): Uint8Array | undefined {
    return readRecord(this.board.journal, key);
  }

  send(peer: PeerId, bytes: Uint8Array): void {
    sendByCable(this.board.cable, peer, bytes);
  }

  cut(peer: PeerId, reason: VertebraError): void {
    cutOffByCable(this.board.cable, peer, reason);
  }

  deliver(outcome: Outcome): void {
    const { writers, clock, print, sagas } = this.board;
    if (outcome.kind === "defined") takeDefined(this.board, this.crypto, outcome.group);
    else if (outcome.kind === "expelled") takeExpelled(this.board, outcome.avatar, outcome.epoch);
    else {
      tellOutcome(outcome, writers, clock.now(), print);
      if (sagas !== undefined) sagas.take(outcome);
      else if (outcome.kind === "deployed" || outcome.kind === "rollout" || outcome.kind === "undeployed")
        this.board.deployed.push(outcome);
    }
  }

  wake(at: number): void {
    this.alarm.set(at);
  }
}

export class WriterPorts implements Pushing {
  constructor(private readonly board: Board) {}

  push(group: Hash, entry: Uint8Array, token: number): void {
    const { driver, sagas, world } = this.board;
    const error = sagas?.heldBack(group);
    if (error === undefined) drive(driver, { kind: "push", world, group, entry, id: null, token });
    else this.refuse(token, error);
  }

  refuse(token: number, error: VertebraError): void {
    const { writers, clock, print } = this.board;
    tellOutcome({ kind: "refused", token, error }, writers, clock.now(), print);
  }
}
