import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { hostOrReason, scratchFolder, startOnXs } from "./host";

const host = await hostOrReason();

/** A program that starts `programs`, and prints how each ended. */
function starter(programs: readonly string[], input = "", milliseconds = 20_000): string {
  const folder = scratchFolder();
  const paths = programs.map((source, index) => {
    const path = join(folder, `child-${index}.js`);
    writeFileSync(path, source);
    return path;
  });
  const ended = "(status, output) => native.print(JSON.stringify([index, status, output.length, output.slice(0, 40)]))";
  return `const paths = ${JSON.stringify(paths)};
    for (const [index, path] of paths.entries()) native.process.start(path, ${input === "" ? '""' : input}, ${milliseconds}, ${ended});`;
}

async function endsOf(programs: readonly string[], input?: string, milliseconds?: number): Promise<unknown[]> {
  const { stdout } = await startOnXs(host.path, starter(programs, input, milliseconds)).ended;
  return stdout
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line))
    .sort();
}

describe.skipIf(host.reason)(`a process of the XS host${host.reason ? ` (skipped: ${host.reason})` : ""}`, () => {
  it("is given its input whole, and gives its output whole", async () => {
    const echo = "native.input((line) => { if (line !== undefined) native.print(line.length + ' ' + line); });";
    const input = `"é😀" + "x".repeat(199997) + "\\n"`;
    expect(await endsOf([echo], input)).toEqual([[0, 0, 200_008, `200000 é😀${"x".repeat(30)}`]]);
  });

  it("says how it ended", async () => {
    const programs = [
      "native.print('well')",
      "native.exit(9)",
      "throw new Error('no')",
      "const all = []; for (;;) all.push(new Uint8Array(1 << 20));",
      "const again = () => 1 + again(); again();",
      "native.sandbox.limit(1000, 1e6, 60000); for (;;);",
    ];
    expect(await endsOf(programs)).toEqual([
      [0, 0, 5, "well\n"],
      [1, 9, 0, ""],
      [2, 70, 0, ""],
      [3, 71, 0, ""],
      [4, 72, 0, ""],
      [5, 75, 0, ""],
    ]);
  });

  it("is ended where it takes too long, and where it puts out too much", async () => {
    expect(await endsOf(["for (;;);"], "", 100)).toEqual([[0, 142, 0, ""]]);
    const floods = "const line = 'x'.repeat(1023); for (;;) native.print(line);";
    expect(await endsOf([floods])).toEqual([[0, 137, 256 * 1024, "x".repeat(40)]]);
  });

  it("that somebody stopped is ended all the same, a second later", async () => {
    const running = startOnXs(host.path, starter(["native.print('up'); for (;;);"], "", 300));
    const children = () => readFileSync(`/proc/${running.child.pid}/task/${running.child.pid}/children`, "utf8").trim();
    while (children() === "") await sleep(5);
    process.kill(Number(children()), "SIGSTOP");
    expect(JSON.parse((await running.ended).stdout)[1]).toBe(137);
  });

  it("that reads nothing holds up nobody", async () => {
    const input = `"x".repeat(4000000)`;
    expect(await endsOf(["native.print('first')"], input)).toEqual([[0, 0, 6, "first\n"]]);
  });

  it("that can't be loaded says so", async () => {
    const { stdout } = await startOnXs(
      host.path,
      "native.process.start('/nowhere.js', '', 1000, (status) => native.print(String(status)));",
    ).ended;
    expect(stdout).toBe("64\n");
  });

  it("is one of eight at most; where one has ended, there is room for another", async () => {
    const [child] = [join(scratchFolder(), "child.js")];
    writeFileSync(child!, "native.input((line) => { if (line === undefined) native.exit(0); });");
    const source = `const start = (ended) => native.process.start(${JSON.stringify(child)}, "", 20000, ended);
      let ended = 0;
      for (let i = 0; i < 8; i++) start(() => { if (++ended === 1) { start(() => native.print("ninth")); } });
      try { start(() => {}); } catch (e) { native.print(e.code); }`;
    expect((await startOnXs(host.path, source).ended).stdout).toBe("process-many\nninth\n");
  });

  it("leaves no file open and no dead child behind, a hundred times over", async () => {
    const path = join(scratchFolder(), "child.js");
    writeFileSync(path, "native.print('x')");
    const source = `let left = 100;
      const next = () => { if (left-- > 0) native.process.start(${JSON.stringify(path)}, "x", 20000, next); else native.print("over"); };
      next(); native.input(() => {});`;
    const running = startOnXs(host.path, source);
    await running.printed("over");
    const files = readdirSync(`/proc/${running.child.pid}/fd`).length;
    expect(files).toBeLessThan(8);
    expect(childrenOf(running.child.pid!)).toEqual([]);
    running.child.kill("SIGKILL");
    await running.ended;
  });

  it("ends when the one that started it is killed", async () => {
    const running = startOnXs(host.path, `${starter(["for (;;);"])} native.print("up");`);
    await running.printed("up");
    const [child] = childrenOf(running.child.pid!);
    expect(existsSync(`/proc/${child}`)).toBe(true);
    running.child.kill("SIGKILL");
    await running.ended;
    for (let i = 0; i < 100 && isAlive(child!); i++) await sleep(50);
    expect(isAlive(child!)).toBe(false);
  });
});

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return text === "" ? [] : text.split(" ").map(Number);
}

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
}
