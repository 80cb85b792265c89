import { Command, InvalidArgumentError } from "commander";
import { nodeCrypto } from "../participant/crypto";
import { openWorld, type World } from "../world/world";

/** What every command that has to do with a world can be told. */
export interface WorldOptions {
  readonly dir: string;
  readonly json?: boolean;
}

const defaultDirectory = "./.vertebra";

/** A command with --dir, --json and examples in its help. */
export function worldCommand(name: string, summary: string, examples: readonly string[]): Command {
  return plainCommand(name, summary, examples).option("--dir <directory>", "the world's directory", defaultDirectory);
}

/** A command with --json and examples in its help. */
export function plainCommand(name: string, summary: string, examples: readonly string[]): Command {
  const help = `\nExamples:\n${examples.map((example) => `  $ ${example}`).join("\n")}\n`;
  return new Command(name)
    .summary(summary)
    .description(summary)
    .option("--json", "print JSON")
    .addHelpText("after", help);
}

export function worldOf(options: WorldOptions): World {
  return openWorld(nodeCrypto(), options.dir);
}

/** What a command that is shown as the next needs, where its world is not where commands look. */
export function atDirectory(options: WorldOptions): string {
  return options.dir === defaultDirectory ? "" : ` --dir ${options.dir}`;
}

/** The option of what defines something. */
export const dryRun = ["--dry-run", "say what would be defined, and define nothing"] as const;

/** A whole number of at least `least`, for commander. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isSafeInteger(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It is a whole number from ${least}${most < 2 ** 53 - 1 ? ` to ${most}` : " on"}.`);
  };
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000 };

/** The ms of a time like 500ms, 30s, 2min or 1h; undefined for any other text. */
export function timeOf(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,9})(ms|s|min|h)$/.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * units[unit!]!;
}

/** An id as it is shown, for commander: of one that was cut, the ellipsis may come along. */
export function shownId(text: string): string {
  return text.replace(/…$/, "");
}

/** For an option that may be given several times, for commander. */
export function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
