import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { boardCommand } from "./board";
import { demoCommand } from "./demo";
import { flashCommand } from "./flash";
import { groupCommand } from "./group";
import { linkCommand } from "./link";
import { exitCodes, reportError, whenUnread, written } from "./output";
import { pactCommand } from "./pact";
import { proofCommand } from "./proof";
import { pushCommand } from "./push";
import { rolloutCommand } from "./rollout";
import { sagaCommand } from "./saga";
import { statusCommand } from "./status";
import { stewardCommand } from "./steward";
import { storeCommand } from "./store";
import { tailCommand } from "./tail";
import { upCommand } from "./up";
import { verifyCommand } from "./verify";
import { whyCommand } from "./why";
import { worldCommands } from "./world";

const codesHelp = `
Exit codes:
  0    done
  1    failed: what and why is on the standard error
  2    the command line is wrong
  3    no gateway runs for the world
  141  nobody reads the output any more, as after \`| head\`

Start here:
  $ npm start                                   a world with three boards, on this machine
  $ vertebra world create --boards 3            a world of your own
  $ vertebra up                                 its gateway
  $ vertebra board run linux board-1            one of its boards, in another terminal
  $ vertebra tail                               what they agree on
`;

/** The command line `vertebra` with all its commands. */
export function createProgram(): Command {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const program = new Command("vertebra")
    .description("Boards and gateways that store, share and agree on data.")
    .version(version)
    .addHelpText("after", codesHelp);
  const commands = [
    worldCommands,
    upCommand,
    boardCommand,
    pactCommand,
    groupCommand,
    stewardCommand,
    linkCommand,
    pushCommand,
    tailCommand,
    statusCommand,
  ];
  for (const command of [
    ...commands,
    whyCommand,
    proofCommand,
    verifyCommand,
    sagaCommand,
    flashCommand,
    storeCommand,
    rolloutCommand,
    demoCommand,
  ]) {
    program.addCommand(command());
  }
  throwInsteadOfExit(program);
  return program;
}

/** Runs one command, and ends the process once all that it printed is out: nothing that is left over holds that up. */
export async function main(parameters: readonly string[]): Promise<void> {
  const json = parameters.includes("--json");
  const failed = (error: unknown) => process.exit(reportError(error, json));
  process.on("uncaughtException", failed);
  whenUnread(() => process.exit(exitCodes.unread));
  try {
    await createProgram().parseAsync(parameters);
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    else process.exitCode = reportError(error, json);
  }
  await written();
  process.exit();
}

/** A wrong command line gets our exit code, whichever subcommand finds it. */
function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  command.showHelpAfterError("(add --help for how it is used)");
  for (const each of command.commands) throwInsteadOfExit(each);
}
