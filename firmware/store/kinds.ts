/** The records that are packed, by what their keys say (`core/block/records`, `core/block/final-record`). */
export type Place =
  | { readonly kind: "final"; readonly world: string; readonly group: string; readonly number: number }
  | { readonly kind: "block"; readonly world: string; readonly group: string; readonly number: number }
  /** `final`: the key that its block's record will have. */
  | {
      readonly kind: "slot";
      readonly world: string;
      readonly group: string;
      readonly number: number;
      readonly final: string;
    }
  | { readonly kind: "group"; readonly world: string; readonly group: string }
  | { readonly kind: "tip"; readonly world: string }
  /** What all proofs of a group say alike. Written once, and never seen outside of the store. */
  | { readonly kind: "known" };

/** Undefined for a record that lies as it is. */
export function placeOf(key: string): Place | undefined {
  const parts = key.split("/");
  const [root, world = "", second = "", third] = parts;
  if (root === "known") return { kind: "known" };
  const digits = parts[parts.length - 1]!;
  const number = isNumber(digits) ? Number(digits) : undefined;
  if (root === "final" && parts.length === 4 && number !== undefined)
    return { kind: "final", world, group: second, number };
  if (root !== "w") return undefined;
  if (second === "tip" && parts.length === 3) return { kind: "tip", world };
  if (second === "group" && parts.length === 4) return { kind: "group", world, group: third! };
  if (parts.length !== 5 || number === undefined) return undefined;
  if (second === "block") return { kind: "block", world, group: third!, number };
  if (second !== "slot") return undefined;
  return { kind: "slot", world, group: third!, number, final: `final/${world}/${third}/${digits.padStart(12, "0")}` };
}

/** `number` 0: byte strings that all proofs of the group have; others are templates. */
export function knownKey(world: string, group: string, number: number): string {
  return `known/${world}/${group}/${number}`;
}

function isNumber(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text[at]! < "0" || text[at]! > "9") return false;
  return text.length > 0 && text.length <= 12;
}
