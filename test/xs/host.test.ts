import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readlinkSync,
  readSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { nodeCrypto } from "../../gateway/participant/crypto";
import { hostOrReason, scratchFolder, startOnXs } from "./host";

const host = await hostOrReason();
const start = (source: string, parameters?: string[], env?: Record<string, string>) =>
  startOnXs(host.path, source, parameters, env);
const run = (source: string, parameters?: string[], env?: Record<string, string>) =>
  start(source, parameters, env).ended;

describe.skipIf(host.reason)(`the XS host${host.reason ? ` (skipped: ${host.reason})` : ""}`, () => {
  describe("ends", () => {
    it("well when a program has nothing left to wait for", async () => {
      expect(await run("native.print('done')")).toEqual({ status: 0, stdout: "done\n", stderr: "" });
    });

    it("with the code that the program gives", async () => {
      expect((await run("native.exit(3)")).status).toBe(3);
    });

    it("with 64 and a sentence when the program can't be read", () => {
      const { status, stderr } = spawnSync(host.path, ["/nowhere.js"], { encoding: "utf8" });
      expect([status, stderr]).toEqual([64, "vertebra-xs: /nowhere.js can't be read: No such file or directory\n"]);
    });

    it("with 70, message, stack, code and remedy on an uncaught exception", async () => {
      const source =
        "function boil() { throw Object.assign(new Error('too hot'), { code: 'heat', remedy: 'cool it' }); } boil();";
      const { status, stderr } = await run(source);
      expect(status).toBe(70);
      expect(stderr).toMatch(/too hot[\s\S]*at boil[\s\S]*code: heat\nremedy: cool it/);
    });

    it("with 70 on an exception in a callback", async () => {
      const { status, stderr } = await run(
        "native.timer.set(native.timer.open(() => { throw new TypeError('late'); }), 0);",
      );
      expect([status, stderr.includes("TypeError: late")]).toEqual([70, true]);
    });

    it("with 70 on a rejection that nobody handles", async () => {
      const { status, stderr } = await run("Promise.reject(new Error('alone'));");
      expect([status, stderr.includes("alone")]).toEqual([70, true]);
    });

    it("with 71 and a sentence when memory runs out", async () => {
      const { status, stderr } = await run("const all = []; for (;;) all.push(new Uint8Array(1 << 20));");
      expect([status, stderr]).toEqual([71, "vertebra-xs: the JavaScript machine ran out of memory.\n"]);
    });

    it("with 75 and a sentence at its limit of computation, with 71 at its limit of memory, and by a signal at its limit of time", async () => {
      const loop = await run("native.sandbox.limit(100000, 1e8, 60000); for (;;);");
      expect([loop.status, loop.stderr]).toEqual([75, "vertebra-xs: the program reached its limit of computation.\n"]);
      const eats = "native.sandbox.limit(4e9, 4e6, 60000); const all = []; for (;;) all.push(new Uint8Array(1 << 16));";
      expect((await run(eats)).status).toBe(71);
      expect((await run("native.sandbox.limit(100000, 1e6, 60000); native.print('done')")).stdout).toBe("done\n");
      const slow = start("native.sandbox.limit(4e9, 1e8, 50); for (;;);");
      await slow.ended;
      expect(slow.child.signalCode).toBe("SIGALRM");
    });

    it("with 72 and a sentence when the stack overflows", async () => {
      const { status, stderr } = await run("(function again() { again(); })();");
      expect([status, stderr.includes("stack overflowed")]).toEqual([72, true]);
    });
  });

  describe("text", () => {
    it("leaves and enters as UTF-8, beyond the basic plane too", async () => {
      const source = "native.print(native.arguments[0] + ' ' + native.arguments[0].length + ' \\u{1F600}é');";
      expect((await run(source, ["a\u{1F680}ß"])).stdout).toBe("a\u{1F680}ß 4 \u{1F600}é\n");
    });

    it("shows a lone surrogate and a zero as U+FFFD", async () => {
      expect((await run("native.print('a\\uD800b\\u0000c');")).stdout).toBe("a\uFFFDb\uFFFDc\n");
    });

    it("of the standard input comes line by line, bytes that are no UTF-8 as U+FFFD, then its end", async () => {
      const running = start("native.input((line) => native.print(JSON.stringify(line) ?? 'end'));");
      running.child.stdin.end(Buffer.from([0x61, 0x0a, 0xf0, 0x9f, 0x98, 0x80, 0xff, 0x0a, 0x0a]));
      expect((await running.ended).stdout).toBe('"a"\n"\u{1F600}\uFFFD"\n""\nend\n');
    });
  });

  it("calls timers in time, and runs the promise jobs of each before the next", async () => {
    const source = `
      const now = native.clock.monotonic();
      const at = (wait, act) => native.timer.set(native.timer.open(act), now + wait);
      at(40, () => native.print("second " + (native.clock.monotonic() - now >= 40)));
      at(10, () => { Promise.resolve().then(() => native.print("job")); native.print("first"); });
      const stopped = native.timer.open(() => native.print("never")); native.timer.set(stopped, now + 20); native.timer.stop(stopped);`;
    expect((await run(source)).stdout).toBe("first\njob\nsecond true\n");
  });

  it("tells a program to end on SIGTERM", async () => {
    const running = start("native.onTerminate(() => { native.print('bye'); native.exit(0); }); native.print('up');");
    await running.printed("up");
    running.child.kill("SIGTERM");
    expect(await running.ended).toEqual({ status: 0, stdout: "up\nbye\n", stderr: "" });
  });

  it("counts computations beyond 32 bits, the same for the same program", async () => {
    const source =
      "const before = native.meter(); for (let i = 0; i < 1000; i++); native.print(String(native.meter() - before));";
    const [first, second] = [await run(source), await run(source)];
    expect(Number(first.stdout)).toBeGreaterThan(3000);
    expect(second.stdout).toBe(first.stdout);
  });

  it("reads the machine's own sensors", async () => {
    const { stdout } = await run(
      "const s = native.sensors; native.print(JSON.stringify([s.load(), s.memoryUsed(), s.memoryPercent(), s.uptime()]));",
    );
    const [load, memory, percent, uptime] = JSON.parse(stdout) as number[];
    expect(load).toBeGreaterThanOrEqual(0);
    expect(memory).toBeGreaterThan(1);
    expect(percent! > 0 && percent! < 100).toBe(true);
    expect(uptime).toBeGreaterThan(0);
  });

  it("freezes what it gives to a program", async () => {
    const source =
      "'use strict'; try { native.clock.wall = 1; } catch (e) { native.print(e instanceof TypeError ? 'kept' : 'odd'); }";
    expect((await run(source)).stdout).toBe("kept\n");
  });

  describe("libsodium", () => {
    it("signs, hashes and agrees on keys as node:crypto does, or is missing and says so by its absence", async () => {
      const source = `
        const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
        const s = native.sodium, seed = new Uint8Array(32).fill(7), text = new Uint8Array(100).fill(1), nonce = new Uint8Array(12);
        if (!s) native.print("null");
        else {
          const key = s.secretKey(seed), sealed = s.seal(seed, nonce, nonce, text);
          const forged = Uint8Array.from(sealed); forged[3] ^= 1;
          native.print(JSON.stringify([hex(key.subarray(32)), hex(s.sign(key, text)), hex(s.sha256(text)), hex(s.x25519Public(seed)),
            hex(s.x25519(seed, s.x25519Public(text.subarray(0, 32)))), hex(s.x25519(seed, new Uint8Array(32))), hex(sealed),
            hex(s.open(seed, nonce, nonce, sealed)), typeof s.open(seed, nonce, nonce, forged), typeof s.open(seed, nonce, nonce, text.subarray(0, 5))]));
        }`;
      const told = JSON.parse((await run(source)).stdout) as string[] | null;
      if (!told) return;
      const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
      const crypto = nodeCrypto();
      const [seed, text, nonce] = [new Uint8Array(32).fill(7), new Uint8Array(100).fill(1), new Uint8Array(12)];
      const signer = crypto.signer(seed);
      const sealed = crypto.seal(seed, nonce, nonce, text);
      const shared = crypto.x25519(seed, crypto.x25519Public(text.subarray(0, 32)));
      const bytes = [
        signer.publicKey,
        signer.sign(text),
        crypto.sha256(text),
        crypto.x25519Public(seed),
        shared,
        new Uint8Array(32),
        sealed,
        text,
      ];
      expect(told).toEqual([...bytes.map(hex), "undefined", "undefined"]);
    });

    it("is off where VERTEBRA_SODIUM=off", async () => {
      expect((await run("native.print(typeof native.sodium)", [], { VERTEBRA_SODIUM: "off" })).stdout).toBe(
        "undefined\n",
      );
    });

    it("refuses a key of another length", async () => {
      const { stdout } = await run(
        "if (!native.sodium) native.print('32 bytes'); else try { native.sodium.secretKey(new Uint8Array(31)); } catch (e) { native.print(e.message); }",
      );
      expect(stdout).toContain("32 bytes");
    });
  });

  describe("a flash file", () => {
    const open = (path: string) => `const id = native.flash.open(${JSON.stringify(path)}, 8192, 4096);`;

    it("is made erased, clears bits only, and is erased a sector at a time", async () => {
      const path = join(scratchFolder(), "flash");
      const source = `${open(path)} const f = native.flash; const see = (at) => native.print(String(Array.from(f.read(id, at, 2))));
        see(0); f.program(id, 0, Uint8Array.of(0x0f, 0xff)); see(0); f.program(id, 0, Uint8Array.of(0xf1, 0x80)); see(0);
        f.program(id, 4096, Uint8Array.of(1, 2)); f.erase(id, 0); see(0); see(4096); f.sync(id);`;
      expect((await run(source)).stdout).toBe("255,255\n15,255\n1,128\n255,255\n1,2\n");
      expect(readFileSync(path).length).toBe(8192);
    });

    it("is busy while another process has it", async () => {
      const path = join(scratchFolder(), "flash");
      const first = start(`${open(path)} native.input(() => {}); native.print("up");`);
      await first.printed("up");
      const { status, stderr } = await run(open(path));
      first.child.stdin.end();
      expect([status, stderr.includes("in use by another process"), stderr.includes("code: flash-busy")]).toEqual([
        70,
        true,
        true,
      ]);
    });

    it("of another size is refused and left as it is", async () => {
      const path = join(scratchFolder(), "flash");
      writeFileSync(path, "mine");
      const { stderr } = await run(open(path));
      expect(stderr).toContain("code: flash-size");
      expect(readFileSync(path, "utf8")).toBe("mine");
    });

    it("refuses what reaches past its end", async () => {
      const path = join(scratchFolder(), "flash");
      for (const reach of [
        "native.flash.read(id, 8190, 3)",
        "native.flash.program(id, 8191, new Uint8Array(2))",
        "native.flash.erase(id, 2)",
      ]) {
        expect((await run(`${open(path)} ${reach}`)).stderr).toContain("RangeError");
      }
    });
  });

  describe("a serial line", () => {
    const echo = (link: string) => `
      const id = native.serial.openTerminal(${JSON.stringify(link)}, (bytes) => native.serial.write(id, bytes.map((b) => b ^ 0xff)), () => native.print("closed"));
      native.onTerminate(() => native.exit(0)); native.print("up");`;

    it("passes every byte of a pseudo-terminal unchanged, and outlives whoever opens and closes it", async () => {
      const link = join(scratchFolder(), "pty");
      const running = start(echo(link));
      await running.printed("up");
      for (let round = 0; round < 3; round++) {
        const cable = openSync(link, "r+");
        const sent = Uint8Array.from({ length: 256 }, (_, byte) => byte);
        writeSync(cable, sent);
        expect(readExactly(cable, 256)).toEqual(sent.map((byte) => byte ^ 0xff));
        closeSync(cable);
      }
      // Nobody holds the other side now: a host that spins on the hang-up would burn what it waits.
      const before = processorTicks(running.child.pid!);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(processorTicks(running.child.pid!) - before).toBeLessThan(10);
      expect(running.lines).toEqual(["up"]);
      running.child.kill("SIGTERM");
      expect((await running.ended).status).toBe(0);
      expect(existsSync(link)).toBe(false);
    });

    it("takes the name that a board killed before it left behind", async () => {
      const link = join(scratchFolder(), "pty");
      symlinkSync("/dev/pts/none", link);
      const running = start(echo(link));
      await running.printed("up");
      expect(readlinkSync(link)).toMatch(/^\/dev\/pts\/\d+$/);
      running.child.kill("SIGTERM");
      await running.ended;
    });

    it("does not take the place of a file", async () => {
      const link = join(scratchFolder(), "pty");
      writeFileSync(link, "mine");
      expect((await run(echo(link))).stderr).toContain("code: serial-link");
      expect(readFileSync(link, "utf8")).toBe("mine");
    });

    const openPort = (path: string) =>
      `native.serial.openPort(${JSON.stringify(path)}, 115200, () => {}, (reason) => native.print("closed: " + reason)); native.print("open");`;

    it("that is missing, busy, or no serial port is refused with a remedy", async () => {
      const folder = scratchFolder();
      writeFileSync(join(folder, "file"), "");
      expect((await run(openPort(join(folder, "none")))).stderr).toContain("code: serial-missing");
      expect((await run(openPort(join(folder, "file")))).stderr).toContain("code: serial-device");
      const link = join(folder, "pty");
      const board = start(echo(link));
      await board.printed("up");
      const first = start(openPort(link));
      await first.printed("open");
      expect((await run(openPort(link))).stderr).toContain("code: serial-busy");
      board.child.kill("SIGTERM");
      expect((await first.ended).stdout).toContain("closed: ");
    });

    it("takes no more than it can hold, and says so", async () => {
      const link = join(scratchFolder(), "pty");
      const source = `const id = native.serial.openTerminal(${JSON.stringify(link)}, () => {}, () => {}); let taken = 0;
        while (native.serial.write(id, new Uint8Array(1024))) taken++; native.print(String(taken)); native.exit(0);`;
      const taken = Number((await run(source)).stdout);
      expect(taken >= 16 && taken < 64).toBe(true);
    });
  });
});

/** Hundredths of a second that a process has computed: fields 14 and 15 of its stat. */
function processorTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

function readExactly(fd: number, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  let done = 0;
  while (done < count) done += readSync(fd, bytes, done, count - done, null);
  return bytes;
}
