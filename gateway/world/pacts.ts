import { encodePact, pactId } from "../../firmware/core/pact/pact";
import type { Pact, Policy } from "../../firmware/core/wire/types";
import type { Crypto } from "../../firmware/ports";

/** The pacts that a new world begins with: what every machine can tell of itself. */
export interface FirstPacts {
  /** A machine's readings, agreed on by all owners. */
  readonly machine: Uint8Array;
  /** The same, agreed on by two-thirds: it goes on when one of four is gone. */
  readonly shared: Uint8Array;
}

const policy: Policy = {
  quorum: "all",
  ordered: true,
  private: false,
  writers: "owners",
  retention: 1000,
  largestEntry: 64,
  whenFull: "wait",
};

const machine: Pact = {
  name: "machine",
  version: 1,
  extends: null,
  fields: [
    { name: "load", type: { kind: "f32" }, min: 0 },
    { name: "memory", type: { kind: "f32" }, unit: "MiB", min: 0 },
    // NaN where there is no thermometer.
    { name: "temperature", type: { kind: "f32" }, unit: "°C" },
    { name: "uptime", type: { kind: "u32" }, unit: "s" },
  ],
  policy,
};

export function firstPacts(crypto: Crypto): FirstPacts {
  const encoded = encodePact(machine);
  const shared: Pact = {
    name: "machine-shared",
    version: 1,
    extends: pactId(crypto, encoded),
    fields: [],
    policy: { ...policy, quorum: "two-thirds" },
  };
  return { machine: encoded, shared: encodePact(shared) };
}
