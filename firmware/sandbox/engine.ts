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

/** The default export of a module that is given nothing but frozen intrinsics. Throws what the module throws. */
export function loadAlone(source: string): unknown {
  const globals = Object.fromEntries(taken.map((name) => [name, undefined]));
  const compartment = new Compartment({ globals, modules: { behavior: { source: new ModuleSource(source) } } });
  return compartment.importNow("behavior").default;
}
