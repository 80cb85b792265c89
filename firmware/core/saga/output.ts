import { VertebraError } from "../errors";
import { checkEntry } from "../pact/entry";
import { equal, toHex } from "../wire/bytes";
import { type Definitions, type GroupKnown, groupOfPact, type StageKnown } from "./definitions";
import type { RunOutput } from "./events";
import type { Output } from "./state";

/** What a stage may put out: entries of the pacts that it names, and operations of the capabilities that it requires. */

/** An output of a run, with the group that it is for. Throws `saga-output`, or `entry-…` where it breaks its pact. */
export function checkOutput(definitions: Definitions, stage: StageKnown, output: RunOutput): Output {
  if (output.kind === "operation") {
    if (stage.requires.some(({ capability }) => capability === output.capability)) return output;
    throw refused(`it acts on '${output.capability}', which its stage does not require`);
  }
  const pact = definitions.pacts.get(toHex(output.pact));
  if (pact === undefined || !stage.producedPacts.some((each) => equal(each, output.pact))) {
    const into = pact ? `pact '${pact.pact.name}'` : "an unknown pact";
    throw refused(`it produces into ${into}, which its stage does not name`);
  }
  const group = groupOfPact(definitions, output.pact);
  if (group === undefined) throw refused(`no group of pact '${pact.pact.name}' is known here`);
  checkEntry(pact.fields, pact.pact.policy, output.entry);
  return { kind: "entry", group: group.id, entry: output.entry };
}

/**
 * Throws as `checkOutput` for an output in a state that another wrote: who pushes a stage's entries for its issuer pushes nothing
 * that the stage may not produce. What undoes a stage may reverse entries, too.
 */
export function checkPutOut(definitions: Definitions, stage: StageKnown, undoes: boolean, output: Output): void {
  if (output.kind === "operation") {
    checkOutput(definitions, stage, output);
    return;
  }
  const group = definitions.groups.get(toHex(output.group));
  if (undoes && group !== undefined && group === definitions.reversals) checkOf(group, output.entry);
  else checkOutput(definitions, stage, { kind: "entry", pact: group?.pact.id ?? output.group, entry: output.entry });
}

function checkOf({ pact }: GroupKnown, entry: Uint8Array): void {
  checkEntry(pact.fields, pact.pact.policy, entry);
}

export function refused(message: string): VertebraError {
  return new VertebraError("saga-output", message, "Change the behavior, or what its stage names.");
}
