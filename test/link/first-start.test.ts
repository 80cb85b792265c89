import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VertebraError } from "../../firmware/core/errors";
import { Credentials } from "../../firmware/core/identity/credentials";
import { decodeWorldProvision, encodeWorldProvision } from "../../firmware/core/identity/provision";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import { encode } from "../../firmware/core/wire/cbor";
import { nobleCrypto } from "../../firmware/device/noble";
import { createBlank, receiveByBlank } from "../../firmware/link/blank";
import { encodeFrame, kinds } from "../../firmware/link/frames";
import { createPreamble } from "../../firmware/link/preamble";
import {
  decodeBlank,
  decodeOffer,
  decodePrepared,
  decodeRefusal,
  encodeOffer,
  longestOffer,
} from "../../firmware/link/provisioning";
import {
  alarmProvisioner,
  createProvisioner,
  offerWorld,
  receiveByProvisioner,
} from "../../gateway/avatars/provisioner";
import { refusal } from "../core/refusal";
import { identified, offeredWorld, startFirst } from "./first-start";
import { identityOf, seeded, seededRandom, worldA, worldB } from "./pair";
import { toyCurves } from "./toy-curves";

const crypto = nobleCrypto();
const toys = toyCurves();

/** Who the board says that it is, by the seed that it kept. */
function avatarOf(seed: Uint8Array, its = crypto): Uint8Array {
  return new Credentials(its, seed, worldA).avatar.publicKey;
}

function holds(all: readonly Uint8Array[], secret: Uint8Array): boolean {
  const text = all.map(toHex).join("");
  return text.includes(toHex(secret).slice(2, -2));
}

describe("a board's first start", () => {
  it("gives it the world that it is offered, and a seed of its own, which never crosses the wire, nor does the World id", () => {
    const start = startFirst(crypto, 1);
    start.run(5_000);
    expect(start.outcome).toBe("member");
    const { seed, worlds } = start.board.kept!;
    expect(worlds).toEqual([offeredWorld(crypto)]);
    expect(start.made.map(({ avatar }) => toHex(avatar))).toEqual([toHex(avatarOf(seed))]);
    expect(holds(start.written, seed) || holds(start.written, worldA)).toBe(false);
  });

  it("tells the gateway who the board is before the board keeps that, whatever the wire does, and keeps it once", () => {
    fc.assert(
      fc.property(fc.integer(), fc.double({ min: 0, max: 0.6, noNaN: true }), fc.nat(6), (seed, harm, cuts) => {
        const next = seeded(seed ^ 0x5bd1e995);
        const wire = (_: string, bytes: Uint8Array): Uint8Array[] => {
          const draw = next();
          if (draw > harm) return [bytes];
          if (draw < harm / 5) return [];
          if (draw < (2 * harm) / 5) return [bytes, bytes];
          const at = Math.floor(next() * bytes.length);
          if (draw < (3 * harm) / 5) return [bytes.subarray(0, at), bytes.subarray(at)];
          const spoilt = bytes.slice();
          spoilt[at]! ^= 1 << Math.floor(next() * 8);
          return draw < (4 * harm) / 5 ? [spoilt] : [bytes.subarray(at)];
        };
        const start = startFirst(toys, seed, wire);
        for (let cut = 0; cut < cuts; cut++) {
          start.run(Math.floor(next() * 1_500));
          start.cutPower();
        }
        start.run(61_000);
        const { kept } = start.board;
        if (kept !== undefined) {
          const avatar = avatarOf(kept.seed, toys);
          expect(start.made.some((made) => equal(made.avatar, avatar))).toBe(true);
          expect(kept.worlds).toEqual([offeredWorld(toys)]);
        }
        // Where it could not, in a minute of such a wire, it says why.
        if (start.outcome === "member") expect(kept).toBeDefined();
        else expect(start.outcome).toMatchObject({ code: expect.stringMatching(/^provision-(silent|stuck)$/) });
        if (harm < 0.2) expect(start.outcome).toBe("member");
      }),
      { numRuns: 300 },
    );
  });

  it("begins anew with a board that lost its power before it kept anything, and knows the one that it is then", () => {
    let deaf = false;
    // What is said after its first answer does not reach it.
    const wire = (from: string, bytes: Uint8Array) => (from === "gateway" && deaf ? [] : [bytes]);
    const start = startFirst(crypto, 2, wire, () => {
      deaf = start.made.length === 0;
      return undefined;
    });
    start.run(1_500);
    expect(start.made).toHaveLength(1);
    expect(start.board.kept).toBeUndefined();
    deaf = false;
    start.cutPower();
    start.run(5_000);
    expect(start.outcome).toBe("member");
    expect(start.made).toHaveLength(2);
    expect(toHex(start.made[1]!.avatar)).toBe(toHex(avatarOf(start.board.kept!.seed)));
  });

  it("ends with what the board says, where it can't be in such a world", () => {
    const refusal = new VertebraError("board-memory", "It has no memory for that", "Give it less to do.");
    const start = startFirst(crypto, 3, undefined, () => refusal);
    start.run(5_000);
    expect(start.outcome).toMatchObject({ code: "board-memory", message: refusal.message, remedy: refusal.remedy });
    expect(start.board.kept).toBeUndefined();
    expect(start.board.notices.map(({ code }) => code)).toEqual(["board-memory"]);
  });

  it("ends in a sentence where nothing is there, where the board has an identity, and where its world does not fit into a frame", () => {
    const silent = startFirst(crypto, 4, () => []);
    silent.run(30_000);
    expect(silent.outcome).toMatchObject({ code: "provision-silent" });
    const other = createPreamble(seededRandom(seeded(1)), identityOf(crypto, 1, worldB).worldTag, 0);
    const provisioner = createProvisioner({
      ...{ crypto, random: seededRandom(seeded(5)), identity: identityOf(crypto, 9), place: "/dev/x", now: 0 },
    });
    expect(receiveByProvisioner(provisioner, encodeFrame(kinds.preamble, other), 0)).toMatchObject([
      { kind: "failed", error: { code: "board-provisioned" } },
    ]);
    const large = startFirst(crypto, 6, undefined, undefined, offeredWorld(crypto, 20));
    expect(refusal(() => large.run(2_000))).toMatch(/^provision-size/);
  });

  it("ends where the board is heard, and hears nothing", () => {
    const start = startFirst(crypto, 7, (from, bytes) => (from === "gateway" ? [] : [bytes]));
    start.run(61_000);
    expect(start.outcome).toMatchObject({ code: "provision-stuck" });
  });

  it("asks one that goes on with a session whose it is", () => {
    const provisioner = createProvisioner({
      ...{ crypto, random: seededRandom(seeded(5)), identity: identityOf(crypto, 9), place: "/dev/x", now: 0 },
    });
    const record = encodeFrame(kinds.record, new Uint8Array(30));
    expect(receiveByProvisioner(provisioner, record, 0).map(({ kind }) => kind)).toEqual(["write"]);
    expect(receiveByProvisioner(provisioner, record, 0)).toEqual([]);
    expect(alarmProvisioner(provisioner, 10_000)).toMatchObject([
      { kind: "failed", error: { code: "board-provisioned" } },
    ]);
  });
});

describe("a blank board", () => {
  const blankWith = (random = seededRandom(seeded(7))) =>
    createBlank({ crypto, random, kind: "rv32", identityIn: identified(crypto) });
  /** What a gateway of this world offers it. */
  const offerTo = (key: Uint8Array, seed = 8) => {
    const provisioner = createProvisioner({
      ...{ crypto, random: seededRandom(seeded(seed)), identity: identityOf(crypto, 9), place: "/dev/x", now: 0 },
    });
    provisioner.board = { kind: "rv32", key };
    const [offer] = offerWorld(provisioner, encodeWorldProvision(offeredWorld(crypto)));
    return (offer as { readonly bytes: Uint8Array }).bytes;
  };

  it("does nothing for an offer that was made to another, nor for one whose key is of small order, nor for a commit that nobody sealed", () => {
    const [blank, other] = [blankWith(), blankWith(seededRandom(seeded(70)))];
    expect(receiveByBlank(blank, offerTo(other.key))).toEqual([]);
    const small = encodeFrame(kinds.offer, encodeOffer({ key: new Uint8Array(32), sealed: new Uint8Array(48) }));
    expect(receiveByBlank(blank, small)).toEqual([]);
    expect(receiveByBlank(blank, encodeFrame(kinds.commit, new Uint8Array(16)))).toEqual([]);
    expect(receiveByBlank(blank, offerTo(blank.key)).map(({ kind }) => kind)).toEqual(["write"]);
    expect(receiveByBlank(blank, encodeFrame(kinds.commit, new Uint8Array(16)))).toEqual([]);
  });

  it("answers the same offer the same, and looks at a few others a second", () => {
    const blank = blankWith();
    const offer = offerTo(blank.key);
    expect(receiveByBlank(blank, offer)).toEqual(receiveByBlank(blank, offer));
    const answers = [9, 10, 11, 12, 13].map((seed) => receiveByBlank(blank, offerTo(blank.key, seed)).length);
    expect(answers).toEqual([1, 1, 1, 0, 0]);
  });

  it("says to one of a later version that it can't speak with it", () => {
    const [answer] = receiveByBlank(
      blankWith(),
      encodeFrame(kinds.offer, encode([2, new Uint8Array(32), new Uint8Array(16)])),
    );
    expect(answer).toMatchObject({ kind: "notice", error: { code: "provision-version" } });
  });
});

describe("a decoder of a first start", () => {
  const decoders = [decodeBlank, decodeOffer, decodePrepared, decodeRefusal, decodeWorldProvision];

  it("takes any bytes, or refuses them with an error for a person", () => {
    fc.assert(
      fc.property(fc.constantFrom(...decoders), fc.uint8Array({ maxLength: longestOffer + 10 }), (decode, bytes) => {
        try {
          decode(bytes);
        } catch (error) {
          expect(error instanceof VertebraError && error.remedy.length > 0).toBe(true);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
