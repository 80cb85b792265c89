import { decodeBoard } from "../core/capability/board";
import { VertebraError } from "../core/errors";
import { Credentials } from "../core/identity/credentials";
import { decodeWorldProvision, encodeProvision } from "../core/identity/provision";
import { type Blank, type BlankAction, type BlankOptions, createBlank, receiveByBlank, sayBlank } from "../link/blank";
import type { LinkIdentity } from "../link/introduction";
import type { Native } from "../native/native";
import type { Crypto, Flash, Random } from "../ports";
import { isUnused, writeIdentity } from "../store/identity";
import { bare, holdSafe } from "./board";
import { asVertebraError, type Wire } from "./cable";
import type { Line } from "./lines";
import { argumentsAgain, type BoardOptions } from "./options";
import { hostBounds, hostCrypto, hostFlash, hostRandom, openWire } from "./ports";
import { noticeOf } from "./telling";
import { Alarm, Board, flashAgainMs } from "./wiring";

/** How long until a line that can't be opened is tried again, ms. */
const retryMs = 1_000;

/** A board without identity waits on its line for one, its actuators at their safe states, and begins anew with what it is given. */
export function waitForIdentity(
  native: Native,
  options: BoardOptions,
  flash: Flash,
  print: (line: Line) => void,
): void {
  native.onTerminate(() => native.exit(0));
  native.input((line) => {
    if (line === undefined) native.exit(0);
  });
  const definition = options.board === undefined ? bare : decodeBoard(native.readFile(options.board));
  holdSafe(new Board(native, options, print), definition);
  print({ event: "blank", kind: definition.kind });
  openLine(new Waiting(native, options, flash, print, definition));
}

/** A class, whose methods take no RAM of a board. */
class Waiting implements BlankOptions {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly kind: string;
  readonly blank: Blank;
  readonly alarm: Alarm;
  /** Whether its journal is empty. */
  readonly unused: boolean;
  wire: Wire | undefined;
  /** The code of what kept the line from being opened, as it was told. */
  told: string | undefined;

  constructor(
    readonly native: Native,
    readonly options: BoardOptions,
    readonly flash: Flash,
    readonly print: (line: Line) => void,
    private readonly definition: typeof bare,
  ) {
    this.crypto = hostCrypto(native, (error) => this.notice(error));
    this.random = hostRandom(native);
    this.kind = definition.kind;
    this.unused = isUnused(hostFlash(native, options.flash, this));
    this.blank = createBlank(this);
    this.alarm = new Alarm(native, () => openLine(this));
  }

  notice(error: VertebraError): void {
    this.print(noticeOf(error));
  }

  failed(error: VertebraError): never {
    this.notice(error);
    return this.native.restart(flashAgainMs, ...argumentsAgain(this.native.arguments, false));
  }

  /** Promises of an identity that is gone are nobody's any more, and whoever erased it may not have meant them. */
  identityIn(encoded: Uint8Array, seed: Uint8Array): LinkIdentity {
    if (!this.unused) throw flashUsed();
    const world = decodeWorldProvision(encoded);
    hostBounds(this.native, this.definition, world);
    return new Credentials(this.crypto, seed, world.worldId);
  }
}

function flashUsed(): VertebraError {
  return new VertebraError(
    "flash-used",
    "The board's flash holds a journal, and no identity that it is of",
    "Erase all of its flash by hand, and provision it then: it begins anew as another.",
  );
}

/** Opens the line where it is not open, and says what the board is. */
function openLine(waiting: Waiting): void {
  const { native, options, alarm, blank } = waiting;
  const now = native.clock.monotonic();
  try {
    waiting.wire ??= openWire(
      native,
      options.wire,
      (bytes) => perform(waiting, receiveByBlank(blank, bytes)),
      () => {
        waiting.wire = undefined;
      },
      waiting,
    );
  } catch (error) {
    tellOnce(waiting, asVertebraError(error));
    alarm.set(now + retryMs);
    return;
  }
  waiting.told = undefined;
  perform(waiting, sayBlank(blank, now));
}

function perform(waiting: Waiting, actions: readonly BlankAction[]): void {
  for (const action of actions) {
    if (action.kind === "write") waiting.wire?.write(action.bytes);
    else if (action.kind === "wake") waiting.alarm.set(action.at);
    else if (action.kind === "notice") waiting.notice(action.error);
    else keep(waiting, encodeProvision({ seed: action.seed, worlds: [decodeWorldProvision(action.world)] }));
  }
}

/** Where that fails, the board is as blank as before: it begins anew, and makes another seed. */
function keep(waiting: Waiting, provision: Uint8Array): void {
  const { native, flash, print } = waiting;
  const again = argumentsAgain(native.arguments, false);
  try {
    writeIdentity(flash, provision);
  } catch (error) {
    waiting.notice(asVertebraError(error));
    native.restart(flashAgainMs, ...again);
  }
  print({ event: "provisioned" });
  native.restart(0, ...again);
}

/** A line that is missing is tried again every second, and told once. */
function tellOnce(waiting: Waiting, error: VertebraError): void {
  if (error.code !== waiting.told) waiting.notice(error);
  waiting.told = error.code;
}
