import { parseArgs } from "node:util";
import type { Plan } from "./plan";
import type { Kind } from "./worlds";

export const help = `npm run sim -- --seeds 1000              so many hostile worlds, from --first on (1); 100 where nothing is said
               --minutes 10              as many as fit
               --load                    under load: slow machines, members that go on pushing, several liars
               --wide                    groups of 24 and of 64 owners
               --relentless              of liars who go on for as long as anything is under way
               --small                   of members that hold as little as boards with the least memory
               --signatures real         none with the cheap ones that most are drawn with
               --seed 42 [--trace]       one, told in full
               --seed 42 --shrink        the shortest plan that still fails
               --world esp32-radio       a world as others met it in the field, into docs/numbers.md
               --mutants [part of name]  looks for the seed that catches each deliberate fault
               --record                  writes how long these worlds took to heal into test/sim/healing-record.json
               --help                    this
`;

export const namedWorlds = ["esp32-radio"] as const;

export interface Options {
  readonly kind: Kind;
  readonly first: number;
  /** null where it is not said. */
  readonly seeds: number | null;
  readonly minutes: number | null;
  readonly seed: number | null;
  readonly signatures: Plan["signatures"] | undefined;
  readonly trace: boolean;
  readonly shrink: boolean;
  /** Part of the names of the mutants; null where none are asked for. */
  readonly mutants: string | null;
  readonly world: (typeof namedWorlds)[number] | null;
  readonly record: boolean;
  readonly help: boolean;
}

/** What was typed is no order: `message` says which, and what to type instead. */
export class UsageError extends Error {}

const remedy = "See: npm run sim -- --help";

/** Throws a `UsageError` for what is unknown, ill-formed or goes not together. */
export function readOptions(args: readonly string[]): Options {
  const { values, positionals } = parse(args);
  const options: Options = {
    kind: kindOf(values),
    first: count("first", values.first) ?? 1,
    seeds: count("seeds", values.seeds),
    minutes: count("minutes", values.minutes),
    seed: count("seed", values.seed),
    signatures: signatures(values.signatures),
    trace: values.trace,
    shrink: values.shrink,
    mutants: values.mutants ? positionals.join(" ") : null,
    world: named(values.world),
    record: values.record,
    help: values.help,
  };
  const [stray] = values.mutants ? [] : positionals;
  if (stray !== undefined)
    throw new UsageError(`"${stray}" belongs to no option. A number of worlds: --seeds ${stray}. ${remedy}`);
  if (options.seed === null && (options.trace || options.shrink))
    throw new UsageError(`--${options.trace ? "trace" : "shrink"} is about one world: say which by --seed. ${remedy}`);
  if ([values.load, values.wide, values.small, values.relentless].filter(Boolean).length > 1)
    throw new UsageError(`--load, --wide, --small and --relentless are kinds of worlds: take one. ${remedy}`);
  if (options.seeds !== null && options.minutes !== null)
    throw new UsageError(
      `--seeds says how many worlds, and --minutes as many as fit: leave one of them out. ${remedy}`,
    );
  return options;
}

function kindOf(values: ReturnType<typeof parse>["values"]): Kind {
  if (values.load) return "loaded";
  if (values.wide) return "wide";
  if (values.small) return "small";
  return values.relentless ? "relentless" : "hostile";
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        seeds: { type: "string" },
        first: { type: "string" },
        minutes: { type: "string" },
        seed: { type: "string" },
        signatures: { type: "string" },
        load: { type: "boolean", default: false },
        wide: { type: "boolean", default: false },
        small: { type: "boolean", default: false },
        relentless: { type: "boolean", default: false },
        trace: { type: "boolean", default: false },
        shrink: { type: "boolean", default: false },
        mutants: { type: "boolean", default: false },
        world: { type: "string" },
        record: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(`${error.message.split(". ")[0]}. ${remedy}`);
  }
}

function count(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const number = Number(text);
  if (/^[0-9]+$/.test(text) && number >= 1 && number < 2 ** 31) return number;
  throw new UsageError(
    `--${name} is a whole number from 1 to 2147483647, not "${text}": for example --${name} 42. ${remedy}`,
  );
}

function named(text: string | undefined): Options["world"] {
  if (text === undefined) return null;
  const world = namedWorlds.find((name) => name === text);
  if (world !== undefined) return world;
  throw new UsageError(`No world is named "${text}". There is: ${namedWorlds.join(", ")}. ${remedy}`);
}

function signatures(text: string | undefined): Plan["signatures"] | undefined {
  if (text === undefined || text === "real" || text === "cheap") return text;
  throw new UsageError(`--signatures are real or cheap, not "${text}". ${remedy}`);
}
