/** Lines of context around what changed. */
const context = 3;
/** Cells of the table that finds what is common to two texts, above which all between their equal ends counts as changed. */
const mostCells = 4_000_000;

type Edit = { readonly sign: " " | "-" | "+"; readonly line: string };

/** What became of the lines of a text, as `diff -u` says it without its first two lines; empty where they are the same. */
export function unifiedDiff(before: string, after: string): string[] {
  const edits = editsOf(before.split("\n"), after.split("\n"));
  const lines: string[] = [];
  for (const [from, to] of hunks(edits)) lines.push(headOf(edits, from, to), ...edits.slice(from, to).map(lineOf));
  return lines;
}

function lineOf({ sign, line }: Edit): string {
  return `${sign}${line}`;
}

/** Where the changes are with what is around them: those whose contexts touch are one. */
function hunks(edits: readonly Edit[]): [from: number, to: number][] {
  const found: [number, number][] = [];
  for (const [at, { sign }] of edits.entries()) {
    if (sign === " ") continue;
    const from = Math.max(0, at - context);
    const to = Math.min(edits.length, at + 1 + context);
    const last = found.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = to;
    else found.push([from, to]);
  }
  return found;
}

function headOf(edits: readonly Edit[], from: number, to: number): string {
  const count = (some: readonly Edit[], sign: "-" | "+") => some.filter((each) => each.sign !== sign).length;
  const [before, within] = [edits.slice(0, from), edits.slice(from, to)];
  const range = (other: "-" | "+") => {
    const lines = count(within, other);
    return `${count(before, other) + (lines > 0 ? 1 : 0)},${lines}`;
  };
  return `@@ -${range("+")} +${range("-")} @@`;
}

function editsOf(before: readonly string[], after: readonly string[]): Edit[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head++;
  let tail = 0;
  const most = Math.min(before.length, after.length) - head;
  while (tail < most && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
  const kept = (line: string): Edit => ({ sign: " ", line });
  return [
    ...before.slice(0, head).map(kept),
    ...changes(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...before.slice(before.length - tail).map(kept),
  ];
}

function changes(before: readonly string[], after: readonly string[]): Edit[] {
  const common = commonBehind(before, after);
  const edits: Edit[] = [];
  let [one, other] = [0, 0];
  while (one < before.length || other < after.length) {
    if (common !== undefined && one < before.length && other < after.length && before[one] === after[other]) {
      edits.push({ sign: " ", line: before[one]! });
      one++;
      other++;
    } else if (
      one < before.length &&
      (other === after.length || common === undefined || common(one + 1, other) >= common(one, other + 1))
    ) {
      edits.push({ sign: "-", line: before[one++]! });
    } else edits.push({ sign: "+", line: after[other++]! });
  }
  return edits;
}

/** How many lines, in their order, are common to what follows two places; undefined where that is too much to find out. */
function commonBehind(
  before: readonly string[],
  after: readonly string[],
): ((one: number, other: number) => number) | undefined {
  const width = after.length + 1;
  if ((before.length + 1) * width > mostCells) return undefined;
  const table = new Uint16Array((before.length + 1) * width);
  for (let one = before.length - 1; one >= 0; one--) {
    for (let other = after.length - 1; other >= 0; other--) {
      const at = one * width + other;
      table[at] =
        before[one] === after[other] ? table[at + width + 1]! + 1 : Math.max(table[at + width]!, table[at + 1]!);
    }
  }
  return (one, other) => table[one * width + other]!;
}
