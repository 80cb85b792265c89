import { VertebraError } from "../../firmware/core/errors";

/** The code and message that `act` is refused with, or "accepted". Anything but a VertebraError is a crash, and thrown on. */
export function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof VertebraError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "accepted";
}
