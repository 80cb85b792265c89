import { VertebraError } from "../core/errors";

export interface BoardOptions {
  /** The file with the encoded Provision, or the flash in which the board keeps who it is, once it was given that over its line. */
  readonly identity: { readonly provision: string } | { readonly flash: string };
  /** The file that stands for the board's flash. */
  readonly flash: string;
  /** The board.json that says what it can do; undefined for a board that has no pins. */
  readonly board: string | undefined;
  /** The program that runs a behavior in a process of its own; undefined where the board has no room for one. */
  readonly sandbox: string | undefined;
  /** The status with which this board's machine ended before it was started again; undefined where that is not known. */
  readonly reset: number | undefined;
  /** The name of the pseudo-terminal to make, or the serial device to open. */
  readonly wire: { readonly terminal: string } | { readonly device: string };
  readonly json: boolean;
  /** It was stopped, and could not keep that. */
  readonly halted: boolean;
}

const usage =
  "vertebra-xs participant.js (--provision FILE | --identity FILE) --flash FILE [--board FILE] [--sandbox FILE] [--reset STATUS] [--halted] (--pty LINK | --serial DEVICE) [--json]";

const valued = ["--provision", "--identity", "--flash", "--board", "--sandbox", "--reset", "--pty", "--serial"];

/** Throws `usage`. */
export function parseOptions(given: readonly string[]): BoardOptions {
  const values = new Map<string, string>();
  let json = false;
  let halted = false;
  for (let at = 0; at < given.length; at++) {
    const name = given[at]!;
    if (name === "--json") json = true;
    else if (name === "--halted") halted = true;
    else if (valued.includes(name)) values.set(name, required(name, given[++at]));
    else throw misused(`'${name}' is no option of a board`);
  }
  const terminal = values.get("--pty");
  const device = values.get("--serial");
  if ((terminal === undefined) === (device === undefined)) throw misused("A board has one of --pty and --serial");
  return {
    identity: identityIn(values.get("--provision"), values.get("--identity")),
    flash: required("--flash", values.get("--flash")),
    board: values.get("--board"),
    sandbox: values.get("--sandbox"),
    reset: statusOf(values.get("--reset")),
    wire: terminal !== undefined ? { terminal } : { device: device! },
    json,
    halted,
  };
}

function identityIn(provision: string | undefined, flash: string | undefined): BoardOptions["identity"] {
  if ((provision === undefined) === (flash === undefined))
    throw misused("A board has one of --provision and --identity");
  return provision !== undefined ? { provision } : { flash: flash! };
}

/** The arguments with which a board begins anew that ended in order, though it could not go on. */
export function argumentsAgain(given: readonly string[], halted: boolean): string[] {
  const kept = given.filter((each, at) => each !== "--halted" && each !== "--reset" && given[at - 1] !== "--reset");
  return halted ? [...kept, "--halted"] : kept;
}

function statusOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,3}$/.test(text)) throw misused(`'${text}' is no status of a process`);
  return Number(text);
}

function required(name: string, value: string | undefined): string {
  if (value === undefined) throw misused(`${name} is missing`);
  return value;
}

function misused(message: string): VertebraError {
  return new VertebraError("usage", message, `Run: ${usage}`);
}
