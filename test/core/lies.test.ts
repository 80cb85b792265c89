import { describe, expect, it } from "vitest";
import { compare, concat, toHex } from "../../firmware/core/wire/bytes";
import { encode } from "../../firmware/core/wire/cbor";
import { messageLimit } from "../../firmware/core/wire/limits";
import { encodeMessage } from "../../firmware/core/wire/messages";
import { entriesHash } from "../../firmware/core/wire/structures";
import { nobleCrypto } from "../../firmware/device/noble";
import { createForge, type Forge, type ForgedBlock, listen } from "./forge";
import { createNetwork, type Network } from "./network";

/**
 * A member who lies, with real signatures and its own key: what it says is refused in words, changes nothing, and keeps nobody
 * from agreeing.
 */

const crypto = nobleCrypto();
const honest = ["a", "b", "c"];

interface Scene {
  readonly network: Network;
  readonly forge: Forge;
}

/** Three honest members and a liar, who is linked to a alone and says what the test has it say. */
function withLiar(): Scene {
  const network = createNetwork({
    crypto,
    members: [...honest, "liar"],
    groups: [
      { name: "all", owners: [...honest, "liar"], policy: { quorum: "two-thirds" } },
      { name: "ab", owners: ["a", "b"] },
    ],
  });
  listen(network, ({ from }) => from === "liar");
  return { network, forge: createForge(network, crypto) };
}

/** All that a has durably, and all that it tells of its world: what a lie must not change. */
function standing({ network }: Scene): string {
  const { store, participant } = network.members.get("a")!;
  const records = [...store].map(([key, value]) => `${key} ${toHex(value)}`).sort();
  return JSON.stringify([participant.status(network.tag), records]);
}

/** Tells a the lies, and gives what a says of them. */
function tell({ network }: Scene, ...lies: readonly { readonly message: Uint8Array }[]): string[] {
  for (const { message } of lies) network.inject("a", "liar", message);
  return network.members.get("a")!.notices.map(({ error }) => `${error.code}: ${error.message}`);
}

function expectGoesOn({ network }: Scene): void {
  network.push("a", "ab", 50);
  network.push("b", "all", 60);
  network.push("c", "all", 70);
  network.run(network.now + 20_000);
  expect(network.entriesOf("b", "ab")).toContain(50);
  for (const name of honest) {
    expect(network.entriesOf(name, "all").sort()).toEqual([60, 70]);
    expect(network.entriesOf(name, "all")).toEqual(network.entriesOf("a", "all"));
  }
}

/** Whoever signs it, the wire's form is right: only what it says is not. */
const blockOf = (forge: Forge, changes = {}) => forge.block("liar", "all", [1, 2], changes);

function withSignature(block: ForgedBlock, signature: Uint8Array) {
  return { message: encodeMessage({ type: "block", header: block.bytes, signature, entries: block.entries }) };
}

/** A block of the liar whose one entry is these bytes, as its header says. */
function withEntry(forge: Forge, entry: Uint8Array) {
  const { bytes, signature } = blockOf(forge, { count: 1, entriesHash: entriesHash(crypto, [entry]) });
  return { message: encodeMessage({ type: "block", header: bytes, signature, entries: [entry] }) };
}

const flipped = (bytes: Uint8Array, at = 0) => bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));

type Lie = (forge: Forge) => { readonly message: Uint8Array };

function refusesEach(lies: readonly (readonly [string, RegExp, Lie])[]): void {
  for (const [what, words, lie] of lies) {
    it(`${what} is refused by name, and changes nothing`, () => {
      const scene = withLiar();
      const before = standing(scene);
      const told = tell(scene, lie(scene.forge));
      expect(told).toHaveLength(1);
      expect(told[0]).toMatch(words);
      expect(standing(scene)).toBe(before);
      expectGoesOn(scene);
    });
  }
}

describe("a block", () => {
  refusesEach([
    [
      "with other entries than its header's hash says",
      /^block-entries: Refused: block [0-9a-f]{16} of group [0-9a-f]{16} holds other entries/,
      (forge) => blockOf(forge, { entriesHash: new Uint8Array(32).fill(5) }),
    ],
    [
      "with a signature that does not verify",
      /^block-signature: .* is not signed by its issuer/,
      (forge) => withSignature(blockOf(forge), flipped(blockOf(forge).signature)),
    ],
    [
      "in the name of another",
      /^block-signature: .* is not signed by its issuer/,
      (forge) => blockOf(forge, { issuer: forge.signer("b").publicKey }),
    ],
    [
      "of one who does not own its group",
      /^block-issuer: .* was issued by [0-9a-f]{16}, who may not write there/,
      (forge) => forge.block("liar", "ab", [1]),
    ],
    ["with the counter 0", /^structure-field: block header: counter is 0/, (forge) => blockOf(forge, { counter: 0 })],
    [
      "with another count than it has entries",
      /^block-entries: .* has 2 entries and its header says 3/,
      (forge) => blockOf(forge, { count: 3 }),
    ],
    [
      "that names a previous one in a group of several owners",
      /^block-previous: .* names a previous block, which only a group of one owner has/,
      (forge) => blockOf(forge, { previous: new Uint8Array(32) }),
    ],
    [
      "with an entry that breaks its pact",
      /^entry-[a-z]+: .*field 'value'/,
      (forge) => withEntry(forge, encode(["text where a number is due"])),
    ],
    [
      "with an entry that lacks a field",
      /^entry-shape: the entry has 0 values, and its pact 1 fields/,
      (forge) => withEntry(forge, encode([])),
    ],
    [
      "with an entry above the largest of its pact",
      /^entry-[a-z]+: .* 303 bytes.* 256/,
      (forge) => withEntry(forge, encode([new Uint8Array(299)])),
    ],
  ]);

  it("whose counter leaves one out is kept and never put forward, until that one comes", () => {
    const scene = withLiar();
    const { network, forge } = scene;
    tell(scene, forge.block("liar", "all", [1], { counter: 2 }));
    expectGoesOn(scene);
    tell(scene, forge.block("liar", "all", [2], { counter: 1 }));
    network.run(network.now + 20_000);
    expect(network.entriesOf("b", "all").slice(2)).toEqual([2, 1]);
  });

  it("that is final already is not taken again", () => {
    const scene = withLiar();
    const { network, forge } = scene;
    tell(scene, forge.block("liar", "all", [1]));
    network.run(network.now + 20_000);
    expect(network.entriesOf("a", "all")).toEqual([1]);
    const before = standing(scene);
    tell(scene, forge.block("liar", "all", [1]), forge.block("liar", "all", [9]));
    network.run(network.now + 20_000);
    expect(standing(scene)).toBe(before);
  });
});

/** A block of the liar that a holds, and a metablock around it that is right in all that `changes` leaves alone. */
function metablockOf(forge: Forge, changes: Parameters<Forge["metablock"]>[1], position = 0) {
  return forge.metablock("liar", changes, [forge.reference(blockOf(forge), position)]);
}

describe("a metablock", () => {
  const shown = (forge: Forge, signature?: Uint8Array, reference = metablockOf(forge, { sequence: 0 }).shown[0]!) => {
    const metablock = metablockOf(forge, { sequence: 0 });
    return {
      message: encodeMessage({
        type: "metablock",
        header: metablock.bytes,
        signature: signature ?? metablock.signature,
        references: [reference],
      }),
    };
  };
  refusesEach([
    [
      "with a signature that does not verify",
      /^metablock-signature: Refused: the signature of metablock [0-9a-f]{16} is not its issuer's/,
      (forge) => shown(forge, flipped(metablockOf(forge, { sequence: 0 }).signature)),
    ],
    [
      "in the name of another",
      /^metablock-signature/,
      (forge) => metablockOf(forge, { sequence: 0, issuer: forge.signer("b").publicKey }),
    ],
    [
      "with a root that its references do not lead to",
      /^metablock-path: The metablock [0-9a-f]{16} of [0-9a-f]{16} is invalid: its references do not lead to its root/,
      (forge) => metablockOf(forge, { sequence: 0, root: new Uint8Array(32) }),
    ],
    [
      "with a reference beyond its count",
      /^metablock-path/,
      (forge) =>
        shown(forge, undefined, {
          ...metablockOf(forge, { sequence: 0 }).shown[0]!,
          index: 4,
          path: [new Uint8Array(32)],
        }),
    ],
    [
      "with references that are not sorted",
      /^metablock-order: .* its references 0 and 1 are not in order/,
      (forge) => {
        const references = [forge.reference(blockOf(forge), 1), forge.reference(blockOf(forge, { counter: 2 }), 0)];
        return forge.metablock("liar", { sequence: 0 }, references);
      },
    ],
    [
      "of genesis with a parent",
      /^structure-field: metablock header: parents are 1 at sequence 0, and only genesis has none/,
      (forge) => metablockOf(forge, { sequence: 0, parents: [new Uint8Array(32)] }),
    ],
    [
      "after genesis without a parent",
      /^structure-field: metablock header: parents are 0 at sequence 3/,
      (forge) => metablockOf(forge, { sequence: 3 }),
    ],
    [
      "with parents that are not sorted",
      /^structure-order: metablock header: parent/,
      (forge) => metablockOf(forge, { sequence: 1, parents: [new Uint8Array(32).fill(2), new Uint8Array(32).fill(1)] }),
    ],
  ]);

  it("that skips a generation, has parents in conflict, or an empty finality window is certified by nobody", () => {
    const scene = withLiar();
    const { network, forge } = scene;
    const block = blockOf(forge);
    const genesis = metablockOf(forge, { sequence: 0 });
    const rival = metablockOf(forge, { sequence: 0, attempt: 1 });
    tell(scene, block, genesis, rival);
    const { signatures } = network.members.get("a")!;
    const next = forge.reference(forge.block("liar", "all", [3], { counter: 2 }), 1, { firstEntry: 2 });
    tell(
      scene,
      forge.block("liar", "all", [3], { counter: 2 }),
      forge.metablock("liar", { sequence: 2, parents: [genesis.id] }, [next]),
      forge.metablock("liar", { sequence: 1, parents: [genesis.id, rival.id].sort(compare) }, [next]),
      forge.metablock("liar", { sequence: 0 }),
    );
    expect(network.members.get("a")!.signatures).toBe(signatures);
  });

  it("that skips a generation, or whose finality window is empty, is refused by name", () => {
    const scene = withLiar();
    const { forge } = scene;
    const genesis = metablockOf(forge, { sequence: 0 });
    const next = forge.reference(forge.block("liar", "all", [3], { counter: 2 }), 1, { firstEntry: 2 });
    const skips = forge.metablock("liar", { sequence: 2, parents: [genesis.id] }, [next]);
    const told = tell(scene, blockOf(forge), genesis, skips, forge.metablock("liar", { sequence: 0 }));
    expect(told).toHaveLength(2);
    expect(told[0]).toMatch(/^metablock-.* a parent is of generation 0, and 1 is due/);
    expect(told[1]).toMatch(/^metablock-.* its finality window is empty/);
  });

  it("with a parent that nobody knows is waited for in vain, and asked for no more than a few times", () => {
    const scene = withLiar();
    const { network, forge } = scene;
    const heard = listen(network, ({ from }) => from === "liar");
    const parent = new Uint8Array(32).fill(9);
    const orphan = metablockOf(forge, { sequence: 1, parents: [parent] });
    expect(tell(scene, blockOf(forge), orphan)).toEqual([]);
    network.run(network.now + 60_000);
    const asked = heard.filter(({ from, to, message }) => from === "a" && to === "b" && message.type === "want");
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.length).toBeLessThan(70);
    expect(network.entriesOf("b", "all")).toEqual([1, 2]);
  });

  it("with a block in a place that does not follow on, or of another count, is certified by nobody", () => {
    const scene = withLiar();
    const { network, forge } = scene;
    const block = blockOf(forge);
    tell(
      scene,
      block,
      forge.metablock("liar", { sequence: 0 }, [forge.reference(block, 3)]),
      forge.metablock("liar", { sequence: 0 }, [forge.reference(block, 0, { firstEntry: 7 })]),
      forge.metablock("liar", { sequence: 0 }, [forge.reference(block, 0, { count: 5 })]),
    );
    expect(network.members.get("a")!.signatures).toBe(0);
    expect(network.members.get("a")!.participant.status(network.tag).highestCertifiedGeneration).toBe(-1);
  });
});

describe("a certificate", () => {
  const pair = (forge: Forge) => {
    const block = forge.block("b", "ab", [1]);
    return { block, metablock: forge.metablock("b", { sequence: 0 }, [forge.reference(block, 0)]) };
  };

  it("by one who owns nothing that it speaks of is refused by name", () => {
    const scene = withLiar();
    const { network, forge } = scene;
    const { block, metablock } = pair(forge);
    for (const { message } of [block, metablock]) network.inject("a", "b", message);
    const before = standing(scene);
    const told = tell(scene, forge.certificate("liar", metablock, { own: [0], parents: [] }));
    expect(told[0]).toMatch(
      /^certificate-stranger: Refused: [0-9a-f]{16} certified metablock [0-9a-f]{16} and owns none/,
    );
    expect(standing(scene)).toBe(before);
  });

  it("with a signature that does not verify is refused by name, whether its metablock is known or not", () => {
    const scene = withLiar();
    const { forge } = scene;
    const block = blockOf(forge);
    const metablock = metablockOf(forge, { sequence: 0 });
    const certificate = forge.certificate("c", metablock, { own: [0], parents: [] });
    const forged = { message: flipped(certificate.message, certificate.message.length - 40) };
    expect(tell(scene, forged)[0]).toMatch(/^certificate-signature: Refused: the certificate of .* does not verify/);
    const again = tell(scene, block, metablock, forged);
    expect(again).toHaveLength(2);
    expect(again[1]).toMatch(/^certificate-signature/);
  });

  it("with a scope beyond what there is counts for nothing", () => {
    const scene = withLiar();
    const { network, forge } = scene;
    const block = forge.block("b", "all", [1]);
    const metablock = forge.metablock("b", { sequence: 0 }, [forge.reference(block, 0)]);
    for (const { message } of [block, metablock]) network.inject("a", "b", message);
    tell(scene, forge.certificate("liar", metablock, { own: [1, 7, 1023], parents: [[63, 5]] }));
    expect(network.members.get("a")!.participant.status(network.tag).highestFinalizableGeneration).toBe(-1);
    tell(scene, forge.certificate("liar", metablock, { own: [0], parents: [] }));
    expect(network.members.get("a")!.participant.status(network.tag).highestFinalizableGeneration).toBe(0);
  });

  it("with a scope in a parent that its metablock does not have brings nobody down", () => {
    const scene = withLiar();
    const { network, forge } = scene;
    const metablock = forge.metablock("liar", { sequence: 0 }, [forge.reference(forge.block("liar", "all", [1]), 0)]);
    tell(scene, forge.block("liar", "all", [1]), metablock);
    network.run(network.now + 100);
    tell(scene, forge.certificate("liar", metablock, { own: [], parents: [[5, 0]] }));
    network.run(network.now + 20_000);
    for (const name of honest) expect(network.entriesOf(name, "all")).toEqual([1]);
  });
});

describe("bytes", () => {
  refusesEach([
    ["that are nothing", /^cbor-truncated/, () => ({ message: new Uint8Array(0) })],
    ["that are garbage", /^cbor-/, () => ({ message: Uint8Array.of(0xff, 0xfe, 0xfd) })],
    [
      "after the end of a message",
      /^cbor-trailing/,
      (forge) => ({ message: concat([blockOf(forge).message, Uint8Array.of(0)]) }),
    ],
    // WANT of no hashes, its type 6 in two bytes where one is enough.
    [
      "of CBOR that is not canonical",
      /^cbor-not-shortest: CBOR at byte 1: 6 is not in its shortest form/,
      () => ({ message: Uint8Array.of(0x82, 0x18, 0x06, 0x80) }),
    ],
    ["of an unknown type", /^message-type: message is of an unknown type/, () => ({ message: encode([99]) })],
    [
      "above the limit of a message",
      /^message-limit: message has 65537 bytes, and the most is 65536/,
      () => ({ message: new Uint8Array(messageLimit + 1) }),
    ],
  ]);

  it("that are invalid eight times cut their sender off, in words, and it is heard no more", () => {
    const scene = withLiar();
    const { network, forge } = scene;
    for (let count = 0; count < 7; count++) tell(scene, { message: Uint8Array.of(0xff) });
    const { cuts } = network.members.get("a")!;
    expect(cuts).toEqual([]);
    tell(scene, { message: Uint8Array.of(0xff) });
    expect(cuts).toHaveLength(1);
    expect(cuts[0]!.reason.code).toBe("peer-cut-off");
    expect(cuts[0]!.reason.message).toMatch(/^[0-9a-f]{16} sent 8 invalid messages, the last of them: /);
    expect(cuts[0]!.reason.remedy).toMatch(/Look at this participant/);
    const before = standing(scene);
    expect(tell(scene, blockOf(forge))).toHaveLength(8);
    expect(standing(scene)).toBe(before);
    expectGoesOn(scene);
  });
});
