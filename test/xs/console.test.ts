import { describe, expect, it } from "vitest";
import { VertebraError } from "../../firmware/core/errors";
import { readCommand } from "../../firmware/device/console";
import { createLog, type Log, tell } from "../../firmware/device/log";

function read(line: string | null): string {
  try {
    const command = readCommand(line);
    return command?.kind === "pin" ? `pin ${command.pin} ${command.level}` : (command?.kind ?? "");
  } catch (error) {
    if (!(error instanceof VertebraError)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

describe("the console of a board", () => {
  it("obeys what it knows, with whatever space and line ends around it", () => {
    for (const command of ["stop", "status", "halt", "resume", "pin 8 1", "pin 127 0"]) {
      expect([command, read(command)]).toEqual([command, command]);
      expect(read(`  ${command.replaceAll(" ", "\t ")} \r`)).toBe(command);
    }
    expect(read("")).toBe("");
    expect(read(" \r")).toBe("");
  });

  it("tells by name what it does not know, and nothing of it that a terminal would obey", () => {
    for (const line of [
      "hal",
      "halt now",
      "HALT",
      "pin 8",
      "pin 8 2",
      "pin -1 1",
      "pin 1234 1",
      "pin 8 1 1",
      "toString",
    ]) {
      expect(read(line)).toBe(`console-command: '${line}' is no command of a board`);
    }
    expect(read("\u001b[2Jx\u202ey\u0000")).toBe("console-command: '?[2Jx?y?' is no command of a board");
    expect(read("x".repeat(200))).toBe(`console-command: '${"x".repeat(40)}…' is no command of a board`);
    expect(read(null)).toBe("console-command: A line of more than 256 bytes is no command of a board");
  });
});

describe("the log of a board", () => {
  const stopped = { event: "stopped" } as const;

  function logTo(room: () => boolean, json: boolean): { log: Log; lines: string[] } {
    const lines: string[] = [];
    const write = (line: string) => {
      const taken = room();
      if (taken) lines.push(line);
      return taken;
    };
    return { log: createLog(json, write), lines };
  }

  it("tells how many lines were dropped before the next that is taken", () => {
    for (const json of [true, false]) {
      let room = true;
      const { log, lines } = logTo(() => room, json);
      tell(log, stopped);
      room = false;
      for (let count = 0; count < 12; count++) tell(log, stopped);
      room = true;
      tell(log, stopped);
      tell(log, stopped);
      expect(lines.length).toBe(4);
      expect(lines[1]).toContain("12 lines of this log dropped");
      expect(lines.filter((line) => line.includes("log-gap")).length).toBe(json ? 1 : 0);
    }
  });

  it("counts on where there is room for nothing but the gap", () => {
    const answers = [false, true, false, false, true, true];
    const { log, lines } = logTo(() => answers.shift()!, false);
    for (let count = 0; count < 4; count++) tell(log, stopped);
    expect(lines.map((line) => line.slice(0, 7))).toEqual(["1 line ", "2 lines", "the wri"]);
  });

  it("tells in the end what each actuator was set to last, however long nobody read", () => {
    let room = false;
    const { log, lines } = logTo(() => room, false);
    const set = (capability: string, value: boolean, at: number) =>
      tell(log, { event: "capability", capability, value, why: "operated", at });
    for (let at = 0; at < 100; at++) set("relay", at % 2 === 0, at);
    set("lamp", true, 100);
    tell(log, stopped);
    room = true;
    // A line that is for nobody to see brings it out as well.
    tell(log, { event: "stats" } as never);
    expect(lines[0]).toContain("100 lines of this log dropped");
    expect(lines.slice(1)).toEqual(["relay is off (operated)", "lamp is on (operated)"]);
  });

  it("drops nothing of what is not for a person to see", () => {
    const { log } = logTo(() => false, false);
    tell(log, { event: "stats" } as never);
    expect(log.dropped).toBe(0);
  });
});
