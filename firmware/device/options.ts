import { VertebraError } from "../core/errors";

export interface BoardOptions {
  /** The file with the encoded Provision. */
  readonly provision: string;
  /** The file that stands for the board's flash. */
  readonly flash: string;
  /** The name of the pseudo-terminal to make, or the serial device to open. */
  readonly wire: { readonly terminal: string } | { readonly device: string };
  readonly json: boolean;
}

const usage = "vertebra-xs participant.js --provision FILE --flash FILE (--pty LINK | --serial DEVICE) [--json]";

/** Throws `usage`. */
export function parseOptions(given: readonly string[]): BoardOptions {
  const values = new Map<string, string>();
  let json = false;
  for (let at = 0; at < given.length; at++) {
    const name = given[at]!;
    if (name === "--json") json = true;
    else if (["--provision", "--flash", "--pty", "--serial"].includes(name))
      values.set(name, required(name, given[++at]));
    else throw misused(`'${name}' is no option of a board`);
  }
  const terminal = values.get("--pty");
  const device = values.get("--serial");
  if ((terminal === undefined) === (device === undefined)) throw misused("A board has one of --pty and --serial");
  return {
    provision: required("--provision", values.get("--provision")),
    flash: required("--flash", values.get("--flash")),
    wire: terminal !== undefined ? { terminal } : { device: device! },
    json,
  };
}

function required(name: string, value: string | undefined): string {
  if (value === undefined) throw misused(`${name} is missing`);
  return value;
}

function misused(message: string): VertebraError {
  return new VertebraError("usage", message, `Run: ${usage}`);
}
