/** An error for a person: what is wrong with which thing, and what to do about it. `code` is for programs and stays. */
export class VertebraError extends Error {
  readonly code: string;
  readonly remedy: string;

  constructor(code: string, message: string, remedy: string) {
    super(message);
    this.code = code;
    this.remedy = remedy;
  }
}

/** What is read; undefined where that is refused, as what is none of its kind. An assertion that fails is no refusal. */
export function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof VertebraError) || error.code === "assertion") throw error;
    return undefined;
  }
}

/** What must hold wherever this line is reached; stays on in production. */
export function assert(condition: unknown, words: string): asserts condition {
  if (!condition)
    throw new VertebraError("assertion", `This must hold, and does not: ${words}`, "Report this as a bug.");
}

/** Of what a peer sent: it was not taken, and changed nothing. */
export function refused(code: string, what: string): VertebraError {
  return new VertebraError(
    code,
    `Refused: ${what}.`,
    "Look at the participant that sent it; nothing here was changed.",
  );
}
