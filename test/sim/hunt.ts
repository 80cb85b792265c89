import { type Mutant, seedsFor } from "./mutant";
import { mutants } from "./mutants";
import { type Caught, hunt } from "./mutate";

/**
 * Looks for the seed that catches each mutant whose name has this in it: first the one that caught it before, then `count` from `first`
 * on. Prints what `caughtBy` of each is to be; returns whether all were caught.
 */
export async function huntAll(part: string, first: number, count: number): Promise<boolean> {
  const hunted = mutants.filter(({ name }) => name.includes(part));
  const found = new Map<Mutant, Caught | undefined>();
  const left = hunted.values();
  const takeOn = async () => {
    for (const mutant of left) {
      const started = Date.now();
      const caught = await hunt(mutant, [mutant.caughtBy, ...seedsFor(mutant, first, count)]);
      found.set(mutant, caught);
      const seconds = `${((Date.now() - started) / 1000).toFixed(0)} s`.padStart(6);
      console.log(`${mutant.name.padEnd(56)} ${seconds}  ${show(caught)}`);
    }
  };
  await Promise.all([takeOn(), takeOn()]);
  for (const mutant of hunted) {
    const caught = found.get(mutant);
    if (caught !== undefined && caught.seed !== mutant.caughtBy)
      console.log(`now "${mutant.name}" is caught by seed ${caught.seed}`);
  }
  return hunted.every((mutant) => found.get(mutant) !== undefined);
}

function show(caught: Caught | undefined): string {
  return caught === undefined
    ? "not caught"
    : `${String(caught.seed).padStart(5)}  ${caught.failure.split("\n")[0]!.slice(0, 140)}`;
}
