import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeEntry, objectToValues } from "../../firmware/core/pact/entry";
import type { SagaAsked } from "../../gateway/channels/deploying";
import { loadSaga } from "../../gateway/saga/load";
import type { Sandbox } from "../../gateway/saga/sandbox";
import type { TestGateway } from "./worlds";

/** The visitors of the examples with this version, for whoever can run behaviors; its file is put into `place`. */
export async function visitorsVersion(
  place: string,
  sandbox: Sandbox,
  number: number,
  owners: readonly string[] = [],
  change: (text: string) => string = (same) => same,
): Promise<SagaAsked> {
  const text = change(readFileSync("examples/visitors/visitors.ts", "utf8"))
    .replace("./visit", join(process.cwd(), "examples/visitors/visit"))
    .replace("version: 1", `version: ${number}`)
    .replace(/ {2}requires:.*\n/, "");
  const file = join(place, `visitors-${number}.ts`);
  writeFileSync(file, text);
  const { source, described } = await loadSaga(sandbox, file);
  return { file, source: source.text, described, owners, groups: [], cells: 0, dry: false };
}

/** Pushes so many people into the group that begins the visitors; resolves once that is final. */
export async function visit(gateway: TestGateway, people: number): Promise<void> {
  const group = gateway.world.catalog.group("visit");
  const { fields, pact } = group.pact;
  const entry = encodeEntry(fields, objectToValues(fields, { room: "hall", people }), pact.policy);
  await (await gateway.channel.push(group, entry)).final;
}
