/** What XS has beyond ES2022 that a sandbox is made of. */
declare class ModuleSourceOfXs {
  constructor(source: string);
}

declare class CompartmentOfXs {
  constructor(options: {
    readonly globals: object;
    readonly modules: Readonly<Record<string, { readonly source: ModuleSourceOfXs }>>;
  });
  importNow(name: string): { readonly default: unknown };
}

declare const Compartment: typeof CompartmentOfXs;
declare const ModuleSource: typeof ModuleSourceOfXs;

/** What differs from run to run, or reaches out of the compartment. */
const taken = [
  "Atomics",
  "Compartment",
  "Date",
  "FinalizationRegistry",
  "ModuleSource",
  "SharedArrayBuffer",
  "WeakRef",
  "trace",
];

/** A module that was read, and does nothing until it is loaded. */
export type Module = ModuleSourceOfXs;

/** Throws a SyntaxError. */
export function readModule(source: string): Module {
  return new ModuleSource(source);
}

/** The default export of a module that is given nothing but frozen intrinsics. Throws what the module throws. */
export function loadAlone(source: Module): unknown {
  const globals = Object.fromEntries(taken.map((name) => [name, undefined]));
  const compartment = new Compartment({ globals, modules: { behavior: { source } } });
  return compartment.importNow("behavior").default;
}
