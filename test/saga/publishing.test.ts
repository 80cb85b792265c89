import { describe, expect, it } from "vitest";
import { capabilitiesPact, decodePublished, encodePublished } from "../../firmware/core/capability/published";
import { encodePact, pactId, syncGroupId } from "../../firmware/core/pact/pact";
import { type Conductor, createConductor, type Order } from "../../firmware/core/saga/conductor";
import { encodeSyncGroup } from "../../firmware/core/wire/structures";
import { cheapCrypto } from "../core/cheap-crypto";

/** What a participant tells the others that it can do, through restarts. */

const crypto = cheapCrypto();
const ada = new Uint8Array(32).fill(1);
const bea = new Uint8Array(32).fill(2);
const pact = encodePact(capabilitiesPact("two-thirds"));
const definition = encodeSyncGroup({ pact: pactId(crypto, pact), owners: [ada, bea] });
const group = syncGroupId(crypto, definition);
const now = { monotonic: 0, wall: 0 };
const servo = new Map<string, number | string>([["servo", 1]]);
const nothing = new Map<string, number | string>();

function conductorOf(published: ReadonlyMap<string, number | string>): Conductor {
  const provision = { pacts: [pact], groups: [definition], behaviors: [], stages: [], descriptions: [] };
  return createConductor({
    crypto,
    world: "00",
    avatar: ada,
    provision,
    published,
    lease: 1000,
    lane: 0,
    hasSource: () => true,
    room: Number.POSITIVE_INFINITY,
    kept: { snapshot: null, waits: null },
  });
}

function becomesFinal(conductor: Conductor, sequence: number, issuer: Uint8Array, published: typeof servo): Order[] {
  const block = { group, firstEntry: sequence, issuer, entries: [encodePublished(published)], repeats: [] };
  return conductor.take({ kind: "final", block }, now);
}

const pushed = (orders: readonly Order[]) =>
  orders.flatMap((order) => (order.kind === "push" ? [decodePublished(order.event.entry)] : []));

describe("what a participant can do", () => {
  it("is told when it starts, unless the others know", () => {
    expect(pushed(conductorOf(servo).handle({ kind: "boot" }, now))).toEqual([servo]);
    const known = conductorOf(servo);
    becomesFinal(known, 0, ada, servo);
    expect(pushed(known.handle({ kind: "boot" }, now))).toEqual([]);
  });

  it("is told anew where it could do something else when it last said so, and not for what others can do", () => {
    const conductor = conductorOf(servo);
    becomesFinal(conductor, 0, ada, nothing);
    becomesFinal(conductor, 1, bea, servo);
    expect(pushed(conductor.handle({ kind: "boot" }, now))).toEqual([servo]);
  });

  it("is told again where what it sealed before a restart becomes final after it was looked at", () => {
    const conductor = conductorOf(servo);
    becomesFinal(conductor, 0, ada, servo);
    expect(pushed(conductor.handle({ kind: "boot" }, now))).toEqual([]);
    expect(pushed(becomesFinal(conductor, 1, ada, nothing))).toEqual([servo]);
    expect(pushed(becomesFinal(conductor, 2, ada, servo))).toEqual([]);
  });

  it("is not told without end where a copy of it, with its seed and other capabilities, answers each time", () => {
    const conductor = conductorOf(servo);
    let told = pushed(conductor.handle({ kind: "boot" }, now)).length;
    for (let sequence = 0; sequence < 200; sequence++) {
      told += pushed(becomesFinal(conductor, sequence, ada, sequence % 2 === 0 ? servo : nothing)).length;
    }
    expect(told).toBe(16);
  });

  it("is pushed as none of the sagas' own pushes, and a refusal of it is told", () => {
    const conductor = conductorOf(servo);
    const [push] = conductor.handle({ kind: "boot" }, now);
    const token = push?.kind === "push" ? push.event.token : 0;
    const error = { code: "observer", message: "", remedy: "" } as never;
    expect(conductor.take({ kind: "refused", token, error }, now)).toEqual([{ kind: "notice", error }]);
  });
});
