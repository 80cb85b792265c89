import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { root } from "../house/sources";
import { hostOrReason } from "../xs/host";

const { reason } = await hostOrReason();

/** What takes the engine half a minute, here takes a second: an object that is half there while it is made. */
const makefile = `
$(OUT)/vertebra-xs: $(OUT)/engine/part.o
	cp $< $@
$(OUT)/engine/part.o:
	mkdir -p $(OUT)/engine; echo half > $@; echo begun >> ../begun; sleep 1; echo whole > $@
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vertebra-host-"));
  for (const each of ["firmware/native", "node_modules/@agoric/xsnap"])
    mkdirSync(join(folder, each), { recursive: true });
  cpSync(join(root, "firmware/native/build.mjs"), join(folder, "firmware/native/build.mjs"));
  writeFileSync(join(folder, "firmware/native/makefile"), makefile);
  writeFileSync(join(folder, "node_modules/@agoric/xsnap/package.json"), '{"name":"@agoric/xsnap","version":"1.0.0"}');
});
afterEach(() => rmSync(folder, { recursive: true, maxRetries: 20, retryDelay: 100 }));

function build() {
  const child = spawn(process.execPath, [join(folder, "firmware/native/build.mjs")]);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += text));
  const ended = new Promise<{ status: number | null; output: string }>((resolve) => {
    child.once("close", (status) => resolve({ status, output }));
  });
  return { child, ended };
}

const begun = () =>
  existsSync(join(folder, "firmware/begun")) ? readFileSync(join(folder, "firmware/begun"), "utf8") : "";
const host = () => readFileSync(join(folder, "build/native/vertebra-xs"), "utf8");

describe.skipIf(reason)("the build of the XS host", { timeout: 60_000 }, () => {
  it("is done once, though several want it at the same time", async () => {
    const ends = await Promise.all([build(), build(), build()].map(({ ended }) => ended));
    expect(ends.map(({ status }) => status)).toEqual([0, 0, 0]);
    expect(begun()).toBe("begun\n");
    expect(host()).toBe("whole\n");
  });

  it("that was killed in the middle neither holds up the next nor leaves it half an object", async () => {
    const first = build();
    await expect.poll(begun, { timeout: 20_000 }).toBe("begun\n");
    first.child.kill("SIGKILL");
    expect(await build().ended).toMatchObject({ status: 0 });
    expect(host()).toBe("whole\n");
    expect(readdirSync(join(folder, "build/native")).sort()).toEqual(["objects", "stamp", "vertebra-xs"]);
  });

  it("makes again what has changed alone", async () => {
    await build().ended;
    writeFileSync(join(folder, "firmware/native/other.h"), "");
    expect(await build().ended).toMatchObject({ status: 0 });
    expect(begun()).toBe("begun\n");
  });

  it("says which tool is missing", async () => {
    const child = spawn(process.execPath, [join(folder, "firmware/native/build.mjs")], {
      env: { ...process.env, CC: "/none/cc" },
    });
    let output = "";
    child.stderr.on("data", (text) => (output += text));
    expect(await new Promise((resolve) => child.once("close", resolve))).toBe(1);
    expect(output).toMatch(/needs \/none\/cc, which is not here\n.*apt-get install gcc/);
  });
});
