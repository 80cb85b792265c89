import { describe, expect, it } from "vitest";
import { decodeFinalRecord, finalKey } from "../../firmware/core/block/final-record";
import { ample } from "../../firmware/core/bounds";
import { type Definition, decodeDefinition, encodeDefinition } from "../../firmware/core/definitions/definition";
import { type EpochDefinition, sealEpoch } from "../../firmware/core/definitions/epoch-definition";
import type { Action } from "../../firmware/core/events";
import { isExpelled } from "../../firmware/core/identity/membership";
import { syncGroupId } from "../../firmware/core/pact/pact";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import { maxCount, maxSealed } from "../../firmware/core/wire/limits";
import { decodeMessage, encodeMessage } from "../../firmware/core/wire/messages";
import { decodeFinalityProof } from "../../firmware/core/wire/proofs";
import { decodeBlockHeader } from "../../firmware/core/wire/structures";
import type { Message } from "../../firmware/core/wire/types";
import { toyCurves } from "../link/toy-curves";
import { cheapCrypto } from "./cheap-crypto";
import { createNetwork, type Network, worldId } from "./network";
import type { NetworkPlan } from "./plan";
import { refusal } from "./refusal";
import { expulsion } from "./sessions";

/** “`expel` names the avatar, and a new membership epoch with a fresh secret, sealed for each remaining member's static key” (PROTOCOL 10). */

const { x25519Public, x25519 } = toyCurves();
const crypto = { ...cheapCrypto(), x25519Public, x25519 };

function star(plan: Partial<NetworkPlan> = {}): Network {
  const members = ["gateway", "board1", "board2", "board3"];
  const network = createNetwork({ crypto, members, groups: [], stewards: ["gateway"], ...plan });
  network.run(1_000);
  return network;
}

function membershipOf(network: Network, name: string) {
  return network.members.get(name)!.participant.membership(network.tag);
}

function epochsOf(network: Network, ...names: string[]): number[] {
  return names.map((name) => membershipOf(network, name).keyed);
}

function codes(network: Network, name: string): string[] {
  return network.members.get(name)!.notices.map(({ error }) => error.code);
}

function define(network: Network, definition: Parameters<typeof encodeDefinition>[0]): void {
  const about = { world: network.tag, group: network.groups.get("definitions")!, id: null, token: 1 };
  network.give("gateway", { kind: "push", ...about, entry: encodeDefinition(definition) });
  network.flush("gateway");
}

/** Of which groups a message tells. */
function groupsOf(message: Message): readonly Uint8Array[] {
  switch (message.type) {
    case "proof":
      return [syncGroupId(crypto, decodeFinalityProof(message.proof).group)];
    case "block":
    case "header":
      return [decodeBlockHeader(message.header).group];
    case "pull":
      return [message.group];
    case "frontier":
      return message.frontier.positions.map(([group]) => group);
    case "hello":
      return message.groups;
    default:
      return [];
  }
}

function wake(network: Network, name: string, others: readonly string[] = ["gateway"]): void {
  network.boot(name);
  for (const other of others) network.connect(name, other);
}

/** The definitions that are final at the gateway, as PROOFs. */
function proofs(network: Network): Uint8Array[] {
  const key = finalKey(network.tag, toHex(network.groups.get("definitions")!), 0).slice(0, -12);
  return [...network.members.get("gateway")!.store]
    .filter(([each]) => each.startsWith(key))
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([, record]) => {
      const { proof, entries } = decodeFinalRecord(record);
      return encodeMessage({ type: "proof", proof, entries });
    });
}

describe("a member that is expelled", () => {
  it("is left by all others, who go on in the next epoch", () => {
    const network = star();
    network.define("gateway", { name: "pair", owners: ["gateway", "board1"] });
    network.run(2_000);
    network.expel("gateway", "board2");
    network.run(4_000);
    network.push("board1", "pair", 7);
    network.run(10_000);
    expect(network.entriesOf("gateway", "pair")).toEqual([7]);
    expect(epochsOf(network, "gateway", "board1", "board3", "board2")).toEqual([1, 1, 1, 0]);
    expect([...network.members.get("board2")!.peers]).toEqual([]);
    network.connect("board2", "gateway");
    network.connect("board2", "board1");
    expect([...network.members.get("board2")!.peers]).toEqual([]);
  });

  it("is sent nothing from then on, what was asked for before included, nor heard", () => {
    const network = star();
    const owners = ["gateway", "board1", "board2"];
    network.define("gateway", { name: "all", owners, policy: { quorum: "two-thirds" } });
    network.run(2_000);
    network.renewedAfter = 5_000;
    let late = 0;
    network.filter = (from, to) => {
      if (to === "board2" && isExpelled(membershipOf(network, from), network.members.get(to)!.avatar)) late++;
      return true;
    };
    for (let value = 1; value < 30; value++) {
      network.push("board1", "all", value);
      if (value === 15) network.expel("gateway", "board2");
      network.run(network.now + 7);
    }
    for (const message of [
      { type: "hello", capabilities: [], groups: [...network.groups.values()], epoch: 2 } as const,
      { type: "pull", group: network.groups.get("definitions")!, from: 0 } as const,
    ]) {
      network.inject("gateway", "board2", encodeMessage(message));
    }
    network.run(network.now + 20_000);
    expect(late).toBe(0);
    expect(codes(network, "gateway")).toEqual([]);
  });

  it("is not answered what it asked for before", () => {
    const network = star();
    network.define("gateway", { name: "all", owners: ["gateway", "board2"] });
    network.run(2_000);
    network.push("gateway", "all", 1);
    network.run(5_000);
    const { participant, peers, store } = network.members.get("gateway")!;
    const now = { monotonic: network.now, wall: 0 };
    const [peer] = [...peers].find(([, name]) => name === "board2")!;
    const read = (group: string) => {
      const bytes = encodeMessage({ type: "pull", group: network.groups.get(group)!, from: 0 });
      const asked = participant.handle({ kind: "message", peer, bytes }, now).find(({ kind }) => kind === "read");
      const { key, request } = asked as Extract<Action, { kind: "read" }>;
      return { kind: "record", request, value: store.get(key) } as const;
    };
    const sent = (actions: Action[]) => actions.filter((each) => each.kind === "send" && each.peer === peer);
    expect(sent(participant.handle(read("all"), now))).toHaveLength(1);
    const before = [read("all"), read("definitions")];
    network.expel("gateway", "board2");
    for (const answer of before) expect(sent(participant.handle(answer, now))).toEqual([]);
  });

  it("has no key of what follows, whatever it heard of it, and says so", () => {
    const network = star({
      links: [
        ["gateway", "board1"],
        ["gateway", "board2"],
        ["board1", "board2"],
      ],
    });
    network.disconnect("gateway", "board1");
    network.expel("gateway", "board2");
    network.run(network.now + 1_000);
    for (const proof of proofs(network)) network.inject("board2", "board1", proof);
    expect(codes(network, "board2")).toEqual(["expelled"]);
    expect(epochsOf(network, "board2")).toEqual([0]);
  });

  it("is not let in under an avatar that it makes, and a session of such a one ends with the epoch", () => {
    const network = star({ strangers: ["board3"] });
    expect(network.members.get("board3")!.peers.size).toBe(1);
    network.expel("gateway", "board2");
    network.run(network.now + 1_000);
    for (const other of ["gateway", "board1"]) network.connect("board3", other);
    expect([...network.members.get("board3")!.peers]).toEqual([]);
  });

  it("keeps its vote in groups that it owns, which wait for it", () => {
    const network = star();
    network.define("gateway", { name: "all", owners: ["gateway", "board1", "board2"] });
    network.define("gateway", { name: "most", owners: ["gateway", "board1"], policy: { quorum: "two-thirds" } });
    network.run(2_000);
    network.expel("gateway", "board2");
    network.run(network.now + 1_000);
    network.push("board1", "all", 1);
    network.push("board1", "most", 2);
    network.run(network.now + 20_000);
    expect([network.entriesOf("gateway", "all"), network.entriesOf("gateway", "most")]).toEqual([[], [2]]);
  });
});

describe("a member that slept", () => {
  it("through three epochs comes back by itself", () => {
    const network = star({ members: ["gateway", "board1", "board2", "board3", "board4"] });
    network.define("gateway", { name: "pair", owners: ["gateway", "board1"] });
    network.run(2_000);
    network.crash("board1");
    for (const name of ["board2", "board3", "board4"]) {
      network.expel("gateway", name);
      network.run(network.now + 500);
    }
    network.push("gateway", "pair", 1);
    wake(network, "board1");
    network.run(network.now + 20_000);
    expect(epochsOf(network, "gateway", "board1")).toEqual([3, 3]);
    network.push("board1", "pair", 2);
    network.run(network.now + 5_000);
    expect(network.entriesOf("board1", "pair")).toEqual([1, 2]);
  });

  it("is told definitions alone until then, and nothing of its other groups is taken", () => {
    const network = star();
    network.define("gateway", { name: "pair", owners: ["gateway", "board1"] });
    network.define("gateway", {
      name: "free",
      owners: ["gateway"],
      policy: { writers: "members", readers: "members" },
    });
    network.run(2_000);
    network.push("gateway", "free", 1);
    network.push("gateway", "pair", 1);
    network.run(4_000);
    network.crash("board1");
    network.expel("gateway", "board2");
    network.push("gateway", "free", 2);
    network.push("gateway", "pair", 2);
    network.run(network.now + 1_000);
    const definitions = network.groups.get("definitions")!;
    const others: string[] = [];
    network.filter = (from, _to, bytes) => {
      const message = decodeMessage(bytes);
      const groups = groupsOf(message);
      if (from === "gateway" && !groups.every((group) => equal(group, definitions))) others.push(message.type);
      // It goes on behind as long as it does not hear all.
      return from !== "gateway" || message.type !== "proof" || network.now > 15_000;
    };
    wake(network, "board1");
    network.push("board1", "pair", 3);
    network.lose("gateway", "pair", 0);
    network.run(15_000);
    expect(epochsOf(network, "board1")).toEqual([0]);
    expect(others).toEqual([]);
    const { groups } = network.members.get("gateway")!.participant.status(network.tag);
    expect(groups.find(({ pact }) => pact === "pair")!.pendingBlocks).toBe(1);
    expect(network.entriesOf("gateway", "pair")).toEqual([1]);
    network.run(60_000);
    expect(epochsOf(network, "board1")).toEqual([1]);
    expect([...network.entriesOf("gateway", "pair")].sort()).toEqual([1, 2, 3]);
    expect(network.entriesOf("board1", "pair")).toEqual(network.entriesOf("gateway", "pair"));
  });

  it("is let in by a board that knows it by name, and by no other", () => {
    const links = [
      ["gateway", "board1"],
      ["gateway", "board2"],
      ["gateway", "board3"],
    ] as const;
    const network = star({ members: ["gateway", "board1", "board2", "board3", "gone"], links });
    network.define("gateway", { name: "boards", owners: ["board1", "board2"] }, ["gateway"]);
    network.run(2_000);
    network.crash("board1");
    network.expel("gateway", "gone");
    network.run(network.now + 1_000);
    wake(network, "board1", ["board3"]);
    expect([...network.members.get("board1")!.peers]).toEqual([]);
    network.connect("board1", "board2");
    network.run(network.now + 10_000);
    expect(epochsOf(network, "board1", "board2")).toEqual([1, 1]);
    network.push("board1", "boards", 5);
    network.run(network.now + 5_000);
    expect(network.entriesOf("board2", "boards")).toEqual([5]);
  });

  it("longer than its neighbours keep keys finds none in common, and who was expelled before that neither", () => {
    const members = ["gateway", "board1", "board2", "board3", "board4"];
    const network = star({ members, bounds: { gateway: { ...ample, epochsKept: 2 } } });
    network.crash("board1");
    for (const name of ["board2", "board3", "board4"]) {
      network.expel("gateway", name);
      network.run(network.now + 500);
    }
    wake(network, "board1");
    expect([...network.members.get("board1")!.peers]).toEqual([]);
    const { epochs } = membershipOf(network, "gateway");
    expect([...epochs.keys()]).toEqual([2, 3]);
    expect(isExpelled(membershipOf(network, "gateway"), network.members.get("board2")!.avatar)).toBe(false);
    network.connect("board2", "gateway");
    expect([...network.members.get("board2")!.peers]).toEqual([]);
    expect([...network.members.get("gateway")!.store.keys()].filter((key) => key.includes("/epoch/"))).toHaveLength(2);
  });
});

describe("an expulsion", () => {
  it("holds through a restart of whoever took it, at any moment of it", () => {
    for (let moment = 0; moment < 70; moment += 5) {
      for (const name of ["gateway", "board1"]) {
        const network = star();
        network.define("gateway", { name: "pair", owners: ["gateway", "board1"] });
        network.run(2_000);
        network.expel("gateway", "board2");
        network.run(2_000 + moment);
        network.crash(name);
        wake(network, name, name === "gateway" ? ["board1", "board2", "board3"] : ["gateway"]);
        network.push("board1", "pair", 1);
        network.run(network.now + 30_000);
        expect([moment, name, ...epochsOf(network, "gateway", "board1", "board3")]).toEqual([moment, name, 1, 1, 1]);
        expect([...network.members.get("board2")!.peers]).toEqual([]);
        expect(network.entriesOf("board1", "pair")).toEqual(network.entriesOf("gateway", "pair"));
      }
    }
  });

  it("that another came before counts for nobody, and is asked for again", () => {
    const stewards = ["one", "two", "three"];
    const members = [...stewards, "board1", "board2"];
    const links = members.flatMap((a, at) => members.slice(at + 1).map((b) => [a, b] as const));
    const network = createNetwork({ crypto, members, groups: [], stewards, links });
    network.run(1_000);
    network.expel("one", "board1");
    network.expel("two", "board2");
    network.run(20_000);
    const all = stewards.map((name) => membershipOf(network, name));
    expect(all.map(({ epoch, keyed }) => [epoch, keyed])).toEqual([
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
    const out = (name: string) => isExpelled(all[0]!, network.members.get(name)!.avatar);
    expect([out("board1"), out("board2")].filter(Boolean)).toHaveLength(1);
    const other = out("board1") ? "board2" : "board1";
    expect(epochsOf(network, other)).toEqual([1]);
    network.expel("two", other);
    network.run(40_000);
    expect(epochsOf(network, ...stewards, other)).toEqual([2, 2, 2, 1]);
  });

  it("of one who is no member, or was expelled already, gives the others a new epoch and no more", () => {
    const network = star();
    for (const name of ["board2", "board2"]) {
      network.expel("gateway", name);
      network.run(network.now + 1_000);
    }
    const stranger = new Uint8Array(32).fill(9);
    const remaining = ["gateway", "board1", "board3"].map((name) => network.members.get(name)!);
    for (const each of expulsion(crypto, worldId, stranger, 3, remaining)) define(network, each);
    network.run(network.now + 1_000);
    expect(epochsOf(network, "gateway", "board1", "board3", "board2")).toEqual([3, 3, 3, 0]);
  });

  it("of a steward, the last one too, holds like any other", () => {
    const network = star();
    network.expel("gateway", "gateway");
    network.run(network.now + 1_000);
    expect(codes(network, "gateway")).toEqual(["expelled"]);
    expect([...network.members.get("gateway")!.peers]).toEqual([]);
  });

  it("leaves out whom nothing was sealed to: it is told definitions alone, until something is", () => {
    const network = star();
    network.define("gateway", { name: "pair", owners: ["gateway", "board1"] });
    network.run(2_000);
    const of = (...names: string[]) => names.map((name) => network.members.get(name)!);
    const [board2, board3] = of("board2", "board3");
    for (const each of expulsion(crypto, worldId, board2!.avatar, 1, of("gateway", "board3"))) define(network, each);
    network.push("gateway", "pair", 1);
    network.run(network.now + 10_000);
    expect(codes(network, "board1")).toEqual(["epoch-missed"]);
    expect([epochsOf(network, "board1"), network.entriesOf("gateway", "pair")]).toEqual([[0], []]);
    for (const each of expulsion(crypto, worldId, board3!.avatar, 2, of("gateway", "board1"))) define(network, each);
    network.run(network.now + 10_000);
    expect([epochsOf(network, "board1"), network.entriesOf("gateway", "pair")]).toEqual([[2], [1]]);
  });

  it("seals what does not open, or is not what it names, in vain, and that is told", () => {
    const network = star();
    const [board1, board2] = ["board1", "board2"].map((name) => network.members.get(name)!);
    const [part] = expulsion(crypto, worldId, board2!.avatar, 1, [board1!]) as [EpochDefinition];
    define(network, { ...part, secret: new Uint8Array(32).fill(1) });
    define(network, { ...part, ephemeral: new Uint8Array(32) });
    define(network, { ...part, sealed: part.sealed.map((each) => ({ ...each, bytes: new Uint8Array(48) })) });
    network.run(network.now + 1_000);
    expect(codes(network, "board1")).toEqual(["epoch-sealed", "epoch-sealed", "epoch-sealed"]);
  });

  it("takes as many definitions as it takes, of which a member keeps its own part, and not for ever", () => {
    const network = star();
    const [board1, board2] = ["board1", "board2"].map((name) => network.members.get(name)!);
    const many = Array.from({ length: 200 }, (_, index) => ({
      avatar: crypto.sha256(Uint8Array.of(index)),
      seed: board2!.seed,
    }));
    const definitions = expulsion(crypto, worldId, board2!.avatar, 1, [...many, board1!]);
    expect(definitions.map(({ kind }) => kind)).toEqual(["epoch", "epoch", "epoch", "expel"]);
    const kept = () => [...board1!.store.keys()].filter((key) => key.includes("/offered/"));
    for (let salt = 1; salt < 8; salt++) {
      for (const each of expulsion(crypto, worldId, board2!.avatar, 1, [board1!], salt).slice(0, 1))
        define(network, each);
      network.run(network.now + 500);
    }
    expect(kept()).toHaveLength(4);
    for (const each of definitions) define(network, each);
    network.run(network.now + 2_000);
    expect([kept(), epochsOf(network, "board1")]).toEqual([[], [1]]);
  });
});

describe("what is defined of epochs", () => {
  const avatars = [1, 2].map((byte) => new Uint8Array(32).fill(byte));
  const sealedTo = (...to: (Uint8Array | undefined)[]) =>
    to.map((avatar) => ({ avatar: avatar!, bytes: new Uint8Array(48) }));
  const epoch = { kind: "epoch", secret: new Uint8Array(32), ephemeral: new Uint8Array(32) } as const;
  const expel = { kind: "expel", avatar: avatars[0]!, epoch: 1, secret: new Uint8Array(32), time: 0 } as const;
  const many = Array.from({ length: maxSealed + 1 }, (_, index) => new Uint8Array(32).fill(index));
  const refused: [string, Definition][] = [
    ["structure-order", { ...epoch, sealed: sealedTo(avatars[1], avatars[0]) }],
    ["structure-order", { ...epoch, sealed: sealedTo(avatars[0], avatars[0]) }],
    ["structure-bound", { ...epoch, sealed: sealedTo(...many) }],
    ["structure-field", { ...epoch, sealed: [{ avatar: avatars[0]!, bytes: new Uint8Array(47) }] }],
    ["structure-field", { ...epoch, secret: new Uint8Array(31), sealed: [] }],
    ["structure-field", { ...epoch, ephemeral: new Uint8Array(33), sealed: [] }],
    ["structure-field", { ...expel, epoch: 0 }],
    ["structure-bound", { ...expel, epoch: maxCount + 1 }],
    ["structure-bound", { ...expel, time: maxCount + 1 }],
    ["structure-field", { ...expel, avatar: new Uint8Array(31) }],
    [
      "structure-field",
      { kind: "member", name: "a", avatar: avatars[0]!, board: "linux", labels: [], key: new Uint8Array(31) },
    ],
  ];
  it("is refused where it does not hang together, and taken where it does", () => {
    for (const [code, definition] of refused) {
      const [given] = refusal(() => decodeDefinition(crypto, encodeDefinition(definition))).split(":");
      expect([definition, given]).toEqual([definition, code]);
    }
    for (const definition of [{ ...epoch, sealed: sealedTo(...many.slice(1)) }, expel]) {
      expect(decodeDefinition(crypto, encodeDefinition(definition))).toEqual(definition);
    }
  });

  it("is not sealed to a key for which anybody has the secret", () => {
    const members = [{ avatar: avatars[0]!, key: new Uint8Array(32) }];
    expect(refusal(() => sealEpoch(crypto, epoch.secret, avatars[1]!, members))).toMatch(/^member-key: /);
  });
});

describe("a newcomer", () => {
  it("comes in the epoch of its provision, and reads of those who were expelled before", () => {
    let given: { readonly number: number; readonly secret: Uint8Array } | undefined;
    const members = ["gateway", "board1", "board2", "board3", "late"];
    const bounds = { late: { ...ample, epochsKept: 2 } };
    const strangers = ["late"];
    const network = star({ members, given: (name) => (name === "late" ? given : undefined), bounds, strangers });
    network.crash("late");
    for (const name of ["board1", "board2", "board3"]) {
      network.expel("gateway", name);
      network.run(network.now + 500);
    }
    given = { number: 3, secret: membershipOf(network, "gateway").epochs.get(3)!.secret! };
    strangers.pop();
    network.boot("late", new Map());
    network.connect("late", "gateway");
    expect([...network.members.get("gateway")!.peers.values()]).toEqual(["late"]);
    network.run(network.now + 5_000);
    const known = () =>
      ["board1", "board2", "board3"].map((name) =>
        isExpelled(membershipOf(network, "late"), network.members.get(name)!.avatar),
      );
    expect(known()).toEqual([false, true, true]);
    network.crash("late");
    wake(network, "late");
    expect([membershipOf(network, "late").counted, ...known()]).toEqual([3, false, true, true]);
    expect([...network.members.get("late")!.peers.values()]).toEqual(["gateway"]);
    network.expel("gateway", "board1");
    network.run(network.now + 5_000);
    expect(epochsOf(network, "late", "gateway")).toEqual([4, 4]);
  });

  it("goes on reading of them after a restart where it stopped", () => {
    let given: { readonly number: number; readonly secret: Uint8Array } | undefined;
    const members = ["gateway", "board1", "board2", "board3", "late"];
    const bounds = { late: { ...ample, epochsKept: 1 } };
    const network = star({ members, given: (name) => (name === "late" ? given : undefined), bounds });
    network.crash("late");
    for (const name of ["board1", "board2", "board3"]) {
      network.expel("gateway", name);
      network.run(network.now + 500);
    }
    given = { number: 3, secret: membershipOf(network, "gateway").epochs.get(3)!.secret! };
    for (let heard = 1; heard < 7; heard++) {
      let proofsHeard = 0;
      network.filter = (_from, to, bytes) =>
        to !== "late" || decodeMessage(bytes).type !== "proof" || ++proofsHeard <= heard;
      network.boot("late", new Map());
      network.connect("late", "gateway");
      network.run(network.now + 500);
      network.filter = () => true;
      network.crash("late");
      wake(network, "late");
      network.run(network.now + 10_000);
      const { counted, keyed } = membershipOf(network, "late");
      expect([heard, counted, keyed]).toEqual([heard, 3, 3]);
      expect([...network.members.get("late")!.store.keys()].filter((key) => key.includes("/epoch/"))).toHaveLength(1);
      network.crash("late");
    }
  });
});
