import { type Board as Definition, decodeBoard } from "../core/capability/board";
import { wallError } from "../core/clock";
import { idOfDefined } from "../core/definitions/definition";
import { VertebraError } from "../core/errors";
import { Credentials } from "../core/identity/credentials";
import type { Provision } from "../core/identity/provision";
import { askedOfDefined } from "../core/memory";
import { createParticipant } from "../core/participant";
import { toHex } from "../core/wire/bytes";
import { linkStats } from "../link/link";
import type { Native } from "../native/native";
import { liveBytes, openJournal } from "../store/journal";
import { alarmCable, createCable, openCable } from "./cable";
import { alarmCapabilities, letGo, openCapabilities, operate, resumeActuators, stopActuators } from "./capabilities";
import type { Command } from "./console";
import { CountedCrypto } from "./counted";
import { addReadings, definedBefore, deployedBefore } from "./defined";
import { createDriver, drive } from "./driver";
import { packingFor, packWith, promisesOf, readAloneIn, sharesOf } from "./keeping";
import type { Line } from "./lines";
import type { BoardOptions } from "./options";
import { noInput, simulatedPins } from "./pins/simulated";
import { hostBounds, hostCrypto, hostFlash } from "./ports";
import { sources } from "./readings";
import { openSagas } from "./sagas";
import { openSandbox } from "./sandbox";
import { ActuatorPorts, Alarm, Board, CablePorts, DriverPorts, KnownMembers, SafePorts, WriterPorts } from "./wiring";
import { createWriters, runWriters } from "./writers";

/** What a board is that was given no board.json. */
export const bare: Definition = {
  name: "bare",
  kind: "linux",
  sandbox: "process",
  memory: undefined,
  actuators: [],
  sensors: [],
  inputs: [],
};

/**
 * Starts a board in the first world of its provision, and goes on in callbacks of the host. Throws where it can't be started: then its
 * actuators are at their safe states.
 */
export function startBoard(
  native: Native,
  options: BoardOptions,
  provision: Provision,
  print: (line: Line) => void,
): Board {
  const definition = options.board === undefined ? bare : decodeBoard(native.readFile(options.board));
  const board = new Board(native, options, print);
  try {
    start(board, definition, provision);
  } catch (error) {
    if (board.capabilities) letGo(board.capabilities);
    else holdSafe(board, definition);
    throw error;
  }
  return board;
}

function start(board: Board, definition: Definition, provision: Provision): void {
  const { native, options, print, clock } = board;
  const unset = wallError(native.clock.wall());
  if (unset) board.notice(unset);
  const crypto = new CountedCrypto(
    hostCrypto(native, (error) => board.notice(error)),
    board.counts,
  );
  const world = provision.worlds[0];
  if (!world) throw new VertebraError("provision-world", "The provision names no world", "Provision the board anew.");
  board.identity = new Credentials(crypto, provision.seed, world.worldId);
  const { identity } = board;
  // Before anything is written.
  hostBounds(native, definition, world);
  const flash = hostFlash(native, options.flash, board);
  const owner = crypto.signer(provision.seed).publicKey;
  board.packing = packingFor(crypto, world);
  board.journal = openJournal(flash, owner, (error) => board.notice(error), board.packing);
  const { journal } = board;
  const { worldTag, avatar: its } = identity;
  const defined = definedBefore(crypto, journal, toHex(worldTag), its.publicKey, world.definitions);
  for (const each of defined) packWith(board.packing, each.group, each.pacts);
  board.known = {
    pacts: [...world.pacts, ...defined.flatMap(({ pacts }) => pacts)],
    groups: [...world.groups, ...defined.map(({ group }) => group)],
  };
  const asked = defined.map((each) => askedOfDefined(each, identity.avatar.publicKey));
  const { bounds, spareBytes } = hostBounds(
    native,
    definition,
    world,
    asked,
    deployedBefore(crypto, journal, toHex(identity.worldTag)),
  );
  const shares = sharesOf(journal);
  const participant = createParticipant({
    crypto,
    seed: provision.seed,
    worlds: [world],
    bounds,
    spareBytes,
    room: { bytes: shares.participant, alone: readAloneIn(journal) },
    records: promisesOf(journal),
  });
  const { world: tag, avatar } = participant.avatars()[0]!;
  board.world = tag;
  identity.members = new KnownMembers(participant, tag);
  const ofActuators = new Alarm(native, () => alarmCapabilities(board.capabilities!));
  const ofCable = new Alarm(native, () => alarmCable(board.cable));
  board.cable = createCable(new CablePorts(board, crypto, identity, bounds.queue, ofCable));
  if (usesPins(definition)) board.pins = simulatedPins(clock);
  board.capabilities = openCapabilities(new ActuatorPorts(board, definition, ofActuators));
  const { capabilities } = board;
  const ofDriver = new Alarm(native, () => drive(board.driver, { kind: "alarm" }));
  board.driver = createDriver(new DriverPorts(board, participant, crypto, ofDriver));
  const { driver } = board;
  board.writers = createWriters(sources(crypto, world, native.sensors, capabilities.sensors), new WriterPorts(board));
  const held = new Set(participant.status(tag).groups.map(({ group }) => group));
  for (const each of defined) if (held.has(toHex(idOfDefined(crypto, each)))) addReadings(board, crypto, each);
  board.ofWriters = new Alarm(native, () => board.ofWriters.set(runWriters(board.writers, clock.now().monotonic)));

  // First of all that writes: of a flash that is full it gives up what is final.
  drive(driver, { kind: "boot" });
  if (options.halted) stopActuators(capabilities);
  const ofSagas = new Alarm(native, () => board.sagas?.handle({ kind: "alarm" }));
  board.sagas = openSagas({
    ...{
      crypto,
      clock,
      world,
      tag,
      avatar,
      journal,
      known: board.known,
      mostKept: shares.sagas,
      room: bounds.sagaBytes,
      published: capabilities.published,
    },
    notice: (error) => board.notice(error),
    push: (event) => drive(driver, event),
    letGo: (stateGroup) => drive(driver, { kind: "let-go", world: tag, stateGroup }),
    openSandbox: () => openSandbox(native, definition.sandbox, options, journal, print),
    act: (run, operations) => operate(capabilities, run, operations),
    wake: (at) => ofSagas.set(at),
  });
  for (const each of board.deployed.splice(0)) board.sagas?.take(each);
  const { epoch } = participant.status(tag);
  print({ event: "boot", engine: native.engine, crypto: crypto.engine, avatar: toHex(avatar), world: tag, epoch });
  openCable(board.cable);
  board.sagas?.handle({ kind: "boot" });
  board.ofWriters.set(clock.now().monotonic);
}

/** Of a board that can't do anything yet: its actuators go to their safe states. */
export function holdSafe(board: Board, definition: Definition): void {
  if (usesPins(definition)) openCapabilities(new SafePorts(board, definition));
}

function usesPins({ actuators, sensors, inputs }: Definition): boolean {
  return actuators.length + sensors.length + inputs.length > 0;
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
      stopActuators(board.capabilities!);
      break;
    case "resume":
      resumeActuators(board.capabilities!);
      break;
    case "pin":
      if (board.pins === undefined) throw noInput(command.pin);
      board.pins.drive(command.pin, command.level);
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
  const stored = liveBytes(journal);
  const own = { ...counts, meter: native.meter() };
  print({ event: "stats", ...writers.counts, ...own, bytesIn, bytesOut, retransmissions, stored });
}
