import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeProvision, noSagas, type WorldProvision } from "../../../firmware/core/identity/provision";
import { toHex } from "../../../firmware/core/wire/bytes";
import { decodeMessage } from "../../../firmware/core/wire/messages";
import { encodeText } from "../../../firmware/core/wire/text";
import { buildRv32Image } from "../../../gateway/fleet/rv32-image";
import { nodeCrypto } from "../../../gateway/participant/crypto";
import { nodeRandom } from "../../../gateway/participant/platform";
import { layOutWorld } from "../../../gateway/world/layout";
import { readDefinition } from "../../../gateway/world/world";
import { runOnRv32 } from "../../boards/rv32/emulated";
import { cheapCrypto } from "../../core/cheap-crypto";
import { createNetwork } from "../../core/network";

/** What a board holds one of each of, in hex: as it came. */
export interface Held {
  readonly block: string;
  readonly metablock: string;
  readonly certificate: string;
  /** Of a slot's record. */
  readonly lock: string;
  readonly entry: string;
}

/** Bytes of heap, on an engine with slots of 16 bytes. */
export interface Holding {
  /** A participant with a group of two owners; with four more of them; with one more of 16 owners. */
  readonly participant: number;
  readonly moreGroups: number;
  readonly moreOwners: number;
  readonly block: number;
  readonly slot: number;
  readonly metablock: number;
  readonly certificate: number;
  readonly entry: number;
  readonly told: number;
}

/** Counts it on the emulated board. */
export async function countHolding(): Promise<Holding> {
  const image = await buildRv32Image("test/bench/rv32/holding-on-rv32.ts", "holding", () => {});
  const folder = mkdtempSync(join(tmpdir(), "vertebra-rv32-"));
  const parts = [
    ["one", provisionOf(2, 1)],
    ["more", provisionOf(2, 5)],
    ["wide", provisionOf(16, 1)],
    ["held", encodeText(JSON.stringify(heldOfFour()))],
  ] as const;
  const { lines } = await runOnRv32(image, folder, parts);
  rmSync(folder, { recursive: true });
  if (!lines[0]?.startsWith("{")) throw new Error(lines.join("\n"));
  return JSON.parse(lines[0]) as Holding;
}

/** Of a world of the first pacts: so many groups, each of so many owners. */
function provisionOf(owners: number, groups: number): Uint8Array {
  const crypto = nodeCrypto();
  const boards = Array.from({ length: owners - 1 }, () => readDefinition("linux"));
  const worlds = Array.from({ length: groups }, () => layOutWorld(crypto, nodeRandom(), { boards, sagas: [] }));
  const shared = worlds.map(({ config }) => config.groups.find(({ name }) => name === "machine-shared")!.bytes);
  const world: WorldProvision = { ...worlds[0]!.boards[0]!.provision.worlds[0]!, groups: shared };
  return encodeProvision({ seed: new Uint8Array(32), worlds: [{ ...world, readings: [], sagas: noSagas }] });
}

/** What one of four owners is told for a block of one entry of 32 bytes. */
function heldOfFour(): Held {
  const members = ["m0", "m1", "m2", "m3"];
  const group = { name: "g", owners: members, policy: { quorum: "two-thirds" as const } };
  const network = createNetwork({ crypto: cheapCrypto(nodeCrypto()), members, groups: [group] });
  const held = { block: "", metablock: "", certificate: "", lock: "", entry: "11".repeat(32) };
  network.run(2_000);
  network.filter = (_from, to, bytes) => {
    if (to !== "m1") return true;
    const message = decodeMessage(bytes);
    if (message.type === "block") held.block = toHex(bytes);
    if (message.type === "metablock" && message.references.length > 0) held.metablock = toHex(bytes);
    if (message.type === "certificate") held.certificate = toHex(bytes);
    for (const [key, value] of network.members.get("m1")!.store) {
      if (key.includes("/slot/") && 2 * value.length > held.lock.length) held.lock = toHex(value);
    }
    return true;
  };
  for (const issuer of [2, 3, 2, 3]) {
    network.push(`m${issuer}`, "g", issuer);
    network.run(network.now + 5_000);
  }
  return held;
}
