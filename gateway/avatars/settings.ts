import { execFile } from "node:child_process";
import { VertebraError } from "../../firmware/core/errors";

/** stty answers at once, or not at all. */
const patienceMs = 2_000;

/** The settings of a terminal line, in the form in which stty keeps them; undefined where it can't be asked. */
export function settingsOf(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile("stty", ["-g", "-F", path], { timeout: patienceMs }, (error, answer) =>
      resolve(error ? undefined : answer.trim()),
    );
  });
}

export function settingsChanged(path: string): VertebraError {
  return new VertebraError(
    "port-settings",
    `Another program changed the settings of the serial port ${path}, and nothing came through; they were set back`,
    `Close that program (fuser ${path} may tell which): a port serves one at a time.`,
  );
}
