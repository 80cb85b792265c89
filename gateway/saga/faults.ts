import { VertebraError } from "../../firmware/core/errors";

/** Something wrong in a person's file. */
export interface Fault {
  /** `file:line:column` */
  readonly place: string;
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

/** All of them, of which the first gives its code. */
export function faultError(unsorted: readonly Fault[]): VertebraError {
  const faults = [...unsorted].sort((a, b) => inOrder(a.place, b.place));
  const [first, ...others] = faults;
  if (others.length === 0) return new VertebraError(first!.code, `${first!.place}: ${first!.message}`, first!.remedy);
  const lines = faults.map(({ place, code, message, remedy }) => `${place}: ${message} (${code}). ${remedy}`);
  return new VertebraError(first!.code, lines.join("\n"), `Correct these ${faults.length}.`);
}

/** Of two places the one that comes first: in the file whose name does, on the line that does. */
function inOrder(one: string, other: string): number {
  const [file = "", line, column] = one.split(/:(?=\d)/);
  const [otherFile = "", otherLine, otherColumn] = other.split(/:(?=\d)/);
  if (file !== otherFile) return file < otherFile ? -1 : 1;
  return Number(line) - Number(otherLine) || Number(column) - Number(otherColumn);
}
