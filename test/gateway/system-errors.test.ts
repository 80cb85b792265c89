import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { getSystemErrorName } from "node:util";
import { describe, expect, it } from "vitest";
import { VertebraError } from "../../firmware/core/errors";
import { asVertebraError, errnoOf, mayPass } from "../../gateway/system/errors";
import { createTrouble, startedProcess } from "../../gateway/system/process";

const thrownBy = (does: () => unknown): unknown => {
  try {
    return does();
  } catch (error) {
    return error;
  }
};

/** As Node gives it. */
function systemError(name: string): Error {
  const errno = -constants.errno[name as keyof typeof constants.errno];
  return Object.assign(new Error(`${name}: it failed, open '/x'`), { code: name, errno, syscall: "open", path: "/x" });
}

describe("an error of the operating system", () => {
  it("is never a bug of ours, whichever it is, and says what was to be done", () => {
    for (const name of Object.keys(constants.errno)) {
      const { code, message, remedy } = asVertebraError(systemError(name), "The store can't be written");
      expect(code).toBe(`system-${name.toLowerCase()}`);
      expect(message).toMatch(/^The store can't be written, \/x: .* (\(E\w+\)|E\w+)$/);
      expect(remedy).toMatch(/^\S.*\.$/);
      expect(remedy).not.toMatch(/bug/);
    }
  });

  it("is known by what the system throws in truth", () => {
    expect(errnoOf(thrownBy(() => readFileSync("/none")))).toBe("ENOENT");
    expect(errnoOf(thrownBy(() => readFileSync("/")))).toBe("EISDIR");
    expect(errnoOf(thrownBy(() => writeFileSync("/dev/full", "text")))).toBe("ENOSPC");
    expect(getSystemErrorName(-constants.errno.EMFILE)).toBe("EMFILE");
  });

  it("is known by its words, where a library passes on these alone, or as its cause", () => {
    expect(errnoOf(new Error("IO error: /x/000005.ldb: Too many open files"))).toBe("EMFILE");
    expect(errnoOf(new Error("IO error: /x: No space left on device"))).toBe("ENOSPC");
    expect(errnoOf(new Error("Database failed to open", { cause: systemError("EROFS") }))).toBe("EROFS");
  });

  it("may pass where nobody has to do anything for that", () => {
    const passing = Object.keys(constants.errno).filter((name) => mayPass(systemError(name)));
    expect(passing.sort()).toEqual(["EAGAIN", "EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "ETXTBSY"]);
  });
});

describe("what is no error of the operating system", () => {
  it("stays what it is where it was told by name, and else is asked to be reported", () => {
    const known = new VertebraError("known", "It is known", "Do this.");
    expect(asVertebraError(known, "x")).toBe(known);
    expect(errnoOf(known)).toBeUndefined();
    const bug = asVertebraError(new TypeError("x is not a function"), "It can't be done");
    expect(bug).toMatchObject({ code: "unexpected", remedy: "Report this as a bug." });
    expect(mayPass(new Error("x"))).toBe(false);
  });
});

describe("a process that can't be started", () => {
  const signal = () => new AbortController().signal;

  it("is tried again until it can, told once for each thing that was lacking", async () => {
    const told: string[] = [];
    const trouble = createTrouble((error) => told.push(error.code));
    const lacking = ["EMFILE", "EMFILE", "ENOMEM"];
    let tries = 0;
    const start = () => {
      const lacks = lacking[tries++];
      if (lacks !== undefined) throw systemError(lacks);
      return spawn(process.execPath, ["-e", ""]);
    };
    const child = await startedProcess(start, "No process can be started", trouble, signal());
    expect(child.pid).toBeGreaterThan(0);
    expect(told).toEqual(["system-emfile", "system-enomem"]);
  });

  it("is told again where it happens again later", () => {
    const told: string[] = [];
    const trouble = createTrouble((error) => told.push(error.code));
    const error = new VertebraError("full", "It is full", "Wait.");
    for (const each of [trouble.met, trouble.met, trouble.over, trouble.met]) each(error);
    expect(told).toEqual(["full", "full"]);
  });

  it("is told with its path where there is no such program, and given up when nobody waits", async () => {
    const waiting = new AbortController();
    const told: string[] = [];
    const trouble = createTrouble((error) => {
      told.push(error.message);
      waiting.abort();
    });
    const started = startedProcess(() => spawn("/none/program"), "It can't be started", trouble, waiting.signal);
    await expect(started).rejects.toThrow();
    expect(told).toEqual(["It can't be started, /none/program: it is not there (ENOENT)"]);
  });
});
