/**
 * What the file of a saga imports as "vertebra/saga". It goes with the behaviors to whoever runs them: nothing here knows a
 * platform, and the types are all that it does for who writes one.
 */

export type ScalarName =
  | "bool"
  | "u8"
  | "u16"
  | "u32"
  | "u64"
  | "i8"
  | "i16"
  | "i32"
  | "i64"
  | "f32"
  | "f64"
  | "text"
  | "bytes"
  | "reference";

/** A field: its type, or its type with unit and bounds (of the value, or of the length of text, bytes and arrays). */
export type FieldSpec =
  | ScalarName
  | { readonly type: ScalarName; readonly unit?: string; readonly min?: number; readonly max?: number }
  | { readonly enum: readonly string[] }
  | { readonly array: ScalarName; readonly min?: number; readonly max?: number };

export type Fields = Readonly<Record<string, FieldSpec>>;

type ScalarOf<T> = T extends "bool"
  ? boolean
  : T extends "text"
    ? string
    : T extends "bytes"
      ? Uint8Array
      : T extends "reference"
        ? readonly [group: Uint8Array, sequence: number]
        : T extends "u64" | "i64"
          ? number | bigint
          : number;

type ValueOf<T> = T extends { readonly enum: readonly (infer E)[] }
  ? E
  : T extends { readonly array: infer A }
    ? readonly ScalarOf<A>[]
    : T extends { readonly type: infer S }
      ? ScalarOf<S>
      : ScalarOf<T>;

export interface Pact<F extends Fields = Fields, N extends string = string> {
  readonly name: N;
  readonly version: number;
  readonly fields: F;
  /** Another, or the name of one that the world has: its fields come first, and what is of this pact is accepted wherever that one is. */
  readonly extends?: Pact | string;
  readonly policy?: PactPolicy;
}

/** What a pact says of its groups, where it is otherwise than usual. */
export interface PactPolicy {
  /** Who must agree; two-thirds. */
  readonly quorum?: "all" | "two-thirds" | "majority";
  /** Entries of one writer keep their order; true. */
  readonly ordered?: boolean;
  /** Owners may agree on what they have not seen; false. */
  readonly private?: boolean;
  /** owners. */
  readonly writers?: "owners" | "members" | "stewards";
  /** Besides its owners; none. */
  readonly readers?: "members" | "stewards";
  /** Bytes of an encoded entry; 1024. */
  readonly largestEntry?: number;
  /** Of whoever owns its groups; nothing. */
  readonly requires?: Requires<string>;
  /** What a full buffer does; wait. */
  readonly whenFull?: "wait" | "replace-oldest" | "keep-latest";
}

/** The entry of a pact: a value for each field. */
export type EntryOf<P> = P extends Pact<infer F> ? { readonly [K in keyof F]: ValueOf<F[K]> } : never;

/** An entry at its place in its group. */
export interface Sequenced<E> {
  readonly sequence: number;
  readonly entry: E;
}

/** What can be asked of a capability, by its interface. */
export interface Operations {
  readonly relay: { readonly on: boolean };
  readonly digital: { readonly on: boolean };
  /** A share of the time, 0 to 1. */
  readonly pwm: { readonly duty: number };
  readonly servo: { readonly degrees: number };
  /** A share of full speed, backward below 0. */
  readonly motor: { readonly speed: number };
  /** It is read, by the pact that its board pushes. */
  readonly analog: never;
}

/** One that is named otherwise than its interface may be of any. */
export type OperationOf<N extends string> = N extends keyof Operations ? Operations[N] : Operations[keyof Operations];

/** What a behavior is given, and all that it has. Intrinsics are frozen; there is no clock, no randomness and nothing to load. */
export interface Context<C extends Pact, R extends Pact, P extends Pact, S, Q extends string> {
  /** The entry that the stage consumes. */
  readonly entry: EntryOf<C>;
  /** What the behavior before left. */
  readonly state: S;
  /** ms since 1970, as the runtime had it when the stage began. */
  readonly now: number;
  /** Final entries of a pact that the stage reads: of each group the latest 32, oldest first. */
  readonly read: {
    latest<T extends R>(pact: T): EntryOf<T> | undefined;
    all<T extends R>(pact: T): readonly EntryOf<T>[];
    /** Those with a sequence of at least `from` and below `before`. The next run goes on after the last, where the state keeps that. */
    range<T extends R>(pact: T, from: number, before?: number): readonly Sequenced<EntryOf<T>>[];
    key<T extends R, K extends keyof EntryOf<T>>(pact: T, field: K, value: EntryOf<T>[K]): readonly EntryOf<T>[];
  };
  /** Pushed once the stage's state is final, and never if it is not. Throws where the entry breaks its pact. */
  produce<T extends P>(pact: T, entry: EntryOf<T>): void;
  /** Asks for an operation of a capability that the stage requires: done once the intent to do it is final. */
  capability<N extends Q>(name: N, operation: OperationOf<N>): void;
  log(text: string): void;
  /** Ends the stage as failed. The entries say so to others: they are pushed with the failure. */
  fail<T extends P>(reason: string, ...entries: (readonly [T, EntryOf<T>])[]): never;
}

/** Of a compensation: what is known of the stage that it undoes. */
export interface Undoing {
  readonly outcome: "done" | "unknown";
  readonly reason: string;
}

/** A capability that whoever runs the stage, or owns a group of the pact, has: at all, at least so much of it, or one of these. */
export type Requires<Q extends string> = Readonly<Record<Q, true | { readonly min: number } | readonly string[]>>;

export interface BehaviorOptions<C extends Pact, R extends Pact, P extends Pact, S, Q extends string> {
  readonly name: string;
  readonly version?: number;
  readonly state: State<S>;
  readonly consumes: C;
  readonly reads?: readonly R[];
  readonly produces?: readonly P[];
  readonly requires?: Requires<Q>;
  /** Fields of the consumed entry that must equal those of the entry that began it all. */
  readonly correlate?: readonly (keyof EntryOf<C> & string)[];
  /** ms until the stage has failed. */
  readonly deadline?: number;
  /** How often it is run again after it threw, and ms before the first time; each next waits twice as long. */
  readonly retry?: { readonly times: number; readonly backoff: number };
  readonly limits?: { readonly computation?: number; readonly memory?: number; readonly output?: number };
  /** Returns the state that it leaves; nothing for the one that it found. */
  // biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing is one that returns void.
  run(context: Context<C, R, P, S, Q>): S | void;
  /** Undoes what `run` did, given the same entry and the present state. */
  // biome-ignore lint/suspicious/noConfusingVoidType: as above.
  compensate?(context: Context<C, R, P, S, Q>, undoing: Undoing): S | void;
}

/** The state of a saga, with what it is at first. */
export interface State<S> {
  readonly initial: S;
}

export interface Behavior {
  readonly kind: "behavior";
  readonly options: BehaviorOptions<Pact, Pact, Pact, unknown, string>;
}

export interface SagaOptions {
  readonly name: string;
  readonly version: number;
  readonly stages: readonly Behavior[];
  /** Whether a state is of one invocation, of all of the saga, or of those with one value of a field of the first entry. */
  readonly reach?: "invocation" | "saga" | { readonly key: string };
  /** When a member that a version rolls out to is good: by how many runs, of which how many at most threw or met a limit, within how many ms. */
  readonly healthy?: { readonly runs?: number; readonly failures?: number; readonly within?: number };
}

export interface Saga {
  readonly kind: "saga";
  readonly options: SagaOptions;
}

/** In a file of its own, as the default export, it is for `vertebra pact add`: there it may extend another, and have a policy. */
export function definePact<const N extends string, const F extends Fields>(
  name: N,
  fields: F,
  more: number | (Pick<Pact, "extends"> & { readonly version?: number } & PactPolicy) = 1,
): Pact<F, N> {
  if (typeof more === "number") return { name, version: more, fields };
  const { version = 1, extends: parent, ...policy } = more;
  return { name, version, fields, ...(parent === undefined ? {} : { extends: parent }), policy };
}

/** The state that all behaviors of a saga share: JSON, as it is before the first of them ran. */
export function defineState<S>(initial: S): State<S> {
  return { initial };
}

export function defineBehavior<
  C extends Pact,
  S,
  R extends Pact = never,
  P extends Pact = never,
  Q extends string = never,
>(options: BehaviorOptions<C, R, P, S, Q>): Behavior {
  return { kind: "behavior", options: options as unknown as Behavior["options"] };
}

/** A saga: the default export of its file. */
export function defineSaga(options: SagaOptions): Saga {
  return { kind: "saga", options };
}
