import { Command } from "commander";
import { VertebraError } from "../../firmware/core/errors";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import type { Field, FieldType } from "../../firmware/core/wire/types";
import type { PactAsked } from "../channels/defining";
import { nodeCrypto } from "../participant/crypto";
import { loadPact } from "../saga/pact-file";
import { requirementText } from "../saga/requirements";
import { buildSandbox } from "../saga/sandbox";
import { paint } from "../system/text";
import type { Catalog, KnownPact } from "../world/catalog";
import { newestPact } from "../world/growing";
import { askToDefine } from "./defined";
import { dryRun, type WorldOptions, worldCommand, worldOf } from "./options";
import { print, printJson, printTable, say } from "./output";

export function pactCommand(): Command {
  return new Command("pact")
    .description("the pacts of the world: what is shared, in which form, and who must agree on it")
    .addCommand(addCommand())
    .addCommand(
      worldCommand("show", "show a pact with its fields, its policy and its groups", [
        "vertebra pact show machine",
        "vertebra pact show machine --json",
      ])
        .argument("<name>", "the pact: its newest version is shown")
        .action((name: string, options: WorldOptions) => {
          const { catalog } = worldOf(options);
          const known = newestPact(catalog, name);
          if (options.json) printJson(pactJson(catalog, known));
          else showPact(catalog, known);
        }),
    )
    .addCommand(
      worldCommand("list", "list the pacts with their fields, their policies and their groups", [
        "vertebra pact list",
        "vertebra pact list --json",
      ]).action((options: WorldOptions) => {
        const { catalog } = worldOf(options);
        if (options.json) printJson(catalog.pacts.map((known) => pactJson(catalog, known)));
        else for (const known of catalog.pacts) showPact(catalog, known);
      }),
    );
}

function addCommand(): Command {
  return worldCommand("add", "add a pact to the world, while it runs", [
    "vertebra pact add examples/pacts/room.ts",
    "vertebra pact add examples/pacts/room.ts --dry-run",
  ])
    .argument("<file>", "the file that defines it")
    .option(...dryRun)
    .addHelpText(
      "after",
      '\nThe file ends with `export default definePact("room", { … }, { extends: "machine", quorum: "all" })`. A pact that is\nchanged has a version of its own: what was written in the one of before stays what it was.',
    )
    .action(async (file: string, options: WorldOptions & { dryRun?: boolean }) => {
      const sandbox = await buildSandbox((text) => say(text));
      const pacts = await loadPact(nodeCrypto(), sandbox, file, worldOf(options).catalog.pacts);
      if (pacts.length === 0)
        throw new VertebraError(
          "name-taken",
          `The world has the pact of ${file} already`,
          "Change it, and give it the next version.",
        );
      const asked: PactAsked = { pacts: pacts.map(toHex), dry: options.dryRun === true };
      await askToDefine(options, "/pacts", asked);
    });
}

function groupNames(catalog: Catalog, known: KnownPact): string[] {
  return catalog.groups.filter((group) => equal(group.pact.id, known.id)).map((group) => group.name);
}

function pactJson(catalog: Catalog, known: KnownPact) {
  const { name, version, policy } = known.pact;
  return {
    name,
    version,
    id: toHex(known.id),
    extends: known.pact.extends && toHex(known.pact.extends),
    fields: known.fields.map((field) => ({ ...field, type: typeName(field.type) })),
    policy,
    groups: groupNames(catalog, known),
  };
}

export function showPact(catalog: Catalog, known: KnownPact): void {
  const { name, version, policy } = known.pact;
  const parent = catalog.pacts.find((each) => known.pact.extends !== null && equal(each.id, known.pact.extends));
  print(paint("bold", `${name} v${version}`), parent ? `, extends ${parent.pact.name}` : "");
  const order = policy.ordered ? "in the order of their issuers" : "in any order";
  print(`  agreed on by ${policy.quorum} of the owners, ${order}; written by ${policy.writers}`);
  if (policy.requires) print(`  owned by who has ${policy.requires.map(requirementText).join(" and ")}`);
  print(`  groups: ${groupNames(catalog, known).join(", ") || "none"}`);
  printTable(known.fields.map((field) => ["   ", field.name, typeName(field.type), field.unit ?? "", bounds(field)]));
  print();
}

function typeName(type: FieldType): string {
  if (type.kind === "enum") return `one of ${type.values.join(", ")}`;
  if (type.kind === "array") return `array of ${typeName(type.items)}`;
  if (type.kind === "map") return `map of ${typeName(type.keys)} to ${typeName(type.values)}`;
  return type.kind;
}

function bounds({ min, max }: Field): string {
  return [min === undefined ? "" : `from ${min}`, max === undefined ? "" : `to ${max}`].join(" ").trim();
}
