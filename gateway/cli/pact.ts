import { Command } from "commander";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import type { Field, FieldType } from "../../firmware/core/wire/types";
import { paint } from "../system/text";
import type { Catalog, KnownPact } from "../world/catalog";
import { type WorldOptions, worldCommand, worldOf } from "./options";
import { print, printJson, printTable } from "./output";

export function pactCommand(): Command {
  return new Command("pact")
    .description("the pacts of the world: what is shared, in which form, and who must agree on it")
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
