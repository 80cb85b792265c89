import type { Command } from "commander";
import { plainCommand } from "./options";
export function demoCommand(): Command {
  return plainCommand("demo", "x", []);
}
