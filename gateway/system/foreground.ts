import { readFileSync } from "node:fs";

/** Whether this process is among those that its terminal gives what is typed: not one that a shell runs in the background. */
export function isInForeground(): boolean {
  // proc(5): after the name in brackets come the state, the parent, the process group, the session, the terminal and its group.
  const [, , group, , , foreground] = readFileSync("/proc/self/stat", "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return group === foreground;
}
