import type { Gateway } from "../gateway";
import { nodeRandom } from "../participant/platform";
import { newGateway, writeExport } from "../world/exporting";
import { type DefinedJson, define, tried } from "./defining";
import { epochOf } from "./newcomer";

/** How a further gateway comes into the world. With `dry`, all is checked and nothing done. */

export interface ExportAsked {
  readonly name: string;
  readonly dry: boolean;
}

/** What `--json` prints of it. */
export interface ExportedJson extends DefinedJson {
  /** What the other gateway is laid out of: it holds secrets. */
  readonly file: string | null;
}

/** Makes it a member, and writes the file that it is to be given; one that is a member gets that file once more. */
export async function exportWorld(
  gateway: Gateway,
  { name, dry }: ExportAsked,
  ending: AbortSignal,
): Promise<ExportedJson> {
  const { crypto, world } = gateway;
  const added = newGateway(crypto, nodeRandom(), world, name, epochOf(gateway));
  const would = tried(gateway, added.definitions);
  if (dry) return { ...would, file: null };
  // Before it is defined: a member whose seed nobody has would be one for good.
  writeExport(added);
  const defined = await define(gateway, added.definitions, ending);
  return { ...defined, file: added.file };
}
