/** Of the keys that a participant gives its records (`core/block/records`, `core/block/final-record`): what packing asks of them. */

const finals = "final/";

export function isFinal(key: string): boolean {
  return key.startsWith(finals);
}

/** Whether it is one that a participant gives. */
export function isParticipants(key: string): boolean {
  return key.startsWith("w/") || isFinal(key);
}

export function isTip(key: string): boolean {
  return key.startsWith("w/") && key.endsWith("/tip");
}

/** The group in hex that a record is of, where it is of one, and which item of its array holds the entries whose hash a header in it names. */
export function contentsOf(key: string): { readonly group: string | undefined; readonly entries: number | null } {
  const [, , third, fourth] = key.split("/");
  if (isFinal(key)) return { group: third, entries: 3 };
  return { group: fourth, entries: third === "block" ? 2 : null };
}

/** The key of the tip of the world that a final record is of. */
export function tipBeside(final: string): string {
  return `w/${final.slice(finals.length, final.indexOf("/", finals.length))}/tip`;
}

/** What the keys of the blocks begin with that are of the same group as a final record. */
export function blocksBeside(final: string): string {
  const [, tag, group] = final.split("/");
  return `w/${tag}/block/${group}/`;
}

/** The key of the final record at this position of the group that a block's record is of. */
export function finalBeside(block: string, position: number): string {
  const [, tag, , group] = block.split("/");
  return `${finals}${tag}/${group}/${String(position).padStart(12, "0")}`;
}
