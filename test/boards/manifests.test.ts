import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, expect, it } from "vitest";
import { filesIn, root, textOf } from "../house/sources";
import { firstEntry } from "./first-entry/first-entry";
import { movingPins } from "./moving-pins/moving-pins";

const sdk = process.env.MODDABLE;

describe("the manifest of a participant", () => {
  const { preload } = JSON.parse(textOf("manifests/participant/manifest.json")) as { preload: string[] };

  it("keeps every module of core, link and store in ROM, by name: mcconfig takes no pattern there for TypeScript", () => {
    const files = filesIn("firmware/core", "firmware/link", "firmware/store");
    expect([...preload].sort()).toEqual(["firmware/ports", ...files.map((file) => file.replace(/\.ts$/, ""))].sort());
  });

  it("is built by mcconfig, and agrees with Node on one entry to the last byte", { timeout: 600_000 }, ({ skip }) => {
    if (sdk === undefined) skip("set MODDABLE to a Moddable SDK 8.2 with its command line tools built, to run this");
    const printed = runOnLinux(sdk!, "test/boards/first-entry");
    expect(printed).toEqual(firstEntry());
    expect(printed).toContain("final 0 0.25 86400");
  });
});

describe("the manifest of pins", () => {
  const { preload } = JSON.parse(textOf("manifests/pins/manifest.json")) as { preload: string[] };

  it("keeps every driver in ROM, by name", () => {
    const files = ["firmware/device/capabilities.ts", ...filesIn("firmware/device/pins")];
    expect([...preload].sort()).toEqual(files.map((file) => file.replace(/\.ts$/, "")));
  });

  it("is built by mcconfig, and its pins move as they do on Node", { timeout: 600_000 }, ({ skip }) => {
    if (sdk === undefined) skip("set MODDABLE to a Moddable SDK 8.2 with its command line tools built, to run this");
    const printed = runOnLinux(sdk!, "test/boards/moving-pins");
    expect(printed).toEqual(movingPins());
    expect(printed).toContain("drive 0 lease");
  });
});

/** The lines that the program of a manifest prints, as an ordinary Linux executable (platform `x-cli-lin`). */
function runOnLinux(moddable: string, folder: string): string[] {
  const out = join(root, "build/moddable");
  mkdirSync(out, { recursive: true });
  const tools = [join(moddable, "build/bin/lin/release"), join(root, "node_modules/.bin")];
  const env = { ...process.env, PATH: [...tools, process.env.PATH].join(delimiter) };
  const words = ["-m", "-p", "x-cli-lin", "-o", out, join(root, folder, "manifest.json")];
  execFileSync("mcconfig", words, { env, stdio: "pipe" });
  const program = join(out, "bin/lin/release", folder.split("/").at(-1)!);
  return execFileSync(program, { encoding: "utf8" }).trimEnd().split("\n");
}
