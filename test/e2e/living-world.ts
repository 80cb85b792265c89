import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { type RunningCommand, run, startCommand } from "../gateway/command";

/** What a command prints: a test says what it expects in it. */
type Json = ReturnType<typeof JSON.parse>;

/** A world in a folder of its own, with its gateway and boards as people start them: each a process. */
export interface LivingWorld {
  /** Where files of a test go, and the world's directory in it. */
  readonly parent: string;
  readonly directory: string;
  /** Runs a command with --json to its end; the answer, or the error, is its last line. */
  ask(...words: string[]): Promise<{ readonly status: number | null; readonly answer: Json }>;
  /** Starts one that goes on, and waits until it has printed this; the same for a gateway at another directory. */
  start(text: string, ...words: string[]): Promise<RunningCommand>;
  startAt(place: string, text: string, ...words: string[]): Promise<RunningCommand>;
  up(): Promise<RunningCommand>;
  board(name: string): Promise<RunningCommand>;
  /** All final entries of a group. */
  tail(group: string): Promise<Json[]>;
  push(group: string, entry: object): Promise<void>;
  /** Writes a file of this text, in a folder of its own. */
  file(name: string, text: string): string;
  end(): Promise<void>;
}

export async function createLivingWorld(boards: number): Promise<LivingWorld> {
  const parent = mkdtempSync(join(tmpdir(), "vertebra-living-"));
  const directory = join(parent, "world");
  const running: RunningCommand[] = [];
  expect((await run("world", "create", "--dir", directory, "--boards", `${boards}`)).status).toBe(0);
  const world: LivingWorld = {
    parent,
    directory,
    ask: (...words) => askAt(directory, ...words),
    start: (text, ...words) => world.startAt(directory, text, ...words),
    async startAt(place, text, ...words) {
      const command = startCommand(...words, "--dir", place, "--json");
      running.push(command);
      await command.printed(text);
      return command;
    },
    up: () => world.start('"event":"up"', "up"),
    board: (name) => world.start('"event":"boot"', "board", "run", "linux", name),
    async tail(group) {
      const { stdout } = await run("tail", group, "--no-follow", "--dir", directory, "--json");
      return stdout
        .trim()
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line));
    },
    async push(group, entry) {
      expect(await world.ask("push", group, JSON.stringify(entry), "--final")).toMatchObject({ status: 0 });
    },
    file(name, text) {
      const folder = join(parent, name);
      mkdirSync(folder, { recursive: true });
      const path = join(folder, `${name}.ts`);
      writeFileSync(path, text);
      return path;
    },
    async end() {
      for (const each of running) end(each);
      await Promise.all(running.map(({ ended }) => ended));
      rmSync(parent, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    },
  };
  return world;
}

/** As a world's `ask`, of the gateway at this directory. */
export async function askAt(directory: string, ...words: string[]): ReturnType<LivingWorld["ask"]> {
  const { status, stdout, stderr } = await run(...words, "--dir", directory, "--json");
  const lines = ((status === 0 ? stdout : stderr) || "null").trim().split("\n");
  return { status, answer: JSON.parse(lines.at(-1)!) };
}

/** Asks until the line is there of a board that was just started. */
export async function onceThere(ask: () => ReturnType<LivingWorld["ask"]>): ReturnType<LivingWorld["ask"]> {
  for (;;) {
    const done = await ask();
    if (done.status === 0 || done.answer.error.code !== "port-missing") return done;
  }
}

/** A board as a power cut ends it, with the command that ran it; any other command. */
export async function kill(command: RunningCommand): Promise<void> {
  end(command);
  await command.ended;
}

/** The process of a board outlives a command that is killed. */
function end({ child, lines }: RunningCommand): void {
  const started = lines().find((line) => line.includes('"event":"started"'));
  child.kill("SIGKILL");
  if (started === undefined) return;
  try {
    process.kill(JSON.parse(started).pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
