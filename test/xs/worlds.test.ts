import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { drawPlan } from "../sim/plan";
import { platform } from "../sim/platform";
import { simulate } from "../sim/simulate";
import { hostOrReason, scratchFolder, startProgram } from "./host";
import { bundleProgram } from "./suites";

const host = await hostOrReason();

/** Short worlds: with a liar, with a store on flash, with the bytes of the real link, with sagas, and others. */
const seeds = [17, 28, 34, 38, 950, 1030];

const program = `
  import { nobleCrypto } from "./firmware/device/noble";
  import { cheapCrypto } from "./test/core/cheap-crypto";
  import { drawPlan } from "./test/sim/plan";
  import { simulate } from "./test/sim/simulate";
  const platform = { cheap: () => cheapCrypto(nobleCrypto()), real: nobleCrypto };
  native.print(JSON.stringify(simulate(drawPlan(Number(native.arguments[0])), platform)));
`;

if (host.reason) it.skip(`simulated worlds, on XS: ${host.reason}`, () => {});
else {
  const path = join(scratchFolder(), "world.js");
  writeFileSync(path, await bundleProgram(program));
  for (const seed of seeds) {
    it(`says the same bytes in the simulated world of seed ${seed} on XS as on Node`, async () => {
      const { status, stdout, stderr } = await startProgram(host.path, [path, String(seed)]).ended;
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(JSON.parse(stdout)).toEqual(simulate(drawPlan(seed), platform));
    }, 120_000);
  }
}
