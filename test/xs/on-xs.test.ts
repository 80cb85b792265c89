import { beforeAll, describe, expect, it } from "vitest";
import { hostOrReason } from "./host";
import { bundleSuite, firmwareTests, runOnXs, type Suite } from "./suites";
import type { Result } from "./vitest";

const host = await hostOrReason();

if (host.reason) it.skip(`the firmware's own tests, on XS: ${host.reason}`, () => {});
else for (const file of firmwareTests()) onXs(await suiteOrError(file));

function onXs(suite: Suite | UnfitFile): void {
  if ("error" in suite) {
    describe(suite.file, () => {
      it("can be run outside Node", () => {
        throw suite.error;
      });
    });
    return;
  }
  describe(suite.file, () => {
    let results: ReadonlyMap<string, Result>;
    let failure: string | null;

    beforeAll(async () => {
      ({ results, failure } = await runOnXs(host.path, suite));
    }, 250_000);

    for (const name of suite.names) {
      it(name, () => {
        const result = results.get(name);
        if (!result) throw new Error(failure ?? "It did not run on XS, though the file has it.");
        if (result.error) throw new Error(result.error);
      });
    }

    it("ran every test that the file has, and no other", () => {
      expect(failure).toBeNull();
      expect(suite.names.length).toBeGreaterThan(0);
      expect([...results.keys()]).toEqual(suite.names);
    });
  });
}

interface UnfitFile {
  readonly file: string;
  readonly error: unknown;
}

/** One file that does not fit XS must not hide what the others give. */
async function suiteOrError(file: string): Promise<Suite | UnfitFile> {
  try {
    return await bundleSuite(file);
  } catch (error) {
    return { file, error };
  }
}
