import { decodeBoard } from "../core/capability/board";
import { wallError } from "../core/clock";
import { VertebraError } from "../core/errors";
import { credentials } from "../core/identity/credentials";
import type { Provision } from "../core/identity/provision";
import { createParticipant } from "../core/participant";
import { toHex } from "../core/wire/bytes";
import type { Hash } from "../core/wire/types";
import { linkStats } from "../link/link";
import type { Native } from "../native/native";
import type { Conducting } from "../sandbox/conducting";
import { type Journal, journalStats, openJournal, readRecord, writeRecords } from "../store/journal";
import { type Actuators, bare, openActuators } from "./actuators";
import { alarmCable, type Cable, createCable, cutOffByCable, openCable, sendByCable } from "./cable";
import {
  alarmCapabilities,
  type BoardCapabilities,
  letGo,
  operate,
  resumeActuators,
  stopActuators,
} from "./capabilities";
import type { Command } from "./console";
import { type Counts, counted } from "./counted";
import { createDriver, type Driver, type DriverOptions, drive } from "./driver";
import { finalsOf, promisesOf, sharesOf } from "./keeping";
import type { Line } from "./lines";
import { argumentsAgain, type BoardOptions } from "./options";
import { hostBounds, hostClock, hostCrypto, hostFlash, hostRandom, openWire } from "./ports";
import { sources } from "./readings";
import { openSagas } from "./sagas";
import { openSandbox } from "./sandbox";
import { noticeOf, tellOutcome } from "./telling";
import { createWriters, runWriters, type Writers } from "./writers";

/** ms until a flash that failed is tried again. */
export const flashAgainMs = 5_000;

/** A board that was started: what is told it from outside, and what is asked of it. */
export interface Board {
  readonly native: Native;
  readonly print: (line: Line) => void;
  readonly counts: Counts;
  readonly journal: Journal;
  readonly driver: Driver;
  readonly cable: Cable;
  readonly actuators: Actuators;
  readonly writers: Writers;
}

/** Starts a board in the first world of its provision, and goes on in callbacks of the host. Throws where it can't be started. */
export function startBoard(
  native: Native,
  options: BoardOptions,
  provision: Provision,
  print: (line: Line) => void,
): Board {
  const clock = hostClock(native);
  const notice = (error: VertebraError) => print(noticeOf(error));
  const unset = wallError(native.clock.wall());
  if (unset) notice(unset);
  const counts = { signatures: 0, verified: 0 };
  const crypto = counted(hostCrypto(native, notice), counts);
  const world = provision.worlds[0];
  if (!world) throw new VertebraError("provision-world", "The provision names no world", "Provision the board anew.");
  /** A board whose flash fails can promise nothing: it lets go of all, and begins anew with what the flash has then. */
  const failed = (error: VertebraError): never => {
    notice(error);
    if (known) letGo(known);
    const halted = known?.stopped ?? options.halted;
    return native.restart(flashAgainMs, ...argumentsAgain(native.arguments, halted));
  };
  let known: BoardCapabilities | undefined;
  const journal = openJournal(
    hostFlash(native, options.flash, failed),
    crypto.signer(provision.seed).publicKey,
    notice,
  );
  const shares = sharesOf(journal);
  const participant = createParticipant({
    crypto,
    seed: provision.seed,
    worlds: [world],
    bounds: hostBounds(native),
    room: { bytes: shares.participant, finals: finalsOf(journal) },
    records: promisesOf(journal),
  });
  const { world: tag, avatar } = participant.avatars()[0]!;
  const alarm = (act: () => void) => {
    const timer = native.timer.open(act);
    return (at: number) => (at < Number.POSITIVE_INFINITY ? native.timer.set(timer, at) : native.timer.stop(timer));
  };
  // Of the timers that are due together the first opened is the first to be called.
  const wakeActuators = alarm(() => alarmCapabilities(actuators.capabilities));
  const now = () => clock.now().monotonic;
  const definition = options.board === undefined ? bare : decodeBoard(native.readFile(options.board));

  const cable = createCable({
    crypto,
    random: hostRandom(native),
    clock,
    identity: credentials(crypto, provision.seed, world.worldId),
    open: (received, closed) => openWire(native, options.wire, received, closed, notice),
    wake: alarm(() => alarmCable(cable)),
    up(peer, other, resumed, room) {
      print({ event: "link", up: true, avatar: toHex(other), resumed });
      drive(driver, { kind: "connected", world: tag, peer, avatar: other, room });
    },
    room: (peer, room) => drive(driver, { kind: "room", peer, room }),
    message: (peer, bytes) => drive(driver, { kind: "message", peer, bytes }),
    down(peer, { code, message }) {
      print({ event: "link", up: false, code, message });
      drive(driver, { kind: "disconnected", peer });
    },
    notice,
  });
  const actuators = openActuators({
    ...{ definition, journal, clock, notice, print },
    heardAt: () => cable.link.heardAt,
    wake: wakeActuators,
    acted: (run, outcome, error) => sagas?.handle({ kind: "acted", run, outcome, error }),
  });
  const { capabilities } = actuators;
  known = capabilities;
  let sagas: Conducting | undefined;
  // What is never full by its own reckoning, and is, leaves a participant ahead of its store: it goes on from what is written.
  const write: DriverOptions["write"] = (puts, deletes) => {
    try {
      writeRecords(journal, puts, deletes);
    } catch (error) {
      if (!(error instanceof VertebraError) || error.code !== "store-full") throw error;
      failed(error);
    }
  };
  const driver = createDriver({
    participant,
    write,
    read: (key) => readRecord(journal, key),
    clock,
    send: (peer, bytes) => sendByCable(cable, peer, bytes),
    cut: (peer, reason) => cutOffByCable(cable, peer, reason),
    deliver(outcome) {
      tellOutcome(outcome, writers, clock.now(), print);
      sagas?.take(outcome);
    },
    wake: alarm(() => drive(driver, { kind: "alarm" })),
  });
  const refuse = (token: number, error: VertebraError) =>
    tellOutcome({ kind: "refused", token, error }, writers, clock.now(), print);
  const push = (group: Hash, entry: Uint8Array, token: number) => {
    const error = sagas?.heldBack(group);
    if (error === undefined) drive(driver, { kind: "push", world: tag, group, entry, id: null, token });
    else refuse(token, error);
  };
  const writers = createWriters(sources(crypto, world, native.sensors, capabilities.sensors), push, refuse);
  const writeAt = alarm(() => writeAt(runWriters(writers, now())));

  // First of all that writes: of a flash that is full it gives up what is final.
  drive(driver, { kind: "boot" });
  if (options.halted) stopActuators(capabilities);
  sagas = openSagas({
    ...{
      crypto,
      clock,
      world,
      tag,
      avatar,
      journal,
      notice,
      mostKept: shares.sagas,
      push: (event) => drive(driver, event),
      published: capabilities.published,
    },
    openSandbox: () => openSandbox(native, definition.sandbox, options, journal, print),
    act: (run, operations) => operate(capabilities, run, operations),
    wake: alarm(() => sagas?.handle({ kind: "alarm" })),
  });
  const { epoch } = participant.status(tag);
  print({ event: "boot", engine: native.engine, crypto: crypto.engine, avatar: toHex(avatar), world: tag, epoch });
  openCable(cable);
  sagas?.handle({ kind: "boot" });
  writeAt(now());

  return { native, print, counts, journal, driver, cable, actuators, writers };
}

/** Does what was said to the board. */
export function obey(board: Board, command: Command | undefined): void {
  switch (command?.kind) {
    case "stop":
      stopWriting(board);
      break;
    case "status":
      tellStats(board);
      break;
    case "halt":
      stopActuators(board.actuators.capabilities);
      break;
    case "resume":
      resumeActuators(board.actuators.capabilities);
      break;
    case "pin":
      board.actuators.pins.drive(command.pin, command.level);
  }
}

/** Stops the writers, and seals what they pushed as far as that may be now. */
export function stopWriting({ writers, driver, print }: Board): void {
  writers.stopped = true;
  drive(driver, { kind: "flush" });
  print({ event: "stopped" });
}

export function tellStats({ native, print, counts, journal, cable, writers }: Board): void {
  const { bytesIn, bytesOut, retransmissions } = linkStats(cable.link);
  const stored = journalStats(journal).live;
  const own = { ...counts, meter: native.meter() };
  print({ event: "stats", ...writers.counts, ...own, bytesIn, bytesOut, retransmissions, stored });
}
